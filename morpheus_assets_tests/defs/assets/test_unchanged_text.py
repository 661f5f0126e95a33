"""What a run over a stored novel does again, and what it leaves standing."""

from collections.abc import Callable

import dagster as dg
import pytest

from morpheus_assets.defs.assets import text
from morpheus_assets.text import formats, novel_files, reader_version
from morpheus_assets.text.chapters import find
from morpheus_assets.text.chunking import chunks
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, metadata_of, story

EVERY_ROW = {
    "novels": "SELECT *, xmin::text FROM novels ORDER BY 1",
    "chapters": "SELECT *, xmin::text FROM chapters ORDER BY 1, 2",
    "chunks": "SELECT *, xmin::text FROM chunks ORDER BY 1, 2, 3",
    "passages": "SELECT *, xmin::text FROM passages ORDER BY 1",
}
TEXT_ASSETS = ("novels", "chapters", "chunks")


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was decoded, searched for chapters and cut, in order."""
    done: list[str] = []

    def watch(module: object, name: str, what: str) -> None:
        real: Callable[..., object] = getattr(module, name)

        def watched(*arguments: object) -> object:
            done.append(what)
            return real(*arguments)

        monkeypatch.setattr(module, name, watched)

    watch(novel_files, "read_document", "decode")
    watch(find, "find_heads", "search")
    watch(chunks, "_cut", "cut")
    return done


def run(deployment: Deployment) -> dg.ExecuteInProcessResult:
    """Materialize the text chain alone."""
    deployment.instance.add_dynamic_partitions("novels", ["emma"])
    return deployment.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=deployment.instance, partition_key="emma", raise_on_error=False,
        asset_selection=[dg.AssetKey(asset) for asset in TEXT_ASSETS],
    )  # fmt: skip


def rows(deployment: Deployment) -> dict[str, list[tuple]]:
    return {name: deployment.rows(query) for name, query in EVERY_ROW.items()}


def test_a_second_run_over_the_same_file_does_nothing_and_says_all_it_said_before(
    deployment: Deployment, work: list[str]
):
    deployment.drop("emma.txt", story(chapters=4))
    first = run(deployment)
    assert work == ["decode", "search", "cut", "cut", "cut", "cut"]
    before = rows(deployment)
    work.clear()
    second = run(deployment)
    assert work == []
    assert rows(deployment) == before
    for asset in TEXT_ASSETS:
        said, again = metadata_of(first, asset), metadata_of(second, asset)
        count = said["dagster/partition_row_count"]
        if asset == "novels":
            assert (said["changed"], again["changed"]) == (True, False)
        else:
            assert (said["rows_written"], said["rows_unchanged"]) == (count, 0)
            assert (again["rows_written"], again["rows_unchanged"], again["rows_deleted"]) == (0, count, 0)
        varying = {"changed", "rows_written", "rows_unchanged", "seconds"}
        assert {k: v for k, v in said.items() if k not in varying} == {
            k: v for k, v in again.items() if k not in varying
        }
        assert said.keys() == again.keys()


def test_a_new_version_of_the_reader_reads_again_and_leaves_what_follows_from_an_equal_text(
    deployment: Deployment, work: list[str], monkeypatch: pytest.MonkeyPatch
):
    deployment.drop("emma.txt", story())
    run(deployment)
    work.clear()
    monkeypatch.setattr(reader_version, "READER_RULES", "another reader")
    reader_version.reader_version.cache_clear()
    try:
        again = run(deployment)
        assert work == ["decode"]
        assert metadata_of(again, "novels")["changed"] is False
        work.clear()
        run(deployment)
        assert work == []
    finally:
        reader_version.reader_version.cache_clear()


def test_a_reader_that_makes_another_text_of_the_same_bytes_has_all_made_anew(
    deployment: Deployment, work: list[str], monkeypatch: pytest.MonkeyPatch
):
    deployment.drop("emma.txt", "\n\n" + story(chapters=3))
    run(deployment)
    real = formats.read_document
    monkeypatch.setattr(reader_version, "READER_RULES", "another reader")
    reader_version.reader_version.cache_clear()
    monkeypatch.setattr(
        novel_files, "read_document", lambda data, name: real(data.replace(b"lantern", b"nightingale"), name)
    )
    work.clear()
    try:
        again = run(deployment)
    finally:
        reader_version.reader_version.cache_clear()
    assert metadata_of(again, "novels")["changed"] is True
    assert work == ["search", "cut", "cut", "cut"]
    assert deployment.rows("SELECT count(*) FROM novel_chunks WHERE strpos(body, 'lantern') > 0") == [(0,)]
    wrong = (
        "SELECT count(*) FROM novel_chunks c, novels n"
        " WHERE substr(n.body, c.char_start + 1, c.char_end - c.char_start) <> c.body"
    )
    assert deployment.rows(wrong) == [(0,)]


def test_new_rules_search_again_and_equal_chapters_are_not_cut_again(
    deployment: Deployment, work: list[str], monkeypatch: pytest.MonkeyPatch
):
    deployment.drop("emma.txt", story())
    run(deployment)
    work.clear()
    monkeypatch.setattr(text, "CHAPTER_RULES", "chapters 99")
    run(deployment)
    assert work == ["search"]


def test_another_chunk_size_cuts_again_and_reads_nothing(deployment: Deployment, work: list[str]):
    deployment.drop("emma.txt", story(chapters=3))
    run(deployment)
    work.clear()
    result = run(deployment.with_settings(chunk_tokens=60))
    assert work == ["cut", "cut", "cut"]
    assert metadata_of(result, "chunks")["largest_chunk_tokens"] <= 60


def test_an_edit_cuts_only_its_chapter(deployment: Deployment, work: list[str]):
    written = story(chapters=5, paragraphs=12)
    deployment.drop("emma.txt", written)
    run(deployment)
    work.clear()
    paragraphs = written.split("\n\n")
    paragraphs[30] = paragraphs[30].replace(paragraphs[30].split()[20], "nightingale", 1)
    deployment.drop("emma.txt", "\n\n".join(paragraphs))
    result = run(deployment)
    assert work == ["decode", "search", "cut"]
    assert (
        metadata_of(result, "chunks")["dagster/partition_row_count"]
        == deployment.rows("SELECT count(*) FROM chunks")[0][0]
    )


def test_other_bytes_of_the_same_text_are_read_and_count_as_taken_in(deployment: Deployment, work: list[str]):
    deployment.drop("emma.txt", story())
    run(deployment)
    work.clear()
    deployment.drop("emma.txt", story().replace("\n", "\r\n"))
    run(deployment)
    assert work == ["decode"]
    assert deployment.rows("SELECT source_digest = chapters_of AND source_digest = chunks_of FROM novels") == [(True,)]


def test_the_same_bytes_under_another_suffix_are_read_as_what_they_are_now(deployment: Deployment, work: list[str]):
    file = deployment.drop("emma.txt", story())
    run(deployment)
    work.clear()
    file.rename(file.with_suffix(".md"))
    result = run(deployment)
    assert work[0] == "decode"
    assert metadata_of(result, "novels")["format"] == "md"


TOUCHED = {
    "UPDATE novels SET body = 'x' || substr(body, 2)": ["decode"],
    "UPDATE novels SET body = NULL": ["decode"],
    "UPDATE novels SET text_config = 'french'": ["decode"],
    "DELETE FROM chapters WHERE ordinal = 2": ["search"],
    "UPDATE chapters SET char_end = char_end - 9 WHERE ordinal = 2": ["search"],
    "DELETE FROM chunks WHERE chapter = 2 AND ordinal = 1": ["cut"],
    "DELETE FROM chunks": ["cut", "cut", "cut"],
    "UPDATE novels SET chunked_digests = NULL": ["cut", "cut", "cut"],
}


def test_what_was_touched_by_hand_is_made_again(deployment: Deployment, work: list[str]):
    whole = [
        "SELECT body, text_config FROM novels",
        "SELECT * FROM chapters ORDER BY ordinal",
        "SELECT * FROM novel_chunks ORDER BY ordinal",
        "SELECT chunked_chapters, chunked_digests, chunked_counts FROM novels",
    ]
    deployment.drop("emma.txt", story(chapters=3))
    run(deployment)
    before = [deployment.rows(query) for query in whole]
    for damage, again in TOUCHED.items():
        work.clear()
        with deployment.engine.begin() as connection:
            connection.exec_driver_sql(damage)
        assert run(deployment).success, damage
        assert work == again, damage
        assert [deployment.rows(query) for query in whole] == before, damage


def test_the_good_file_put_back_after_a_refused_one_is_refused_no_longer(deployment: Deployment):
    deployment.drop("emma.txt", story())
    run(deployment)
    deployment.drop("emma.txt", b"")
    assert "emma.txt" in failure_of(run(deployment))
    deployment.drop("emma.txt", story())
    assert run(deployment).success
    assert deployment.rows("SELECT refused_reason FROM novels") == [(None,)]


def test_chapters_of_another_readers_text_are_not_cut(deployment: Deployment):
    deployment.drop("emma.txt", story())
    run(deployment)
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE novels SET chapters_text = 'of another reader'")
    assert "belong to another text" in failure_of(deployment.materialize("chunks", "emma"))
