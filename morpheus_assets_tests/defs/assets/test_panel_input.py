import hashlib
import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from morpheus_assets.embedding.errors import InputRefused
from morpheus_assets.services.embed_novels import panel_input
from morpheus_assets.services.page_reading import PageReader
from morpheus_assets.sources.local import LocalSource
from morpheus_assets.store.spaces.coverage import MissingInput


def reader(data: bytes) -> PageReader:
    folder = Path(tempfile.mkdtemp())
    (folder / "novel").mkdir()
    (folder / "novel" / "page").write_bytes(data)
    return PageReader(LocalSource(folder), 10_000_000)


def listed(form: str) -> tuple[bytes, Any]:
    body = io.BytesIO()
    Image.linear_gradient("L").resize((800, 1200)).convert("RGB").save(body, form)
    data = body.getvalue()
    row = MissingInput(hashlib.sha256(data).digest(), "novel", "novel/page", 0)
    return data, panel_input(reader(data), row).content


def test_a_panel_is_opened_whole_unless_the_model_says_how_little_is_enough() -> None:
    _, opened = listed("JPEG")
    assert opened().size == (800, 1200)
    assert opened(None).size == (800, 1200)
    assert opened(lambda size: (150, 150)).size == (200, 300)
    _, opened = listed("PNG")
    assert opened(lambda size: (150, 150)).size == (800, 1200)


def test_a_panel_that_changed_since_it_was_listed_is_refused_however_small_it_may_come() -> None:
    data, _ = listed("JPEG")
    row = MissingInput(hashlib.sha256(data).digest(), "novel", "novel/page", 0)
    opened = panel_input(reader(data + b"\0"), row).content
    with pytest.raises(InputRefused, match="changed since it was listed"):
        opened(lambda size: (150, 150))
