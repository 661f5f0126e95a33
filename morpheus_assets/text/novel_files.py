"""A novel's file on disk becomes a Document, with the digest of its bytes; the same for assets and `inspect`."""

import hashlib
from pathlib import Path

from morpheus_assets.text.documents import Document
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.formats import read_document


class UnreadableNovelFile(UnreadableText):
    """The file cannot become a novel; `digest` is the hex sha256 of its bytes, None when they cannot be read."""

    def __init__(self, reason: str, digest: str | None) -> None:
        super().__init__(reason)
        self.digest = digest


def read_novel_file(path: Path, *, max_bytes: int) -> tuple[Document, str]:
    """The document and the hex sha256 of the file; one larger than `max_bytes` is refused before it is read.

    Raises UnreadableNovelFile with one sentence.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            raise UnreadableNovelFile(
                f"{path.name} has {size:,} bytes, and a novel may have {max_bytes:,}: split it, or raise"
                " MORPHEUS_MAX_NOVEL_BYTES.",
                digest,
            )
        data = path.read_bytes()
    except OSError as error:
        reason = f"{path.name} cannot be read ({error.strerror or error}): check the path and its permissions."
        raise UnreadableNovelFile(reason, None) from error
    digest = hashlib.sha256(data).hexdigest()
    try:
        return read_document(data, path.name), digest
    except UnreadableText as error:
        raise UnreadableNovelFile(str(error), digest) from error
