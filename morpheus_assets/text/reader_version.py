"""Version of everything that decides which text the bytes of a file become; reading is formats.py's."""

import unicodedata
from functools import cache

READER_RULES = "reader 6"
"""Raised when the same bytes may become another text, or be told another way: each file is then read anew."""
_PACKAGES = ("ftfy", "lxml", "mammoth", "markdown-it-py", "py3langid", "pypdfium2")


@cache
def reader_version() -> str:
    """The rules, the packages that read for them, and the Unicode of this Python."""
    from importlib.metadata import version

    packages = "; ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"{READER_RULES}; {packages}; Unicode {unicodedata.unidata_version}"
