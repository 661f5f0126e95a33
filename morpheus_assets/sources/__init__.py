"""Where content lies, a local folder or a bucket: what is there, what it is called, how it is read."""
