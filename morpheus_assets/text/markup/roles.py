"""What an EPUB says a passage is for: epub:type, landmarks and ARIA's doc- roles, reduced to four words."""

from collections.abc import Iterable

_words = str.split

_CHAPTER = frozenset(_words("chapter prologue epilogue conclusion"))
_PART = frozenset(_words("part volume division"))
_FRONT = frozenset(
    _words(
        "cover titlepage halftitlepage halftitle title-page imprint copyright-page dedication epigraph foreword "
        "introduction preface preamble acknowledgments toc contents landmarks lot loi frontmatter seriespage "
        "front-matter contributors other-credits errata"
    )
)
_BACK = frozenset(
    _words(
        "colophon uncopyright endnotes rearnotes footnotes bibliography index glossary appendix afterword backmatter "
        "appendices endnote credits answers keywords"
    )
)


def role_of(types: Iterable[str]) -> str:
    """ "chapter", "part", "front", "back" or "", from epub:type values, the innermost first.

    The generic frontmatter and backmatter of a whole file count only when nothing nearer speaks.
    """
    for value in types:
        words = {word.lower().rsplit(":", 1)[-1] for word in value.split()}
        if words & _CHAPTER:
            return "chapter"
        if words & _PART:
            return "part"
        if words & _FRONT:
            return "front"
        if words & _BACK:
            return "back"
    return ""
