import pytest

from morpheus_assets_tests.hostile.files import IMAGES, TEXTS
from morpheus_assets_tests.hostile.measuring import measure

# What takes longer on purpose is in bench/hostile_files.py, which reads every row.
LONGEST = 20.0
ROWS = [
    pytest.param(kind, number, id=f"{row.title}")
    for kind, rows in (("text", TEXTS), ("image", IMAGES))
    for number, row in enumerate(rows)
    if row.seconds <= LONGEST
]


@pytest.mark.parametrize(("kind", "number"), ROWS)
def test_a_hostile_file_is_read_or_refused_in_bounded_time_and_memory(kind: str, number: int):
    row = (TEXTS if kind == "text" else IMAGES)[number]
    found = measure(kind, number, limit=60 + 4 * row.seconds)
    assert found.outcome == row.outcome, found
    assert found.right, found
    assert found.seconds < row.seconds
    assert found.megabytes < row.megabytes
    if row.outcome == "refused":
        # One sentence of our own, that names the file.
        assert found.said.startswith(("UnreadableText: b.", "RefusedImage: b.")), found.said
        assert row.says in found.said
        assert "\n" not in found.said
