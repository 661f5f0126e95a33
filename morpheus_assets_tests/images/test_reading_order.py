"""Boxes are read by rows and then by columns, in both directions."""

from morpheus_assets.images.reading_order import reading_order

GRID = [(0, 0, 100, 100), (110, 0, 200, 100), (0, 110, 100, 200), (110, 110, 200, 200)]


def test_a_grid_is_read_by_rows() -> None:
    assert reading_order(GRID) == [0, 1, 2, 3]


def test_from_right_to_left_only_the_columns_turn() -> None:
    assert reading_order(GRID, "rtl") == [1, 0, 3, 2]


def test_the_order_in_which_boxes_come_does_not_matter() -> None:
    turned = [GRID[i] for i in (3, 1, 0, 2)]

    assert [turned[i] for i in reading_order(turned)] == GRID


def test_a_tall_panel_is_read_before_the_stack_beside_it() -> None:
    boxes = [(110, 0, 200, 95), (0, 0, 100, 200), (110, 105, 200, 200)]

    assert reading_order(boxes) == [1, 0, 2]
    assert reading_order(boxes, "rtl") == [0, 2, 1]


def test_slanted_panels_whose_boxes_overlap_are_still_rows() -> None:
    boxes = [(0, 0, 110, 120), (95, 0, 200, 110), (0, 100, 200, 220)]

    assert reading_order(boxes) == [0, 1, 2]


def test_a_panel_within_another_follows_it() -> None:
    boxes = [(120, 20, 180, 80), (0, 0, 200, 100), (0, 110, 200, 200)]

    assert reading_order(boxes) == [1, 0, 2]


def test_two_strips_of_four_panels_are_read_one_after_the_other() -> None:
    strips = [(x, y, x + 90, y + 90) for x in (0, 150) for y in (0, 100, 200, 300)]

    assert reading_order(strips) == list(range(8))
    assert [strips[i] for i in reading_order(strips, "rtl")] == strips[4:] + strips[:4]


def test_no_boxes_have_no_order() -> None:
    assert reading_order([]) == []
