"""HTML and XHTML to text with source offsets: tags.py cuts markup into tags, flattening.py makes text of them."""
