"""Questions with known answers, and how well each space found them."""
