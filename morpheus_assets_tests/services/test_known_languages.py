import asyncio
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine

from morpheus_assets.embedding.model_languages import languages_of
from morpheus_assets.embedding.spaces import parse_space_names, resolve_text_space
from morpheus_assets.services.known_languages import hardly_known, known_configurations, language_note
from morpheus_assets.services.search import Search, SearchQuery
from morpheus_assets.settings import Settings
from morpheus_assets.store.spaces import spaces, vectors


def space_of(name: str):
    [parsed] = parse_space_names(name, own_endpoints=frozenset())
    return resolve_text_space(parsed, own_endpoints=frozenset())


@pytest.mark.parametrize(
    ("name", "few"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", True),
        ("sentence-transformers/all-mpnet-base-v2", True),
        ("sentence-transformers/BAAI/bge-small-en-v1.5@384", True),
        ("sentence-transformers/intfloat/multilingual-e5-small@384", False),
        ("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2@384", False),
        ("sentence-transformers/some/tokenizer-encoder@384", False),
        ("openai/text-embedding-3-large", False),
        ("voyage/voyage-4", False),
    ],
)
def test_which_models_know_english_alone(name: str, few: bool) -> None:
    assert (languages_of(space_of(name)) == {"en"}) is few


def test_a_note_names_the_languages_and_the_remedy_and_is_silent_where_all_is_known() -> None:
    minilm = space_of("sentence-transformers/all-MiniLM-L6-v2")
    said = language_note(minilm, ["zh", "en", "fr", "und", "fr"])
    assert said is not None
    assert "hardly knows French and Chinese" in said
    assert "multilingual-e5-small" in said
    assert language_note(minilm, ["en", "und"]) is None
    assert language_note(space_of("voyage/voyage-4"), ["fr", "zh"]) is None
    assert hardly_known(minilm, ["fr"]) == ["fr"]
    assert known_configurations(minilm) == {"english"}


class _Database:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def call(self, work, *args, **kwargs):
        return work(self._engine, *args, **kwargs)


class _OneVector:
    async def question(self, space, text, within):
        return np.eye(1, space.dimensions, dtype=np.float32)[0]


@pytest.mark.parametrize(("model", "first"), [("all-MiniLM-L6-v2", 40), ("multilingual-e5-small", 7)])
def test_in_a_language_that_the_model_hardly_knows_the_words_count_for_more(
    engine, make_space, add_novel, model, first
) -> None:
    bodies = [f"Le numéro {n} regarde la pluie qui tombe sur le jardin. " for n in range(60)]
    bodies[39] = "Le capitaine attache la barre du navire pendant l'orage de la nuit. "
    hashes = add_novel("french", bodies, language="fr")
    made = np.tile(np.eye(8, dtype=np.float32)[1], (60, 1))
    made += np.random.default_rng(2).normal(0, 0.05, made.shape).astype(np.float32)
    made[6] += 0.9 * np.eye(8, dtype=np.float32)[0]
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    row = spaces.register_space(engine, replace(make_space(), provider="sentence-transformers", model=model))
    vectors.write_batch(engine, row, hashes, made)
    spaces.activate_first(engine, row.key)
    search = Search(Settings(_env_file=None), _Database(engine), _OneVector())
    question = SearchQuery(q="un capitaine dans l'orage, une tempête", kind="text", sentences=False)
    found = asyncio.run(search.find(question))
    assert found.passages[0].hit.ordinal == first
    assert any("hardly knows French" in note for note in found.notes) is (model == "all-MiniLM-L6-v2")
    relevances = [passage.relevance for passage in found.passages]
    assert relevances == sorted(relevances, reverse=True)
    assert all(0 <= each <= 1 for each in relevances)
