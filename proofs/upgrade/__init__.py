"""One release follows another, with the data and the requests of both."""
