"""What can be wrong with a panel, one sentence each; nothing here knows how images are read."""


class ImageError(Exception):
    """Base class; the message is one sentence that names the file and the way out."""


class RefusedImage(ImageError):
    """This one image cannot become a panel; every other image of the novel goes on."""


def shown(name: str, limit: int = 80) -> str:
    """`name` fit for a sentence: no control characters, at most `limit` characters, both ends kept."""
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    if len(printable) <= limit:
        return printable
    return f"{printable[: limit // 2]}…{printable[-(limit // 2) + 1 :]}"
