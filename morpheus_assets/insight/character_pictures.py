"""Which panels are like a character's reference pictures: cosines, without what all panels of a novel share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from morpheus_assets.domain.unit_vectors import unit_rows

NEAREST = 12
FEWEST_TO_CENTRE = 4


@dataclass(frozen=True)
class AlikePicture:
    """A row of the novel's panels: -1 to 1, how like the references it is, and whether it is one of them."""

    row: int
    likeness: float
    reference: bool


def pictures_like(vectors: Any, references: Sequence[int]) -> list[AlikePicture]:
    """The references and the nearest NEAREST other panels, those that are least like the references first.

    `vectors` [n, d] are those of all panels of a novel, of any length but zero; `references` are rows. A reference is
    compared with the others of them, and a single one with nothing: it is 1. [] without references.
    """
    import numpy as np

    if not references:
        return []
    rows = unit_rows(np.asarray(vectors, dtype=np.float64))
    if len(rows) >= FEWEST_TO_CENTRE:
        rows = unit_rows(rows - rows.mean(axis=0))
    chosen = sorted(set(references))
    sums = rows[chosen].sum(axis=0)
    likeness = rows @ unit_rows(sums[None])[0]
    for row in chosen if len(chosen) > 1 else ():
        likeness[row] = rows[row] @ unit_rows((sums - rows[row])[None])[0]
    if len(chosen) == 1:
        likeness[chosen[0]] = 1.0
    others = sorted(set(range(len(rows))) - set(chosen), key=lambda row: (-likeness[row], row))[:NEAREST]
    found = [AlikePicture(row, round(float(likeness[row]), 4), row in chosen) for row in [*chosen, *others]]
    return sorted(found, key=lambda each: (each.likeness, each.row))
