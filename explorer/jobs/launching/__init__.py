"""Places where workers are started: what is asked of one, and those there are."""
