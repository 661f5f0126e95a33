"""How chapters are found: one concept a file, all pure functions over the document's text.

`morpheus_assets.text.chapters.find` is the only caller; nothing here is meant for other floors.
"""

CHAPTER_RULES = "chapters 2"
"""Version of the rules: changes whenever the same document may be divided otherwise than before."""
