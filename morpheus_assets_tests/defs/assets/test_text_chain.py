import pytest

from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, materialized, metadata_of, story

EVERY_ROW = {
    "novels": "SELECT novel, body, source_digest FROM novels ORDER BY 1",
    "chapters": "SELECT *, xmin::text FROM chapters ORDER BY novel_id, ordinal",
    "chunks": "SELECT *, xmin::text FROM chunks ORDER BY 1, 2, 3",
    "vectors": "SELECT content_hash, embedding::text, xmin::text FROM embeddings_1 ORDER BY 1",
}


def snapshot(deployment: Deployment) -> dict[str, list[tuple]]:
    return {name: deployment.rows(query) for name, query in EVERY_ROW.items()}


def test_a_dropped_novel_becomes_chapters_chunks_and_vectors_in_one_run(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=4))
    result = deployment.ingest("emma")
    assert result.success
    assert metadata_of(result, "chapters")["chapters"] == 4
    report = metadata_of(result, "text_embeddings")
    chunks = metadata_of(result, "chunks")["dagster/partition_row_count"]
    assert report["dagster/partition_row_count"] == report["embedded"] == chunks == deployment.inputs
    assert deployment.rows("SELECT count(*) FROM embeddings_1") == [(chunks,)]


def test_what_was_paid_is_recorded_for_the_novel(deployment: Deployment):
    deployment.drop("emma.txt", story())
    report = metadata_of(deployment.ingest("emma"), "text_embeddings")
    [(tokens, inputs, requests, cost)] = deployment.rows("SELECT tokens, inputs, requests, cost FROM spending")
    assert (tokens, inputs, requests) == (report["tokens"], report["embedded"], report["requests"])
    assert float(cost) == pytest.approx(tokens * 0.02 / 1_000_000)


def test_materializing_twice_leaves_identical_rows_and_calls_no_provider(deployment: Deployment):
    deployment.drop("emma.txt", story())
    deployment.ingest("emma")
    before, requests = snapshot(deployment), deployment.requests
    again = deployment.ingest("emma")
    assert again.success
    assert snapshot(deployment) == before
    assert deployment.requests == requests
    report = metadata_of(again, "text_embeddings")
    assert report["embedded"] == 0
    assert report["reused"] == report["dagster/partition_row_count"]


def test_editing_one_paragraph_embeds_only_the_chunks_that_changed(deployment: Deployment):
    text = story(chapters=5, paragraphs=12)
    deployment.drop("emma.txt", text)
    first = metadata_of(deployment.ingest("emma"), "text_embeddings")
    paragraphs = text.split("\n\n")
    paragraphs[30] = paragraphs[30].replace(paragraphs[30].split()[20], "nightingale", 1)
    deployment.drop("emma.txt", "\n\n".join(paragraphs))
    second = metadata_of(deployment.ingest("emma"), "text_embeddings")
    assert second["embedded"] <= 2
    assert second["embedded"] >= 1
    assert second["reused"] == second["dagster/partition_row_count"] - second["embedded"]
    assert deployment.inputs == first["embedded"] + second["embedded"]


def test_a_changed_file_of_a_folder_embeds_its_chapter_only_and_a_renamed_one_nothing(deployment: Deployment):
    chapters = {number: story(chapters=1, paragraphs=12, seed=number) for number in (1, 2, 3, 10)}
    for number, text in chapters.items():
        deployment.drop(f"emma/{number:02}.txt", text)
    first = metadata_of(deployment.ingest("emma"), "text_embeddings")
    assert deployment.rows("SELECT ordinal FROM chapters ORDER BY 1") == [(1,), (2,), (3,), (4,)]
    deployment.drop("emma/02.txt", story(chapters=1, paragraphs=12, seed=20))
    second = metadata_of(deployment.ingest("emma"), "text_embeddings")
    [(of_chapter_2,)] = deployment.rows("SELECT count(*) FROM chunks WHERE chapter = 2")
    assert second["embedded"] == of_chapter_2
    (deployment.settings.novels_folder / "emma" / "10.txt").rename(
        deployment.settings.novels_folder / "emma" / "04 Ten.txt"
    )
    third = metadata_of(deployment.ingest("emma"), "text_embeddings")
    assert third["embedded"] == 0
    assert deployment.inputs == first["embedded"] + second["embedded"]


def test_one_unreadable_file_of_a_folder_refuses_the_novel_and_keeps_every_chapter(deployment: Deployment):
    for number in (1, 2, 3):
        deployment.drop(f"emma/{number}.txt", story(chapters=1, seed=number))
    assert deployment.ingest("emma").success
    before = snapshot(deployment)
    deployment.drop("emma/2.docx", b"PK\x03\x04 cut off")
    (deployment.settings.novels_folder / "emma" / "2.txt").unlink()
    deployment.drop("emma/3.txt", b"")
    reason = failure_of(deployment.ingest("emma"))
    assert "emma/ is not taken, and what is stored of it stays" in reason
    assert "2.docx" in reason
    assert "3.txt is empty (0 bytes)" in reason
    assert "\n" not in reason
    assert snapshot(deployment) == before


def test_a_shrunk_novel_leaves_no_orphans(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=5))
    deployment.ingest("emma")
    deployment.drop("emma.txt", story(chapters=2))
    result = deployment.ingest("emma")
    assert result.success
    assert deployment.rows("SELECT count(*) FROM chapters") == [(2,)]
    assert deployment.rows("SELECT max(chapter) FROM chunks") == [(2,)]
    gaps = "SELECT count(*) FROM novel_chunks WHERE ordinal > (SELECT count(*) FROM chunks)"
    assert deployment.rows(gaps) == [(0,)]


def test_the_same_passage_in_two_novels_is_embedded_once(deployment: Deployment):
    shared = story(chapters=3, seed=7)
    deployment.drop("emma.txt", shared)
    deployment.drop("emma-annotated.txt", shared + "\n\nCHAPTER 4. The Notes\n\n" + story(chapters=1, seed=8))
    first = metadata_of(deployment.ingest("emma"), "text_embeddings")
    second = metadata_of(deployment.ingest("emma-annotated"), "text_embeddings")
    assert second["reused"] >= first["dagster/partition_row_count"] - 1
    assert deployment.server.stats()["repeated_inputs"] == 0


def test_many_novels_in_one_run_are_stored_as_if_each_had_its_own(deployment: Deployment):
    names = [f"novel-{number}" for number in range(6)]
    for number, name in enumerate(names):
        deployment.drop(f"{name}.txt", story(seed=number))
    result = deployment.ingest(*names)
    assert result.success
    assert sorted(materialized(result, "text_embeddings")) == names
    reports = [metadata_of(result, "text_embeddings", name) for name in names]
    assert sum(report["embedded"] for report in reports) == deployment.inputs
    assert all(report["embedded"] == report["dagster/partition_row_count"] > 0 for report in reports)
    total = sum(report["tokens"] for report in reports)
    assert total == deployment.server.stats()["tokens"]


def test_one_unreadable_novel_in_a_run_of_many_stops_none_of_the_others(deployment: Deployment):
    names = ["anna", "broken", "emma"]
    deployment.drop("anna.txt", story(seed=1))
    deployment.drop("broken.txt", b"\xff\xd8\xff\xe0" + b"\0" * 400)
    deployment.drop("emma.txt", story(seed=2))
    result = deployment.ingest(*names)
    assert not result.success
    assert sorted(materialized(result, "text_embeddings")) == ["anna", "emma"]
    assert failure_of(result).startswith("broken: ")
    assert "broken.txt" in failure_of(result)


def test_an_unreadable_novel_fails_with_one_sentence_and_keeps_what_was_stored(deployment: Deployment):
    deployment.drop("emma.txt", story())
    deployment.ingest("emma")
    before, requests = snapshot(deployment), deployment.requests
    deployment.drop("emma.txt", b"")
    result = deployment.ingest("emma")
    assert not result.success
    assert "emma.txt" in failure_of(result)
    assert "\n" not in failure_of(result)
    assert snapshot(deployment) == before
    assert deployment.requests == requests


def test_a_novel_that_is_mended_is_no_longer_refused(deployment: Deployment):
    deployment.drop("emma.txt", b"")
    assert not deployment.ingest("emma").success
    deployment.drop("emma.txt", story())
    assert deployment.ingest("emma").success
    assert deployment.rows("SELECT refused_reason FROM novels") == [(None,)]


def test_a_novel_without_a_file_names_the_folder_and_the_way_out(deployment: Deployment):
    result = deployment.ingest("nobody")
    assert not result.success
    assert "morpheus remove nobody" in failure_of(result)


def test_a_novel_larger_than_the_limit_is_refused_before_it_is_decoded(deployment: Deployment):
    with deployment.drop("emma.txt", "x").open("r+b") as file:
        file.truncate(65 * 1024 * 1024)
    assert "64 MiB" in failure_of(deployment.ingest("emma"))


def test_a_missing_key_fails_with_the_variable_to_set_and_keeps_chunks(deployment: Deployment):
    deployment.settings.openai_api_key = None
    deployment.settings.openai_base_url = None
    deployment.drop("emma.txt", story())
    result = deployment.ingest("emma")
    assert not result.success
    assert "OPENAI_API_KEY" in failure_of(result)
    assert deployment.rows("SELECT count(*) > 0 FROM chunks") == [(True,)]
    assert deployment.requests == 0


def test_a_novel_whose_new_file_was_refused_is_still_embedded_in_a_new_space(deployment: Deployment):
    deployment.drop("emma.txt", story())
    deployment.ingest("emma")
    deployment.drop("emma.txt", b"")
    assert not deployment.ingest("emma").success
    chunks = deployment.rows("SELECT count(*) FROM chunks")
    changed = deployment.with_settings(text_spaces="openai/text-embedding-3-large@256")
    result = changed.materialize("text_embeddings/openai-3-large-256", "emma")
    assert result.success
    assert changed.rows("SELECT count(*) FROM embeddings_2") == chunks
