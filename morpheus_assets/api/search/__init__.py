"""A search on the event loop: vectors and answers side by side, best sentences."""
