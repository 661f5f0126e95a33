"""One file a provider, with its own spec; `registry` lists them, `base` says what a provider is."""
