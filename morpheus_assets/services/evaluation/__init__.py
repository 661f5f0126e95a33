"""How well a space finds what people ask for: questions, measures, and the comparison of two spaces."""
