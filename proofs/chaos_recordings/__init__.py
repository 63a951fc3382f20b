"""Break the recordings of many calls in every way and see that none is lost."""
