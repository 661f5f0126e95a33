"""One file a part of the API: what it takes, what it answers, which errors."""
