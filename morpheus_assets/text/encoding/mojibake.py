"""Repair of text that was encoded twice (an apostrophe that became three characters, one of them a euro sign)."""

import re

_LOST_CLOSING_QUOTE = re.compile("â€(?:\ufffd|\x9d)")

# What ftfy looks for holds a character beyond ASCII and no more than two of ASCII in a row.
_LONG_ASCII = re.compile(r"(?<=[\x00-\x7f]{8})[\x00-\x7f]+(?=[\x00-\x7f]{8})")

# "Â la carte" is careless French and no damage, though ftfy alone would make a space of its first letter.
_LONE_CAPITAL = re.compile(r"(?<!\w)[ÂÃ](?= )")


def looks_damaged(text: str) -> bool:
    """True where ftfy calls a text bad, which takes it .2 s a million characters, however few are beyond ASCII."""
    if text.isascii():
        return False
    from ftfy.badness import is_bad

    return is_bad(_LONG_ASCII.sub("", text))


def undo_double_encoding(text: str) -> tuple[str, str]:
    """The text as it was meant, and a sentence about the repair, or "" when nothing had to be done.

    Line breaks stay where they are. A whole file that reads as UTF-8 once more is proof; else single lines are
    mended, and only where ftfy calls the text bad, since a wrong repair would be worse than none.
    """
    if not looks_damaged(text):
        return text, ""
    from ftfy.badness import is_bad

    # cp1252 has no character for byte 9D, so the closing quote is the one that such a round trip loses.
    candidate = _LOST_CLOSING_QUOTE.sub("â€\x9d", text)
    whole = _as_utf8_again(candidate)
    if whole is not None and whole.count("\n") == candidate.count("\n"):
        return whole, "The text had been encoded as UTF-8 twice; the second encoding was undone."
    lines = candidate.split("\n")
    mended = [_mended(line) if is_bad(_LONE_CAPITAL.sub("A", line)) else line for line in lines]
    changed = sum(1 for old, new in zip(lines, mended, strict=True) if old != new)
    if not changed:
        return text, ""
    return "\n".join(mended), f"{changed:,} lines had been encoded twice; the second encoding was undone."


def _as_utf8_again(text: str) -> str | None:
    import ftfy.bad_codecs  # noqa: F401 - registers sloppy-windows-1252

    for encoding in ("sloppy-windows-1252", "mac_roman"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return None


def _mended(line: str) -> str:
    from ftfy import TextFixerConfig, fix_encoding

    fixed = fix_encoding(line, TextFixerConfig(uncurl_quotes=False))
    return fixed if "\n" not in fixed else line
