"""Jobs, with the ops they are made of."""
