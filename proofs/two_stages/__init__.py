"""Two stages in one account and region do not notice each other."""
