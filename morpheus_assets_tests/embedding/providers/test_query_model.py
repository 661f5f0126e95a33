from pathlib import Path

import numpy as np

from morpheus_assets.services.configured_spaces import configured_text_spaces, open_provider
from morpheus_assets.settings import Settings
from morpheus_assets_tests.embedding.helpers import ask, assert_right, run, sentences
from morpheus_assets_tests.fixtures.compatible_servers import Quirks, running
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

VOYAGE = Quirks("voyage", served="voyage-4-large", answers="voyage-4-large", also_served=("voyage-4-lite",))


def test_documents_are_asked_of_one_model_and_questions_of_another_of_its_family(tmp_path: Path):
    with running(VOYAGE) as server:
        server.dimensions = 256
        file = tmp_path / "spaces.toml"
        file.write_text(f'["voyage/voyage-4-large@256"]\nendpoint = "{server.url}"\nquery_model = "voyage-4-lite"\n')
        settings = Settings(
            spaces_file=file, text_spaces="voyage/voyage-4-large@256", voyage_api_key="pa-key-of-voyage", _env_file=None
        )  # type: ignore[call-arg]
        provider = open_provider(settings, configured_text_spaces(settings)[0])
        vectors, _, error = run(provider, sentences(3))
        question = ask(provider, "Who came home?")

    assert error is None
    assert_right(vectors, sentences(3), 256)
    np.testing.assert_array_equal(question, vectors_of(["Who came home?"], 256)[0])
    assert [(asked.body["model"], asked.body["input_type"]) for asked in server.asked] == [
        ("voyage-4-large", "document"),
        ("voyage-4-lite", "query"),
    ]
