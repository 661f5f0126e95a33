"""From what a novel's file held to the row that is stored of it: the joint of the text and store floors."""

import dataclasses
import hashlib

from morpheus_assets.domain.content import HeadingRecord, NovelRecord
from morpheus_assets.text.documents import Document
from morpheus_assets.text.reader_version import reader_version


def novel_record(novel: str, document: Document, source_path: str, source_digest: str) -> NovelRecord:
    """The row of one novel; `source_digest` is the sha256, in hex, of the bytes that were read."""
    return NovelRecord(
        novel=novel,
        title=document.title,
        author=document.author,
        language=document.language,
        format=document.format,
        encoding=document.encoding,
        repairs=document.repairs,
        source_path=source_path,
        source_digest=source_digest,
        text=document.text,
        body_digest=hashlib.sha256(document.text.encode()).hexdigest(),
        reader=reader_version(),
        hints=tuple(HeadingRecord(**dataclasses.asdict(hint)) for hint in document.hints),
    )
