"""Standing checks of what is stored."""
