import math

import numpy as np
import orjson
import pytest

from morpheus_assets.store.database.engine import raw
from morpheus_assets.store.database.vector_parameters import half_vector, whole_vector


def test_a_vector_arrives_as_it_would_if_its_numbers_were_written_out(engine) -> None:
    chance = np.random.default_rng(5)
    tiny = np.full(40, 1e-9, np.float32)
    tiny[7] = 1.0
    with engine.connect() as connection:
        for vector in (*chance.standard_normal((20, 1536)).astype(np.float32), tiny):
            unit = (vector / np.linalg.norm(vector.astype(np.float64))).astype(np.float32)
            asked = {
                "half": half_vector(vector),
                "whole": whole_vector(vector),
                "text": orjson.dumps(unit, option=orjson.OPT_SERIALIZE_NUMPY).decode(),
            }
            row = raw(connection).execute(
                "SELECT %(half)s::halfvec = %(text)s::text::halfvec, %(whole)s::vector = %(text)s::text::vector", asked
            )
            assert row.fetchone() == (True, True)


@pytest.mark.parametrize("vector", [[0.0] * 8, [1.0, math.nan], [1.0, math.inf], [[1.0, 2.0]], []])
def test_what_has_no_direction_is_no_question(vector) -> None:
    for made in (half_vector, whole_vector):
        with pytest.raises(ValueError, match="one row of finite numbers"):
            made(vector)
