import json
from collections import Counter

import numpy as np
import pytest

from bench.growth_corpus import VectorModel, novel_text
from bench.growth_costs import costs
from bench.growth_plan import Measured, plan, put
from bench.growth_report import tables
from bench.growth_search import scopes
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.chunking.chunks import cut_chunks
from morpheus_assets.text.formats import read_document


def passages(number: int, chapters: tuple[int, ...]) -> list:
    document = read_document(novel_text(number, chapters).encode(), "made.txt")
    return list(cut_chunks(document.text, find_chapters(document)))


def test_a_made_novel_has_the_passages_that_its_chapters_promise() -> None:
    found = passages(3, (4, 9, 2))
    assert Counter(chunk.chapter for chunk in found) == {1: 4, 2: 9, 3: 2}
    assert len({chunk.content_hash for chunk in found}) == 15


def test_made_vectors_depend_on_the_text_alone_and_have_neighbours() -> None:
    model = VectorModel(256)
    bodies = [chunk.body for number in (1, 2) for chunk in passages(number, (20,))]
    rows = model.vectors(bodies)
    assert np.allclose(VectorModel(256).vectors(bodies[5:6])[0], rows[5], atol=1e-5)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    cosines = rows @ rows.T
    inside, across = cosines[:20, :20][np.triu_indices(20, 1)], cosines[:20, 20:]
    assert inside.mean() > across.mean() + 0.1
    assert np.quantile(inside, 0.9) > 0.5


@pytest.mark.parametrize("novels", [1, 10, 100])
def test_filters_cover_a_tenth_and_a_hundredth_of_the_corpus(novels) -> None:
    chunks = {None: 1000, 15: 100, 5: 10}
    sizes = [
        chunks[scope.chapter] * len(scope.novels or range(novels)) / (1000 * novels)
        for scope in scopes([f"novel-{number}" for number in range(novels)])
    ]
    assert sizes == [1, 0.1, 0.01]


def novel(writing: float, building: float = 0.0) -> dict:
    return {
        "wall": 4.0, "own": 1.0, "postgres": 0.5 + writing + building, "provider": 0.2, "wal_bytes": 12_000_000,
        "events": 60, "event_bytes": 90_000,
        "parts": {"write_batch.postgres": writing, "_build.postgres": building},
    }  # fmt: skip


def test_what_the_live_index_adds_and_what_builds_take_are_told_apart() -> None:
    grown = [novel(0.1)] * 9 + [novel(0.1, building=5.0)] + [novel(1.1)] * 10
    small, large = costs(grown, 1000), costs(grown, 20_000)
    assert small["cpu"] == pytest.approx(1.6)
    assert large["cpu"] == pytest.approx(2.6)
    assert large["without_index_cpu"] == pytest.approx(small["without_index_cpu"])
    assert large["builds_cpu"] == pytest.approx(5 / 20)
    assert large["wal_bytes"] == pytest.approx(12_000)


def test_a_plan_grows_in_proportion_and_an_index_with_the_logarithm_too() -> None:
    measured = Measured(
        chunks=100_000, disk_bytes=12_000, index_bytes=600, words_bytes=400, wal_bytes=14_000, run_ms=1.0,
        postgres_ms=0.6, live_ms=0.9, build_ms=0.36, search_ms=15, event_bytes=90_000,
    )  # fmt: skip
    made = plan(measured, 10_000_000, 1_000_000)
    assert made["disk, GB"] == "120"
    assert made["price, text-embedding-3-large"] == "$254"
    assert made["of that the build"] == "1.4"  # 10 million × 0.36 ms is an hour; the graph is 7/5 as deep
    assert made["CPU ms of a corpus-wide search by vector"] == "21"


def test_tables_are_put_where_the_page_has_a_place_for_them() -> None:
    page = "before\n<!-- plan -->\nold\n<!-- /plan -->\nafter\n"
    assert put(page, "plan", "new") == "before\n<!-- plan -->\n\nnew\n\n<!-- /plan -->\nafter\n"
    assert put(put(page, "plan", "x"), "plan", "new") == put(page, "plan", "new")
    with pytest.raises(SystemExit, match="no place for 'measured'"):
        put(page, "measured", "new")


JUDGED = {
    "sentence": {"questions": 30, "first": 1.0, "five": 1.0, "mrr": 1.0},
    "five words": {"questions": 30, "first": 0.9, "five": 1.0, "mrr": 0.94},
}


def size(chunks: int, **more: object) -> dict:
    searched = {"first_ms": 90.0, "p50_ms": 9.0, "p95_ms": 12.0, "postgres_ms": 8.0, "recall": 0.99}
    memory = {"all": 200 << 20, "largest": 50 << 20}
    return {
        "chunks": chunks, "index": None, "bytes": {"vectors": 8300.0, "vectors_index": 440.0, "chunk_words": 300.0},
        "vector": {"corpus": searched}, "hybrid": {"corpus": searched}, "cold": {"corpus": searched},
        "search_memory": memory, "ingest_memory": {"own": 210 << 20, **memory}, "judged": JUDGED, **more,
    }  # fmt: skip


def test_one_measurement_gives_every_table_and_the_plan(tmp_path) -> None:
    lists = {
        "wall": 9.0, "postgres": 8.0, "memory": {"all": 300 << 20, "largest": 90 << 20}, "bytes": 440.0,
        "recall": 0.998, "p95_ms": 14.0, "postgres_ms": 11.0, "novel": novel(0.13), "judged": JUDGED,
    }  # fmt: skip
    graph = {**lists, "bytes": 600.0, "postgres": 13.0, "postgres_ms": 6.0, "novel": novel(0.7)}
    found = {
        "dimensions": 3072, "cores": 2, "load_before": 0.1, "load_after": 1.0, "seconds": 600.0,
        "novels": [novel(0.1)] * 17 + [novel(0.13)] * 3,
        "sizes": [size(1000), size(20_000, index="ivf-binary", indexes={"ivf-binary": lists, "hnsw-binary": graph})],
    }  # fmt: skip
    shown = tables(found)
    assert "| build: CPU ms a chunk | no index | 0.40 \\| 0.65 |" in shown
    assert "| by five words of a passage | 0.900 / 1.000 | 0.900 / 1.000 |" in shown
    assert "| found by vector and words: mean reciprocal rank | no index | 0.970 \\| 0.970 |" in shown
    assert "| the very first search, ms | 90 | 90 |" in shown
    assert "| a run over one novel: its process | 210 | 210 |" in shown
    (tmp_path / "growth.json").write_text(json.dumps(found))
    measured = Measured.read(tmp_path / "growth.json")
    # A plan is for millions, which lie in a graph: .6 ms live, whatever the lists cost; Postgres without any index .6.
    assert measured.live_ms == pytest.approx(0.6)
    assert measured.postgres_ms == pytest.approx(0.6)
    assert measured.disk_bytes == pytest.approx(8300 + 600 + 300)


def test_what_was_measured_before_questions_were_asked_is_shown_without_them() -> None:
    lists = {
        "wall": 9.0, "postgres": 8.0, "memory": {"all": 300 << 20, "largest": 90 << 20}, "bytes": 440.0,
        "recall": 0.998, "p95_ms": 14.0, "postgres_ms": 11.0, "novel": novel(0.13),
    }  # fmt: skip
    before = size(20_000, index="ivf-binary", indexes={"ivf-binary": lists, "hnsw-binary": lists})
    del before["judged"]
    found = {"dimensions": 3072, "cores": 2, "load_before": 0.1, "load_after": 1.0, "seconds": 600.0}
    shown = tables({**found, "novels": [novel(0.1)] * 20, "sizes": [before]})
    assert "among five" not in shown
    assert "mean reciprocal rank | not judged \\| not judged |" in shown
