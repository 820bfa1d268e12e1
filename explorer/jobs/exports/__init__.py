"""The kinds of runs that make and time files for elsewhere."""

FILES = "files"  # name of the artifact that holds the bytes of every file, each a tensor of uint8
