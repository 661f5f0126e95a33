"""One module a file format, each turning bytes into a Document; formats.py chooses between them."""
