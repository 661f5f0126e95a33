"""A novel's file on disk becomes a Document, with the digest of its bytes; for assets and `inspect` alike."""

import hashlib
from collections.abc import Callable
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


def read_novel_object(name: str, size: int, mark: str, read: Callable[[], bytes | None]) -> Document:
    """The document in an object of `size` bytes; one that is too large is refused before it is read.

    `mark` stands for its bytes where a file has a digest; `read` gives None when it is gone or grew since it was
    listed. Raises UnreadableNovelFile with one sentence.
    """
    try:
        check_size(name, size)
        data = read()
        if data is None:
            raise UnreadableNovelFile(f"{name} changed since it was listed: its next run takes it as it is.", None)
        return read_document(data, name)
    except UnreadableNovelFile:
        raise
    except UnreadableText as error:
        raise UnreadableNovelFile(str(error), mark) from error
