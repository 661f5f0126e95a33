from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceName
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.store.spaces.indexes import ensure_index
from morpheus_assets.store.spaces.spaces import activate_first, get_space, register_space
from morpheus_assets.store.spaces.vectors import write_batch


def test_runs_that_end_together_build_one_index_and_none_of_them_fails(engine: Engine):
    # A builder that lets writers go on waits for every older snapshot; whoever waits for the builder may hold none.
    space = resolve_text_space(SpaceName("openai", "text-embedding-3-small", 256))
    row = register_space(engine, space)
    chance = np.random.default_rng(1)
    hashes = [number.to_bytes(32, "big") for number in range(3000)]
    write_batch(engine, row, hashes, chance.normal(size=(3000, 256)).astype(np.float32))
    activate_first(engine, row.key)
    row = get_space(engine, row.key)
    assert row.state == "active"
    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(lambda _: ensure_index(engine, row, smallest=1000), range(4)))
    assert sorted(report.action for report in reports) == ["built", "kept", "kept", "kept"]
