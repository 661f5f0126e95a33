"""Connected parts of masks, and what is reached from seeds, are those that a walk from pixel to pixel finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from morpheus_assets.images.flooding import connected_parts, reached_from

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


def walked(mask: np.ndarray, begin: tuple[int, int]) -> set[tuple[int, int]]:
    found, todo = {begin}, [begin]
    while todo:
        y, x = todo.pop()
        for near in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            inside = 0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1]
            if inside and mask[near] and near not in found:
                found.add(near)
                todo.append(near)
    return found


@given(masks)
def test_each_part_has_the_pixels_that_can_be_walked_to_and_the_box_around_them(mask: np.ndarray) -> None:
    parts = connected_parts(mask)

    told = {number: (pixels, box) for number, pixels, box in parts.each()}
    assert set(np.unique(parts.labels[mask])) == set(told)
    assert not parts.labels[~mask].any()
    for number, (pixels, box) in told.items():
        ys, xs = np.nonzero(parts.labels == number)
        assert set(zip(ys.tolist(), xs.tolist(), strict=True)) == walked(mask, (int(ys[0]), int(xs[0])))
        assert pixels == len(ys)
        assert box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


@given(masks, st.data())
def test_a_flood_reaches_the_parts_that_its_seeds_lie_in_and_no_other(mask: np.ndarray, data: st.DataObject) -> None:
    seeds = data.draw(arrays(bool, mask.shape))

    parts = connected_parts(mask)

    wanted = np.isin(parts.labels, np.unique(parts.labels[seeds & mask])) & mask
    assert np.array_equal(reached_from(mask, seeds), wanted)


@pytest.mark.parametrize("full", [True, False])
def test_a_mask_of_one_value_is_one_part_or_none(full: bool) -> None:
    assert len(list(connected_parts(np.full((9, 7), full)).each())) == int(full)
