"""A person's boxes are read line by line; what is wrong with one takes no other with it."""

import pytest

from morpheus_assets.images.corrections import read_corrections

ROWS = "page\tleft\ttop\tright\tbottom\n1.png\t0\t0\t10\t20\n1.png\t10\t0\t20\t20\nvol1.cbz\\2.png\t-\n"
BOXES = {"1.png": ((0, 0, 10, 20), (10, 0, 20, 20)), "vol1.cbz/2.png": ()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_boxes_are_read_as_editors_and_spreadsheets_save_them(encoding: str) -> None:
    assert read_corrections(ROWS.encode(encoding)).boxes == BOXES


@pytest.mark.parametrize("line", ["1.png\t1\t2\t3", "1.png\ta\tb\tc\td", "1.png\t9\t0\t3\t4", "1.png\t-1\t0\t3\t4"])
def test_a_line_that_is_no_box_is_named_and_left_out(line: str) -> None:
    found = read_corrections(f"{ROWS}{line}\n".encode())

    assert found.boxes == BOXES
    (problem,) = found.problems
    assert problem.startswith("regions.tsv, line 5, is no")


def test_a_page_that_is_not_there_is_named() -> None:
    found = read_corrections(ROWS.encode())

    assert found.unknown({"1.png", "vol1.cbz/2.png"}) == ()
    (problem,) = found.unknown({"1.png"})
    assert problem.startswith("regions.tsv names 'vol1.cbz/2.png', which is no stored page of this novel")
