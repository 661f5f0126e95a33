from dataclasses import replace

import numpy as np
import psycopg
import pytest

from morpheus_assets.store.content.novels import load_novel
from morpheus_assets.store.database.errors import SpaceChanged, SpaceError, SpaceGone
from morpheus_assets.store.search import hits, words
from morpheus_assets.store.search.hits import SearchFilter, search_panels, search_text
from morpheus_assets.store.spaces import indexes, spaces, vectors


@pytest.fixture
def corpus(engine, make_space, add_novel, random_vectors):
    """Two novels that share a passage, with random vectors in an active space; returns (space, hashes, vectors)."""
    bodies = [f"passage {i} about {'whales' if i % 7 == 0 else 'gardens'} " for i in range(200)]
    hashes = add_novel("one", bodies)
    add_novel("two", ["something else entirely ", bodies[5]])
    made = random_vectors(201)
    every = [*hashes, content_hash("something else entirely ")]
    space = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, space, every, made)
    spaces.activate_first(engine, space.key)
    return space, every, made


def content_hash(body: str) -> bytes:
    import hashlib

    return hashlib.sha256(body.encode()).digest()


def test_the_nearest_passages_come_first_with_their_true_cosine(engine, corpus, random_vectors) -> None:
    _, hashes, made = corpus
    [question] = random_vectors(1, seed=9)
    hits = search_text(engine, question, k=20, mode="vector")
    cosines = made @ question
    expected = [hashes[i] for i in np.argsort(-cosines)]
    places = [hit.content_hash for hit in hits]
    assert list(dict.fromkeys(places)) == expected[: len(set(places))]
    for hit in hits:
        assert hit.similarity == pytest.approx(cosines[hashes.index(hit.content_hash)], abs=2e-4)
    assert [hit.rank for hit in hits] == list(range(1, 21))
    first = hits[0]
    assert (first.title, first.chapter_title) == ("One", f"Chapter {first.chapter}")
    assert load_novel(engine, first.novel).text[first.char_start : first.char_end] == first.body


def test_a_repeated_passage_is_found_at_each_of_its_places(engine, corpus) -> None:
    _, _, made = corpus
    hits = search_text(engine, made[5], k=2, mode="vector")
    assert [(hit.novel, hit.ordinal) for hit in hits] == [("one", 6), ("two", 2)]
    assert hits[0].similarity == hits[1].similarity == pytest.approx(1, abs=1e-4)


def test_of_a_passage_that_stands_in_many_places_only_as_many_are_read_as_are_shown(
    engine, make_space, add_novel, random_vectors
) -> None:
    licence = "This licence stands before every book. "
    for novel in ("cc", "aa", "bb"):
        [value, *_] = add_novel(novel, [licence, *(f"{novel} {number} " for number in range(3))] * 2)
    space = spaces.register_space(engine, make_space())
    [made] = random_vectors(1)
    vectors.write_batch(engine, space, [value], made[None])
    for given in ({"query_vector": made}, {"query_text": licence}, {"query_vector": made, "query_text": licence}):
        mode = "hybrid" if len(given) == 2 else "vector" if "query_vector" in given else "text"
        found = search_text(engine, **given, space=space, k=5, mode=mode)
        places = [("aa", 1), ("aa", 5), ("bb", 1), ("bb", 5), ("cc", 1)]
        assert [(hit.novel, hit.ordinal) for hit in found] == places
        within = SearchFilter(["cc", "bb"])
        found = search_text(engine, **given, space=space, k=3, mode=mode, within=within)
        assert [(hit.novel, hit.ordinal) for hit in found] == places[2:]


def test_a_space_that_is_taken_for_the_one_that_answers_is_checked_on_the_way(
    engine, make_space, corpus, random_vectors
) -> None:
    first, hashes, made = corpus
    first = spaces.get_space(engine, first.key)
    ways = [{"mode": "vector"}, {"query_text": "whales"}, {"mode": "vector", "within": SearchFilter("one")}]
    before = [search_text(engine, made[3], space=first, **way) for way in ways]
    assert [search_text(engine, made[3], space=first, answering=True, **way) for way in ways] == before
    second = spaces.register_space(engine, make_space("other"))
    vectors.write_batch(engine, second, hashes, made[: len(hashes)])
    for change in ("another index", "another space"):
        if change == "another index":
            indexes.ensure_index(engine, first, smallest=100)
        else:
            spaces.activate(engine, second.key, allow_gaps=True)
        for way in ways:
            with pytest.raises(SpaceChanged, match="answers no more"):
                search_text(engine, made[3], space=first, answering=True, **way)
        first = spaces.get_space(engine, first.key)


def test_passages_are_numbered_while_their_novel_is_still_being_cut(engine, corpus) -> None:
    _, _, made = corpus
    numbered = [hit.ordinal for hit in search_text(engine, made[25], k=9, mode="vector")]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE novels SET chunked_chapters = NULL, chunked_counts = NULL")
    assert [hit.ordinal for hit in search_text(engine, made[25], k=9, mode="vector")] == numbered
    assert max(numbered) > 10, "beyond the first chapter"


def test_filters_are_exact(engine, corpus, random_vectors) -> None:
    _, hashes, made = corpus
    [question] = random_vectors(1, seed=3)
    order = [int(i) for i in np.argsort(-(made @ question))]
    in_chapter = [i for i in order if 30 <= i < 40]
    hits = search_text(engine, question, k=10, within=SearchFilter("one", 4), mode="vector")
    assert [hashes.index(hit.content_hash) for hit in hits] == in_chapter
    assert {hit.novel for hit in search_text(engine, question, k=10, within=SearchFilter(["two"]), mode="vector")} == {
        "two"
    }
    assert search_text(engine, question, within=SearchFilter("absent"), mode="vector") == []


def test_hybrid_keeps_what_only_the_words_found_with_its_cosine(engine, corpus) -> None:
    _, _, made = corpus
    hits = search_text(engine, made[3], "Where is something ENTIRELY different?", k=10)
    by_words = next(hit for hit in hits if hit.body.startswith("something else"))
    assert by_words.text_rank == 1
    assert by_words.similarity == pytest.approx(float(made[200] @ made[3]), abs=2e-4)
    assert hits == sorted(hits, key=lambda hit: -hit.score)
    assert hits[0].score >= 1 / 61


def test_words_alone_need_no_vector_and_no_space(engine, add_novel) -> None:
    add_novel("one", ["The captain was lashed to the wheel. ", "The cat slept. ", "The captain slept and slept. "])
    hits = search_text(engine, query_text="Which captains were lashed, and why?", mode="text")
    assert [hit.ordinal for hit in hits] == [1, 3]
    assert hits[0].similarity is None
    assert search_text(engine, query_text="' \\ & | ! :* <-> the", mode="text") == []


@pytest.mark.parametrize(
    ("language", "bodies", "question"),
    [
        ("zh", ["贾宝玉初试云雨情。", "黛玉葬花，落红满地。", "刘姥姥进荣国府。"], "黛玉葬花在哪里？"),
        ("ja", ["吾輩は猫である。", "下人が雨やみを待っていた。", "名前はまだ無い。"], "雨やみを待つ下人"),
        ("fr", ["Le chat dort.", "Les chevaux couraient sur la lande.", "Il pleut."], "Un cheval qui court"),
        ("es", ["Llueve.", "En un lugar de la Mancha vivían unos hidalgos.", "Fin."], "hidalgo mancha"),
    ],
)
def test_full_text_works_in_languages_with_and_without_spaces(engine, add_novel, language, bodies, question) -> None:
    add_novel("book", bodies, language=language)
    add_novel("other", ["The unrelated English book."])
    assert search_text(engine, query_text=question, mode="text")[0].body == bodies[1]


def test_a_single_character_is_found_inside_words(engine, add_novel) -> None:
    add_novel("book", ["春江花月夜。", "孤帆远影。"], language="zh")
    hits = search_text(engine, query_text="花", mode="text")
    assert [hit.ordinal for hit in hits] == [1]


def test_a_vector_of_another_size_is_refused_with_the_model_to_use(engine, corpus) -> None:
    with pytest.raises(SpaceError, match="embed it with openai/demo-8"):
        search_text(engine, [1.0] * 9)


def test_without_an_active_space_search_says_what_to_do(engine) -> None:
    with pytest.raises(SpaceError, match="materialize its embeddings"):
        search_text(engine, [1.0] * 8)


@pytest.mark.parametrize("dimensions", [384, 1536])
def test_the_index_finds_what_the_exact_scan_finds(engine, make_space, add_novel, dimensions, monkeypatch) -> None:
    rng = np.random.default_rng(1)
    bodies = [f"passage {i} " for i in range(1500)]
    hashes = add_novel("one", bodies[:1400])
    made = rng.standard_normal((1500, dimensions)).astype(np.float32) + 3 * rng.standard_normal(
        (30, dimensions)
    ).astype(np.float32).repeat(50, axis=0)
    space = spaces.register_space(engine, make_space(dimensions=dimensions))
    # 100 orphans, which no search may return
    vectors.write_batch(engine, space, [*hashes, *(bytes([i]) * 32 for i in range(100))], made)
    spaces.activate_first(engine, space.key)
    assert indexes.ensure_index(engine, space).action == "none needed"
    assert len(search_text(engine, made[1450], space=space, k=10, mode="vector")) == 10
    report = indexes.ensure_index(engine, space, smallest=1000)
    assert (report.action, report.kind) == ("built", "hnsw" if dimensions == 384 else "ivf-binary")
    assert indexes.ensure_index(engine, space, smallest=1000).action == "kept"
    recall = indexes.index_recall(engine, space, sample=20)
    assert recall is not None
    assert recall >= 0.95
    assert spaces.get_space(engine, space.key).index_recall == recall
    space = spaces.get_space(engine, space.key)
    exact = [
        hit.content_hash
        for hit in search_text(engine, made[3], space=space, k=10, within=SearchFilter("one"), mode="vector")
    ]
    monkeypatch.setattr(hits, "_LARGEST_EXACT", 10)
    found = [hit.content_hash for hit in search_text(engine, made[3], space=space, k=10, mode="vector")]
    orphan_side = search_text(engine, made[1450], space=space, k=10, mode="vector")
    assert len(set(exact) & set(found)) >= 9
    assert len(orphan_side) == 10
    assert indexes.ensure_index(engine, space, rebuild=True).action == "rebuilt"


@pytest.mark.parametrize("counted_at_most", [5, 1])
def test_words_whose_frequency_is_only_estimated_rank_as_those_that_are_counted(
    engine, add_novel, monkeypatch, counted_at_most
) -> None:
    bodies = [f"the sailor number {i} sings {'of whales ' if i % 3 == 0 else ''}in the rain" for i in range(300)]
    bodies[77] += " near an albatross"
    add_novel("one", bodies)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE passages")
    question = "sailors sing of whales and an albatross"
    counted = search_text(engine, query_text=question, mode="text", k=20)
    monkeypatch.setattr(words, "_FEW", 50)
    monkeypatch.setattr(words, "_COUNTED", counted_at_most)
    estimated = search_text(engine, query_text=question, mode="text", k=20)
    assert counted[0].ordinal == estimated[0].ordinal == 78
    assert [hit.ordinal for hit in counted] == [hit.ordinal for hit in estimated]
    assert [hit.score for hit in estimated] == pytest.approx([hit.score for hit in counted], rel=0.02)


def test_the_words_of_another_project_in_the_same_database_are_not_taken_for_this_ones(
    engine, add_novel, monkeypatch
) -> None:
    bodies = [f"the sailor number {i} sings {'of whales ' if i % 3 == 0 else ''}in the rain" for i in range(300)]
    add_novel("one", bodies)

    def scores() -> list[tuple[int, float]]:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
        return [
            (hit.ordinal, hit.score)
            for hit in search_text(engine, query_text="a sailor sings of whales", mode="text", k=20)
        ]

    monkeypatch.setattr(words, "_FEW", 50)
    monkeypatch.setattr(words, "_COUNTED", 5)
    alone = scores()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA other")
        connection.exec_driver_sql(
            "CREATE TABLE other.passages AS SELECT *, ARRAY['whale', 'sailor', 'sing'] AS words FROM passages"
        )
        connection.exec_driver_sql(
            "CREATE TABLE remarks AS SELECT to_tsvector('english', 'whales and sailors sing') AS tsv FROM passages"
        )
    assert scores() == alone


def test_panels_are_found_by_vector_with_their_size(engine, make_space, add_panels, random_vectors) -> None:
    hashes = add_panels("comic", ["a", "b", "c"])
    made = random_vectors(3)
    space = spaces.register_space(engine, make_space("clip", purpose="image"))
    vectors.write_batch(engine, space, hashes, made)
    spaces.activate_first(engine, space.key)
    hits = search_panels(engine, made[1], k=2)
    assert (hits[0].path, hits[0].rank, hits[0].width) == ("b.png", 1, 4)
    assert hits[0].similarity == pytest.approx(1, abs=1e-4)
    assert search_panels(engine, made[1], within=SearchFilter("other")) == []


def test_a_dropped_space_of_panels_is_named(engine, make_space) -> None:
    space = spaces.register_space(engine, make_space("clip", purpose="image"))
    spaces.drop(engine, space.key)
    with pytest.raises(SpaceGone, match="The space clip was dropped during the search"):
        search_panels(engine, [1.0] * 8, space=space)


def test_a_dropped_space_is_named_and_not_taken_for_an_empty_one(engine, make_space, corpus, random_vectors) -> None:
    old, hashes, _ = corpus
    new = spaces.register_space(engine, make_space("new"))
    vectors.write_batch(engine, new, hashes, random_vectors(len(hashes), seed=5))
    spaces.activate(engine, new.key)
    spaces.drop(engine, old.key)
    assert len(search_text(engine, [1.0] * 8, k=3)) == 3
    with pytest.raises(SpaceGone):
        search_text(engine, [1.0] * 8, space=old)


FRENCH = [f"Le capitaine numéro {n} regarde la mer et pense à son île. " for n in range(30)]
WHAT = [
    "A lighthouse.",
    "A storm.",
    "An albatross.",
    "Rain.",
    "A whale.",
    "Ropes.",
    "Bread.",
    "A lamp.",
    "Salt.",
    "Tar.",
]
ENGLISH = [f"The captain number {n} looks at the sea and thinks of the isle. " for n in range(30)]


def test_a_small_word_of_one_language_is_no_rare_word_of_another(engine, add_novel) -> None:
    add_novel("french", [*FRENCH, "« The game is up », dit-il. "], language="fr")
    add_novel("english", [*ENGLISH, "The mutiny on the quarterdeck was put down. "])
    hits = search_text(engine, query_text="what was put up on the quarterdeck", mode="text")
    assert hits[0].body.startswith("The mutiny")


def test_a_question_finds_the_same_passages_with_books_of_other_languages_beside_them(engine, add_novel) -> None:
    bodies = [f"{body}{what}" for body, what in zip(ENGLISH, WHAT * 3, strict=True)]
    questions = ["what is up with the lighthouse number 7", "an isle in the storm", "looks up at the albatross of 27"]
    add_novel("english", bodies)
    alone = [search_text(engine, query_text=question, mode="text", k=3) for question in questions]
    add_novel(
        "french", [*FRENCH, "What is up of the with at an, dit-il. ", "« At the end of the day ». "], language="fr"
    )
    add_novel("chinese", [f"船長看著大海，想念第{n}個島。" for n in range(30)], language="zh")
    mixed = [search_text(engine, query_text=question, mode="text", k=3) for question in questions]
    assert [[hit.body for hit in hits] for hits in mixed] == [[hit.body for hit in hits] for hits in alone]


def test_a_search_is_held_to_languages_authors_and_several_novels(engine, add_novel) -> None:
    add_novel("french", FRENCH[:3], language="fr")
    add_novel("english", ENGLISH[:3])
    add_novel("other", [f"Another {body}" for body in ENGLISH[:3]])
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE novels SET author = 'Jules Verne' WHERE novel = 'french'")
        connection.exec_driver_sql("UPDATE novels SET author = 'Jane Austen (1775-1817)' WHERE novel = 'other'")

    def novels(within: SearchFilter) -> set[str]:
        return {
            hit.novel for hit in search_text(engine, query_text="captain capitaine sea", within=within, mode="text")
        }

    assert novels(SearchFilter()) == {"french", "english", "other"}
    assert novels(SearchFilter(languages=["en"])) == {"english", "other"}
    assert novels(SearchFilter(authors=["austen", "Nobody"])) == {"other"}
    assert novels(SearchFilter(["french", "english"])) == {"french", "english"}
    assert novels(SearchFilter(other_than=["english"], languages=["en"])) == {"other"}
    assert novels(SearchFilter("french", languages=["en"])) == set()


def test_a_passage_beside_good_ones_comes_before_one_that_stands_alone(engine, make_space, add_novel) -> None:
    bodies = [f"filler passage {n} of no interest " for n in range(60)]
    for place in (10, 40):
        bodies[place] = f"the lantern burned low at place {place} "
    hashes = add_novel("one", bodies, per_chapter=20)
    made = np.tile(np.eye(8, dtype=np.float32)[1], (60, 1)) + np.random.default_rng(1).normal(0, 0.05, (60, 8))
    question = np.eye(8, dtype=np.float32)[0]
    made[[10, 40]] += question
    made[[39, 41]] += 0.9 * question
    made = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    made[40] = made[10]
    space = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, space, hashes, made)
    spaces.activate_first(engine, space.key)
    hits = search_text(engine, question, "the lantern burned low")
    assert [hit.ordinal for hit in hits[:2]] == [41, 11]


@pytest.mark.parametrize("within", [SearchFilter(), SearchFilter("one", 3)])
def test_a_search_by_both_asks_the_database_no_more_than_three_times(engine, corpus, monkeypatch, within) -> None:
    _, _, made = corpus
    together = []
    execute = psycopg.Connection.execute

    def watched(connection, *given, **options):
        together.append(connection.pgconn.pipeline_status == psycopg.pq.PipelineStatus.ON)
        return execute(connection, *given, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", watched)
    search_text(engine, made[3], "passages about whales", within=within)
    # the question's words and the nearest passages go together
    assert together == [True, True, False]


def test_what_the_words_found_is_measured_against_a_vector_that_is_given(engine, corpus) -> None:
    _, _, made = corpus
    [hit] = search_text(engine, made[3], "something entirely", mode="text")
    assert (hit.body, hit.vector_rank, hit.text_rank) == ("something else entirely ", None, 1)
    assert hit.similarity == pytest.approx(float(made[200] @ made[3]), abs=2e-4)


@pytest.mark.parametrize("mode", ["hybrid", "text"])
def test_a_passage_without_a_vector_is_found_by_its_words_and_has_no_similarity(
    engine, corpus, add_novel, mode
) -> None:
    _, _, made = corpus
    add_novel("three", ["a lighthouse keeper "])
    hit = search_text(engine, made[3], "lighthouse keeper", mode=mode)[0]
    assert (hit.body, hit.similarity, hit.vector_rank, hit.text_rank) == ("a lighthouse keeper ", None, None, 1)


def test_the_places_in_both_lists_are_those_that_each_list_alone_gives(engine, make_space, add_novel) -> None:
    bodies = [f"{'whale ' * (number + 1)}and the sailor number {number} of the ship " for number in range(6)]
    hashes = add_novel("one", [*bodies, *(f"filler {number} of no interest " for number in range(20))])
    made = np.random.default_rng(4).standard_normal((26, 8)).astype(np.float32)
    space = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, space, hashes, made)
    spaces.activate_first(engine, space.key)
    by_words = [hit.content_hash for hit in search_text(engine, query_text="a whale and its ship", mode="text")]
    by_vector = [hit.content_hash for hit in search_text(engine, made[9], mode="vector", k=26)]
    assert len(by_words) == 6
    for hit in search_text(engine, made[9], "a whale and its ship", k=26):
        place = by_words.index(hit.content_hash) + 1 if hit.content_hash in by_words else None
        assert (hit.text_rank, hit.vector_rank) == (place, by_vector.index(hit.content_hash) + 1)


@pytest.fixture
def scans(monkeypatch) -> list[dict[str, str]]:
    """How wide each scan of an index was asked to be; with few rows nothing else tells that it was asked for."""
    found: list[dict[str, str]] = []
    execute = psycopg.Connection.execute

    def watched(connection, query, parameters=None, **options):
        if parameters and "scanned" in parameters:
            found.append(parameters)
        return execute(connection, query, parameters, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", watched)
    return found


def test_a_filter_is_answered_exactly_where_that_looks_at_less_than_the_index_would(
    engine, corpus, add_novel, random_vectors, monkeypatch, scans
) -> None:
    space, _, made = corpus
    three = add_novel("three", [f"of three {number} " for number in range(60)])
    vectors.write_batch(engine, space, three, random_vectors(60, seed=3))
    monkeypatch.setattr(hits, "_ALWAYS_EXACT", 20)
    monkeypatch.setattr(hits, "_LARGEST_EXACT", 100)
    indexed = replace(space, index_kind="hnsw", index_rows=201)

    def scanned(k: int, **within: object) -> list[int]:
        scans.clear()
        exact, found = (
            [
                (hit.novel, hit.ordinal)
                for hit in search_text(engine, made[3], space=each, k=k, within=SearchFilter(**within), mode="vector")
            ]
            for each in (space, indexed)
        )
        assert found == exact
        return [int(scan["scanned"]) for scan in scans]

    [of_all] = scanned(1)
    assert scanned(1, novels="one", chapter=3) == [], "ten rows"
    [of_sixty] = scanned(1, novels="three")
    assert of_sixty == min(1000, round(of_all * 201 / 60))
    assert scanned(2, novels="three") == [], "an index would look at more than a third of them"
    [of_most] = scanned(20, novels="one")
    assert of_all <= of_most < of_sixty


def test_how_many_rows_a_filter_leaves_is_counted_up_to_where_it_matters_and_once(engine, corpus, monkeypatch) -> None:
    space, _, _ = corpus
    monkeypatch.setattr(hits, "_LARGEST_EXACT", 30)
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        for within, rows in ((SearchFilter("one"), 31), (SearchFilter("two"), 2), (SearchFilter("none"), 0)):
            for noted in (None, within.noted):
                look = hits._Look(within.condition, within.parameters, space, None, noted)
                assert [look.count(raw, "chunks") for _ in range(2)] == [rows] * 2
                assert look.counted == {"chunks": rows}
