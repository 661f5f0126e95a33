import pytest
from PIL import Image

from bench.peer_report import END, PROJECT, START, publish, write_report
from morpheus_assets_tests.bench.test_peer_table import run

CONDITIONS = {"at": "2026-01-02 03:04", "cores": 2, "load": 0.5, "python": "3.11.7", "dagster": "1.13.27"}


@pytest.fixture
def written(tmp_path):
    records = [
        run(peer, step, number=number, work=work * number, p50_ms=work if step == "search" else None)
        for number in (1, 2)
        for peer, work in (("limit", 1.0), ("morpheus", 1.1), ("haystack", 400.0))
        for step in ("ingest", "unchanged", "edit-insert", "search")
    ]
    write_report({"conditions": CONDITIONS, "records": records}, tmp_path)
    return tmp_path


def test_the_picture_shows_four_panels_with_the_project_in_its_colour(written):
    with Image.open(written / "beside_peers.png") as picture:
        assert picture.width > 1500
        greens = picture.convert("RGB").getcolors(1 << 20)
    assert sum(count for count, colour in greens if colour == (11, 110, 79)) > 500


def test_publishing_replaces_only_what_stands_between_the_marks(written):
    readme = written / "README.md"
    readme.write_text(f"before\n{START}\nan old table\n{END}\nafter\n")
    publish(written, readme, written / "copy.png")
    text = readme.read_text()
    assert text.startswith(f"before\n{START}\n|")
    assert text.endswith(f"{END}\nafter\n")
    assert "Haystack" in text
    assert "an old table" not in text
    assert "2 rounds" in text
    assert (written / "copy.png").read_bytes() == (written / "beside_peers.png").read_bytes()


def test_publishing_into_a_readme_without_marks_says_so_and_writes_nothing(written):
    readme = written / "README.md"
    readme.write_text("no marks")
    with pytest.raises(ValueError, match="lacks the lines"):
        publish(written, readme, written / "copy.png")
    assert readme.read_text() == "no marks"


def test_the_page_that_is_published_to_has_its_two_marks():
    page = (PROJECT / "bench" / "README.md").read_text(encoding="utf-8")
    assert page.index(START) < page.index(END)
