"""A novel's file on disk becomes a Document, with the digest of its bytes; the same for assets and `inspect`."""

import hashlib
from pathlib import Path

from morpheus_assets.text.documents import Document
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.formats import check_size, read_document


class UnreadableNovelFile(UnreadableText):
    """The file cannot become a novel; `digest` is the hex sha256 of its bytes, None when they cannot be read."""

    def __init__(self, reason: str, digest: str | None) -> None:
        super().__init__(reason)
        self.digest = digest


def read_novel_file(path: Path) -> tuple[Document, str]:
    """The document and the hex sha256 of the file; one that is too large is refused before it is read.

    Raises UnreadableNovelFile with one sentence.
    """
    digest = None
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            check_size(path.name, path.stat().st_size)
            file.seek(0)
            return read_document(file.read(), path.name), digest
    except OSError as error:
        reason = f"{path.name} cannot be read ({error.strerror or error}): check the path and its permissions."
        raise UnreadableNovelFile(reason, digest) from error
    except UnreadableText as error:
        raise UnreadableNovelFile(str(error), digest) from error
