"""Finding of chapters, one step a file; `find.find_chapters` is the way in, the other modules serve it.

What words mean in a language lies in languages/. This module imports nothing, so that CHAPTER_RULES stays light.
"""

CHAPTER_RULES = "chapters 6"
"""Version of the rules: changes whenever the same document may be divided otherwise than before."""
