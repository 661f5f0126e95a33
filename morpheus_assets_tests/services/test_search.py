import asyncio
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from morpheus_assets.cli.search import Answer, Searching
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.errors import (
    BillingError,
    ConfigurationError,
    EmbeddingError,
    InputRefused,
    InvalidAnswer,
    ProviderUnavailable,
    RateLimited,
)
from morpheus_assets.services import search
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.services.search import (
    Found,
    NotStored,
    Passage,
    QueryRefused,
    SearchQuery,
    near_enough,
    provider_is_down,
    standby_spaces,
    with_relevance,
)
from morpheus_assets.services.sentences import NEAR, BestSentence
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.rate_limits import BudgetExhausted
from morpheus_assets.store.search.hits import TextHit, novels_holding
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.defs.model_change import NEW, OLD, OLD_KEY, add_novel, bodies_of, fill, make_settings, names
from morpheus_assets_tests.fixtures.compatible_servers import SERVERS, running
from morpheus_assets_tests.fixtures.provider import ProviderServer

VOYAGE, VOYAGE_KEY = "voyage/voyage-4-lite@256", "voyage-voyage-4-lite-256"


@pytest.fixture
def settings(engine: Engine, database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    """Three novels, whole in a space of each of two providers; OpenAI's answers."""
    for novel in names(3):
        add_novel(engine, novel)
    url = provider_server.base_url()
    made = make_settings(database_url, url, tmp_path, f"{OLD}, {VOYAGE}", voyage_api_key="pa-test", voyage_base_url=url)
    fill(engine, made, OLD_KEY, names(3), active=True)
    fill(engine, made, VOYAGE_KEY, names(3))
    spaces.mark_ready(engine, VOYAGE_KEY)
    return made


def ask(settings: Settings, engine: Engine):
    return Searching(settings, engine).passages(bodies_of("novel-001")[2], mode="vector", k=2)


def with_openai(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"openai_base_url": url})


def test_the_active_space_answers_while_its_provider_does(settings, engine) -> None:
    answer = ask(settings, engine)
    assert (answer.space, answer.notes) == (OLD_KEY, [])
    assert answer.hits[0].novel == "novel-001"


@pytest.mark.parametrize("fault", ["503", "429_quota", "html200", "reset"])
def test_the_standby_space_answers_with_its_own_model_when_the_provider_is_down(
    settings, engine, provider_server, fault
) -> None:
    answer = ask(with_openai(settings, provider_server.base_url(fault=fault)), engine)
    assert answer.space == VOYAGE_KEY
    [note] = answer.notes
    assert note.startswith(f"Answered by the standby space {VOYAGE_KEY}: ")
    assert answer.hits[0].novel == "novel-001"
    assert answer.hits[0].similarity == pytest.approx(1, abs=1e-3)


def test_a_wrong_key_is_a_persons_to_mend_and_no_case_for_the_standby(settings, engine, provider_server) -> None:
    with pytest.raises(ConfigurationError):
        ask(with_openai(settings, provider_server.base_url(fault="401")), engine)


def test_a_standby_space_that_lacks_something_does_not_answer(settings, engine, provider_server) -> None:
    add_novel(engine, "latecomer")
    with pytest.raises(ProviderUnavailable):
        ask(with_openai(settings, provider_server.base_url(fault="503")), engine)


def test_another_model_of_the_same_provider_is_no_standby(settings, engine, provider_server) -> None:
    spaces.retire(engine, VOYAGE_KEY)
    both = settings.model_copy(update={"text_spaces": f"{OLD}, {NEW}"})
    fill(engine, both, "openai-text-embedding-3-large-96", names(3))
    spaces.mark_ready(engine, "openai-text-embedding-3-large-96")
    with pytest.raises(ProviderUnavailable):
        ask(with_openai(both, provider_server.base_url(fault="503")), engine)


def test_a_space_at_another_server_stands_by_though_both_speak_the_same_protocol(
    engine: Engine, database_url: str, provider_server: ProviderServer, tmp_path: Path
) -> None:
    for novel in names(3):
        add_novel(engine, novel)
    with running(next(quirks for quirks in SERVERS if quirks.name == "vllm")) as own:
        (tmp_path / "spaces.toml").write_text(f"[own]\n{own.table}")
        url = provider_server.base_url(fault="503")
        made = make_settings(database_url, url, tmp_path, f"{OLD},own", spaces_file=tmp_path / "spaces.toml")
        own_key = configured_text_spaces(made)[1].key
        fill(engine, made, OLD_KEY, names(3), active=True)
        fill(engine, made, own_key, names(3))
        spaces.mark_ready(engine, own_key)

        answer = ask(made, engine)

    assert answer.space == own_key
    assert answer.hits[0].similarity == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("q", {"q": "a lone \ud800"}), ("q", {"q": "a\0b"}), ("novel", {"novel": "x\0"}),
        ("novel", {"novel": ("fine", "\udfff")}), ("language", {"languages": ("e\0",)}),
        ("author", {"authors": ("Verne", "A\ud800")}),
    ],
)  # fmt: skip
def test_what_no_database_could_take_is_refused_by_the_name_of_its_field(field: str, given: dict[str, Any]) -> None:
    with pytest.raises(QueryRefused) as refused:
        SearchQuery(**given)
    assert refused.value.field == field


def test_a_query_is_taken_without_the_blanks_around_it_and_languages_in_lower_case() -> None:
    query = SearchQuery(q="  where?\n", languages=("EN", "fr"), novel="one")
    assert (query.q, query.languages, query.novels, query.has_floor) == ("where?", ("en", "fr"), ("one",), False)
    assert (SearchQuery(q="   ").q or None, SearchQuery(novel=("a", "b")).novels) == (None, ("a", "b"))
    assert SearchQuery(min_similarity=0.0).has_floor
    assert SearchQuery(better_than=0.0).has_floor


def test_a_question_has_four_seconds_and_what_answers_in_its_place_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(search, "time", SimpleNamespace(monotonic=lambda: now))
    clock, left = search._Clock(), []
    for passed in (0.0, 2.0, 2.5, 5.0, 6.0):
        now = 100.0 + passed
        left.append(clock.left)
    assert left == [4.0, 2.0, 3.0, 0.5, 0.0]


def a_hit(similarity: float | None, score: float, vector_rank: int | None = 1) -> TextHit:
    return TextHit(
        "one", None, "en", 1, None, 1, 0, 1, "x", similarity, 1, vector_rank, 1, score, b"h",
    )  # fmt: skip


def test_relevance_is_a_cosine_where_one_decided_and_never_rises_from_passage_to_passage() -> None:
    near = BestSentence("x", 0, 1, NEAR + 0.2)
    by_sentence = [Passage(a_hit(0.3, 2.0), near), Passage(a_hit(0.9, 0.0)), Passage(a_hit(0.2, 3.0))]
    assert [each.relevance for each in with_relevance(by_sentence)] == pytest.approx([NEAR + 0.2, NEAR / 2, NEAR / 2])
    by_vector = [Passage(a_hit(each, each)) for each in (0.8, 0.5, -0.1)]
    assert [each.relevance for each in with_relevance(by_vector)] == [0.8, 0.5, 0.0]
    by_words = [Passage(a_hit(None, each, None)) for each in (4.0, 1.0, 0.0)]
    assert [each.relevance for each in with_relevance(by_words)] == pytest.approx([NEAR, NEAR / 4, 0.0])
    far = [Passage(a_hit(0.3, 0.0), BestSentence("x", 0, 1, NEAR - 0.1)), Passage(a_hit(None, 0.0, None))]
    assert [each.relevance for each in with_relevance(far)] == pytest.approx([NEAR / 2, 0.0])
    assert with_relevance([]) == []


def test_a_passage_is_as_similar_as_it_or_its_sentence_and_a_floor_leaves_out_the_rest() -> None:
    sentence = BestSentence("x", 0, 1, 0.6)
    passages = [Passage(a_hit(0.5, 1)), Passage(a_hit(0.5, 1), sentence), Passage(a_hit(None, 1)),
                Passage(a_hit(None, 1), sentence), Passage(a_hit(0.7, 1), sentence)]  # fmt: skip
    assert [each.similarity for each in passages] == [0.5, 0.6, None, 0.6, 0.7]
    assert near_enough(passages, 0.6) == [passages[1], passages[3], passages[4]]
    assert near_enough(passages, None) == passages
    assert near_enough([Passage(a_hit(0.59996, 1)), Passage(a_hit(0.59994, 1))], 0.6) == [Passage(a_hit(0.59996, 1))]


@pytest.mark.parametrize(
    ("error", "is_down"),
    [
        (ProviderUnavailable("x"), True), (RateLimited("x"), True), (InvalidAnswer("x"), True),
        (BillingError("x"), True), (BudgetExhausted("x", 1.0), True), (ConfigurationError("x"), False),
        (InputRefused("x"), False),
    ],
)  # fmt: skip
def test_another_space_answers_where_waiting_or_paying_would_help_and_not_for_a_wrong_setting(
    error: EmbeddingError, is_down: bool
) -> None:
    assert provider_is_down(error) is is_down


def test_of_two_standby_spaces_the_one_that_is_ready_since_lately_answers(settings, engine) -> None:
    active = spaces.get_space(engine, OLD_KEY)
    [standby] = standby_spaces(engine, settings, active)
    assert standby.key == VOYAGE_KEY
    other = spaces.register_space(engine, replace(standby_of(standby), key="later", revision="2"))
    vectors.write_batch(engine, other, *stored(engine, standby))
    assert [row.key for row in standby_spaces(engine, settings, active)] == [VOYAGE_KEY], "it is not ready yet"
    spaces.mark_ready(engine, "later")
    assert [row.key for row in standby_spaces(engine, settings, active)] == ["later", VOYAGE_KEY]


def standby_of(row: SpaceRow) -> Space:
    return Space(**{field.name: getattr(row, field.name) for field in fields(Space)})


def stored(engine: Engine, row: SpaceRow) -> tuple[list[bytes], np.ndarray]:
    [(hashes, embeddings)] = vectors.iter_vectors(engine, row)
    return hashes, embeddings


def test_a_vector_is_searched_with_alone_whatever_mode_and_question_stand_beside_it(settings, engine) -> None:
    searching = Searching(settings, engine)._search
    hashes, embeddings = stored(engine, spaces.get_space(engine, OLD_KEY))

    def find(vector: np.ndarray, **given: Any) -> Found:
        return asyncio.run(searching.find_by_vector(vector, SearchQuery(k=3, **given)))

    for given in ({}, {"mode": "text"}, {"q": "lantern", "mode": "hybrid"}):
        found = find(embeddings[4], **given)
        assert found.passages[0].hit.content_hash == hashes[4]
        assert [each.hit.text_rank for each in found.passages] == [None] * 3
        assert found.spaces == {"text": OLD_KEY}
    assert [each.hit.content_hash for each in find(embeddings[4], min_similarity=0.9999).passages] == [hashes[4]]
    assert {each.hit.novel for each in find(embeddings[4], novel="novel-002").passages} == {"novel-002"}
    with pytest.raises(QueryRefused, match="It has 3 dimensions, and"):
        find(embeddings[4][:3])
    with pytest.raises(NotStored, match="novel-002"):
        find(embeddings[4], novel="novel-02")


def test_what_is_like_a_stored_passage_is_found_by_its_own_vector_and_without_itself(
    settings, engine, provider_server
) -> None:
    searching = Searching(with_openai(settings, provider_server.base_url(fault="503")), engine)._search
    [like, *_], _ = stored(engine, spaces.get_space(engine, OLD_KEY))
    [own] = novels_holding(engine, like)

    def find(**given: Any) -> Found:
        return asyncio.run(searching.find(SearchQuery(like=like, kind="text", k=5, **given)))

    found = find()
    assert len(found.passages) == 5
    assert like not in {each.hit.content_hash for each in found.passages}
    assert (found.notes, found.faults, found.spaces) == ([], [], {"text": OLD_KEY})
    others = find(other_novels=True)
    assert {each.hit.novel for each in others.passages} == set(names(3)) - {own}


def test_words_alone_answer_while_no_model_can_be_asked_unless_one_space_is_measured(
    settings, engine, provider_server
) -> None:
    down = provider_server.base_url(fault="503")
    broken = with_openai(settings, down).model_copy(update={"voyage_base_url": down})
    body = bodies_of("novel-001")[2]

    def ask_for(**given: Any) -> Answer:
        return Searching(broken, engine).ask(SearchQuery(q=body, kind="text", k=2, **given))

    answer = ask_for()
    assert (answer.hits[0].body, answer.hits[0].text_rank) == (body, 1)
    assert (answer.space, len(answer.notes)) == ("", 1)
    assert answer.notes[0].startswith("Found by words alone, for the question could not be embedded: ")
    assert ask_for(min_similarity=0.5).notes[1:] == [search.NO_SIMILARITY]
    for given in ({"space": OLD_KEY}, {"mode": "vector"}):
        with pytest.raises(ProviderUnavailable):
            ask_for(**given)
