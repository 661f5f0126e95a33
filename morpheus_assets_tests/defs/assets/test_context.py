"""Spaces whose vectors hold more than the passage: titles before it, or its chapter around it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.services.reembedding_plan import describe_plan, make_plan
from morpheus_assets.store.content.novels import remove_novel
from morpheus_assets.store.search.hits import SearchFilter, search_text
from morpheus_assets.store.spaces import refusals, spaces, vectors
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets_tests.fixtures.deployment import Deployment, metadata_of, story
from morpheus_assets_tests.fixtures.native_servers import KEY, NativeServer, running_native, vectors_together
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

TITLED = '[titled]\nprovider = "openai"\nmodel = "text-embedding-3-small"\ndimensions = 256\ncontext = "titles"\n'
TOGETHER = "voyage/voyage-context-4@256"


@pytest.fixture
def titled(deployment: Deployment, tmp_path: Path) -> Deployment:
    """A deployment with one space of passages with their titles."""
    (tmp_path / "spaces.toml").write_text(TITLED)
    return deployment.with_settings(spaces_file=tmp_path / "spaces.toml", text_spaces="titled")


@pytest.fixture
def server() -> Iterator[NativeServer]:
    with running_native("voyage_context") as started:
        yield started


@pytest.fixture
def together(deployment: Deployment, server: NativeServer) -> Deployment:
    """A deployment with one space of passages that are embedded with their chapter."""
    return deployment.with_settings(text_spaces=TOGETHER, voyage_api_key=SecretStr(KEY), voyage_base_url=server.url)


def row_of(deployment: Deployment) -> SpaceRow:
    [space] = configured_text_spaces(deployment.settings)
    return spaces.get_space(deployment.engine, space.key)


def counts(deployment: Deployment) -> tuple[int, int, int]:
    found = coverage(deployment.engine, row_of(deployment))
    return found.needed, found.present, found.missing


def chapters_of(deployment: Deployment) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for chapter, body in deployment.rows("SELECT chapter, body FROM novel_chunks ORDER BY novel_id, ordinal"):
        found.setdefault(chapter, []).append(body)
    return found


def edited(text: str, paragraph: int) -> str:
    paragraphs = text.split("\n\n")
    words = paragraphs[paragraph].split()
    paragraphs[paragraph] = " ".join([*words[:20], "nightingale", *words[21:]])
    return "\n\n".join(paragraphs)


def test_the_titles_stand_before_each_passage_and_its_hash_is_that_of_both(titled: Deployment):
    titled.drop("Emma.txt", story(chapters=2))
    assert titled.ingest("emma").success
    row = row_of(titled)
    for chapter, title in titled.rows("SELECT ordinal, title FROM chapters"):
        for body in chapters_of(titled)[chapter]:
            sent = f"Emma, {title}\n\n{body}"
            value = hashlib.sha256(sent.encode()).digest()
            stored = vectors.read_vectors(titled.engine, row, [value])
            assert stored[value] == pytest.approx(vectors_of([sent], 256)[0], abs=1e-3)
    needed, present, missing = counts(titled)
    assert (needed, missing) == (present, 0)
    assert titled.inputs == needed


def test_another_title_of_a_chapter_embeds_its_passages_again_and_no_others(titled: Deployment):
    text = story(chapters=3)
    titled.drop("emma.txt", text)
    titled.ingest("emma")
    before = titled.inputs
    heading = next(line for line in text.splitlines() if line.startswith("CHAPTER 2"))
    titled.drop("emma.txt", text.replace(heading, "CHAPTER 2. Nightingale"))
    report = metadata_of(titled.ingest("emma"), "text_embeddings")
    [(of_chapter,)] = titled.rows("SELECT count(*) FROM chunks WHERE chapter = 2")
    assert report["embedded"] == titled.inputs - before == of_chapter
    assert counts(titled)[2] == 0


def test_an_edit_embeds_one_passage_with_titles_and_an_unchanged_text_none(titled: Deployment):
    text = story(chapters=3, paragraphs=12)
    titled.drop("emma.txt", text)
    titled.ingest("emma")
    before = titled.inputs
    titled.ingest("emma")
    assert titled.inputs == before
    titled.drop("emma.txt", edited(text, 20))
    report = metadata_of(titled.ingest("emma"), "text_embeddings")
    assert 1 <= report["embedded"] <= 2
    assert counts(titled)[2] == 0


def test_the_same_text_under_two_titles_is_two_inputs_and_found_in_both_novels(titled: Deployment):
    for name in ("emma.txt", "walden.txt"):
        titled.drop(name, story(chapters=1))
        assert titled.ingest(name.removesuffix(".txt")).success
    row = row_of(titled)
    [(passages,)] = titled.rows("SELECT count(*) FROM passages")
    assert counts(titled) == (2 * passages, 2 * passages, 0)
    body = chapters_of(titled)[1][0]
    vector = vectors_of(["Walden, " + body], 256)[0]
    for mode in ("vector", "hybrid"):
        found = search_text(titled.engine, vector, body, space=row, k=2, mode=mode)
        assert {(hit.novel, hit.body) for hit in found} == {("emma", body), ("walden", body)}, mode
    within = SearchFilter(novels=["emma"], chapter=1)
    assert search_text(titled.engine, vector, space=row, k=1, within=within, mode="vector")[0].novel == "emma"
    remove_novel(titled.engine, "emma")
    assert counts(titled) == (passages, passages, 0)
    assert vectors.count_orphans(titled.engine, row) == passages
    found = search_text(titled.engine, vector, space=row, k=9, mode="vector")
    assert {hit.novel for hit in found} == {"walden"}


def test_the_passages_of_a_chapter_are_sent_together_and_each_vector_is_of_its_place(
    together: Deployment, server: NativeServer
):
    together.drop("emma.txt", story(chapters=3))
    assert together.ingest("emma").success
    chapters = chapters_of(together)
    assert sorted(passages for _, _, body in server.asked for passages in body["inputs"]) == sorted(chapters.values())
    row = row_of(together)
    stored = vectors.passage_vectors(
        together.engine, row, [hashlib.sha256(text.encode()).digest() for texts in chapters.values() for text in texts]
    )
    for passages in chapters.values():
        for text, expected in zip(passages, vectors_together(passages, 256), strict=True):
            assert stored[hashlib.sha256(text.encode()).digest()] == pytest.approx(expected, abs=1e-3)
    assert counts(together)[2] == 0
    report = metadata_of(together.ingest("emma"), "text_embeddings")
    assert report["embedded"] == 0


def test_an_edit_embeds_again_what_shared_its_context_and_the_plan_says_how_much_that_is(
    together: Deployment, server: NativeServer
):
    text = story(chapters=4, paragraphs=10)
    together.drop("emma.txt", text)
    together.ingest("emma")
    sizes = [len(passages) for passages in chapters_of(together).values()]
    mean = sum(size * size for size in sizes) / sum(sizes)
    said = describe_plan(make_plan(together.engine, together.settings))
    assert f"an edit of one sentence embeds {mean:.1f} passages again on average" in said
    asked = len(server.asked)
    together.drop("emma.txt", edited(text, 25))
    report = metadata_of(together.ingest("emma"), "text_embeddings")
    [(_, _, body)] = server.asked[asked:]
    [passages] = body["inputs"]
    assert report["embedded"] == len(passages) == len(chapters_of(together)[3])
    assert any("nightingale" in passage for passage in passages)
    assert counts(together)[2] == 0
    row = row_of(together)
    assert vectors.count_orphans(together.engine, row) == sizes[2]
    found = search_text(together.engine, vectors_together(passages, 256)[0], space=row, k=5, mode="vector")
    assert found[0].body == passages[0]
    assert len({hit.content_hash for hit in found}) == 5


def test_a_space_with_context_beside_one_without_lacks_all_and_takes_nothing_from_it(
    deployment: Deployment, server: NativeServer
):
    deployment.drop("emma.txt", story(chapters=2))
    deployment.ingest("emma")
    paid = deployment.inputs
    both = deployment.with_settings(
        text_spaces=f"{TOGETHER},{deployment.settings.text_spaces}", reembed_max_tokens=10**6,
        voyage_api_key=SecretStr(KEY), voyage_base_url=server.url,
    )  # fmt: skip
    new, old = configured_text_spaces(both.settings)
    passages = sum(map(len, chapters_of(both).values()))
    [plan] = make_plan(both.engine, both.settings).spaces
    assert (plan.space.key, plan.inputs, plan.batch) == (new.key, passages, None)
    assert plan.tokens > 0
    row = spaces.register_space(both.engine, new)
    assert coverage(both.engine, row).missing == passages, "nothing is placed yet, and nothing is whole"
    assert both.ingest("emma").success
    assert coverage(both.engine, row).missing == 0
    assert both.inputs == paid
    spaces.activate(both.engine, new.key)
    spaces.drop(both.engine, old.key)
    assert both.rows("SELECT DISTINCT context FROM chunks_in_context") == [("chapter 20000",)]


def test_a_refused_passage_is_named_with_its_place_and_its_chapter_is_whole_without_it(
    together: Deployment, server: NativeServer
):
    text = story(chapters=2)
    paragraphs = text.split("\n\n")
    paragraphs[3] = "[[long]] " + paragraphs[3]
    together.drop("emma.txt", "\n\n".join(paragraphs))
    result = together.ingest("emma")
    assert result.success
    [refused] = refusals.list_refusals(together.engine)
    assert refused.places[0].startswith("emma, chapter 1, passage ")
    assert "too long" in refused.reason
    needed, present, missing = counts(together)
    assert (present, missing) == (needed - 1, 0)


def test_the_model_is_looked_at_through_a_whole_window_before_more_is_stored(
    together: Deployment, server: NativeServer
):
    text = story(chapters=3) + "\n\nCHAPTER 4. The End\n\nThe lamp went out, and the ship came home at last.\n"
    together.drop("emma.txt", text)
    together.ingest("emma")
    with together.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE embedding_spaces SET created_at = now() - interval '2 hours'")
    asked = len(server.asked)
    together.drop("emma.txt", edited(text, 4))
    assert together.ingest("emma").success
    [shortest] = server.asked[asked][2]["inputs"]
    assert shortest == chapters_of(together)[4]
    [(cosine,)] = together.rows("SELECT lowest_cosine FROM model_checks")
    assert cosine > 0.999
