import time
from contextlib import suppress

import pytest

from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.formats import read_document

N = 60_000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("nested.html", b"<p>story</p>" + b"<div>" * N),
        ("unclosed.html", b"<p>story" * N),
        ("quotes.html", b"<p>story</p>" + b'<a "' * N + b">"),
        ("comments.html", b"<p>story</p>" + b"<!--" * N),
        ("scripts.html", b"<p>story</p>" + b"<script>" * N),
        ("names.html", b"<p>story</p>" + b"".join(b"<x%d hidden>" % i for i in range(N))),
        ("sections.html", b"<section epub:type=chapter>" * N + b"<h1>story</h1>" * N),
        ("accents.html", b"<p>e" + b"<i>\xcc\x81</i>" * N),
        ("brackets.md", b"story " + b"![a" * N),
        ("stars.md", b"story " + b"*a_ " * N),
        ("quotes.md", b">" * N + b"story"),
        ("headings.md", b"# story\n" * (N // 2)),
        ("one_line.txt", b"The story goes on. " * N),
        ("wrong_lead_bytes.txt", b"\xe0" * 10 * N),
    ],
)
def test_hostile_markup_is_read_or_refused_in_seconds(name, data):
    started = time.process_time()
    with suppress(UnreadableText):
        assert read_document(data, name).text
    assert time.process_time() - started < 12
