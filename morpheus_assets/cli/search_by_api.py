"""A search that the running API answers: it has its models loaded, and this process loads nothing but a socket."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from morpheus_assets.cli.hits import Row, Rows
from morpheus_assets.services.running_api import ApiSilent, ask_api
from morpheus_assets.services.search_notes import told_apart
from morpheus_assets.settings import Settings

_ADDRESS = "/api/embeddings/search"
# As long as the API takes it; a longer question is embedded by parts here.
_MOST_CHARACTERS = 4000
_BOUNDARY = "morpheus-search-b7e0d1c4f5"
# What the API calls otherwise, or has for its page.
_ONLY_OF_API = {
    "id", "passage", "passage_similarity", "best_sentence", "text_url", "url", "thumbnail_url", "page_url",
}  # fmt: skip


def search_by_api(settings: Settings, text: str | None, image: Path | None, **options: Any) -> Rows | None:
    """The answer of the API over this data folder to a question, or to a picture; `options` are its parameters.

    None when there is no API or it cannot say. Raises ClickException with the sentence for what it refuses.
    """
    wanted = {name: value for name, value in options.items() if value is not None and value != ()}
    try:
        if image is not None:
            body, kind = _form(image, wanted)
            status, answer = ask_api(settings, "POST", _ADDRESS, body=body, content_type=kind)
        elif len(text or "") > _MOST_CHARACTERS:
            return None
        else:
            status, answer = ask_api(
                settings, "GET", f"{_ADDRESS}?{urlencode({'q': text or '', **wanted}, doseq=True)}"
            )
    except (ApiSilent, UnicodeEncodeError):
        return None
    if status in (404, 422) and answer.get("errors"):
        raise click.ClickException(answer["errors"][0]["detail"])
    return _rows(answer) if status == 200 else None


def _rows(answer: Mapping[str, Any]) -> Rows:
    space = next(iter(answer["spaces"].values()), "")
    rows = [_row(found, space) for found in (*answer["passages"], *answer["panels"])]
    return Rows(rows, *told_apart(answer["notes"]))


def _row(found: Mapping[str, Any], space: str) -> Row:
    row = {name: value for name, value in found.items() if name not in _ONLY_OF_API}
    if "passage" in found:
        row |= {"body": found["passage"], "similarity": found["passage_similarity"]}
    return {**row, "content_hash": found["id"], "space": space}


def _form(image: Path, fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """A multipart form of a picture and some fields, and its content type."""
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    every = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, tuple) else (value,))]
    parts = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in every]
    name = image.name.replace("\\", "\\\\").replace('"', "%22")
    parts.append(f'{head}"file"; filename="{name}"\r\n\r\n'.encode() + image.read_bytes() + b"\r\n")
    return b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()]), f"multipart/form-data; boundary={_BOUNDARY}"
