"""A novel on the web, printed to a PDF by a browser, is the same novel: no header and no address within it."""

import base64
import random
import re
from contextlib import closing
from pathlib import Path

import pytest

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.api.browser import PROGRAM, Browser

pytestmark = [pytest.mark.browser, pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")]

_split = str.split
WORDS = _split(
    "the miller of Ayah’s river went affably to and fro in a good-natured, half-finished garden without any"
    " high-spirited officer while a fishing-boat waited for Mr. Harding and nobody was so first-rate a sailor"
)
STYLE = "body{width:9cm;text-align:justify;font-family:serif} p{margin:.25em 0;text-indent:1em}"


def chapter(rng: random.Random) -> list[str]:
    return [" ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 90))).capitalize() + "." for _ in range(25)]


def printed(chapters: list[list[str]], folder: Path) -> bytes:
    body = "".join(
        f"<h2>CHAPTER {number}</h2>" + "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        for number, paragraphs in enumerate(chapters, 1)
    )
    page = folder / "the-mill.html"
    page.write_text(f"<meta charset=utf-8><title>The Mill, by A. Writer</title><style>{STYLE}</style>{body}<i>End</i>")
    with closing(Browser()) as browser:
        browser.open(page.as_uri())
        browser.wait("document.readyState === 'complete' && document.querySelector('i')")
        return base64.b64decode(browser.send("Page.printToPDF", displayHeaderFooter=True)["data"])


def test_a_narrow_justified_column_is_read_word_for_word_and_paragraph_by_paragraph(tmp_path: Path):
    rng = random.Random(5)
    chapters = [chapter(rng) for _ in range(8)]

    document = read_document(printed(chapters, tmp_path), "the-mill.pdf")

    true = " ".join(f"CHAPTER {number} {' '.join(texts)}" for number, texts in enumerate(chapters, 1))
    joined = re.sub(r"(?<=\w-)\s+", "", document.text)
    assert joined.split() == [*true.split(), "End"]
    assert [each.title for each in find_chapters(document)] == [f"CHAPTER {number}" for number in range(1, 9)]
    blocks = {" ".join(block.split()) for block in re.split(r"\n\n+", re.sub(r"(?<=\w-)\n+", "", document.text))}
    paragraphs = [paragraph for texts in chapters for paragraph in texts]
    assert sum(paragraph in blocks for paragraph in paragraphs) >= 0.9 * len(paragraphs)
