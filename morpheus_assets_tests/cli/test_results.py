from collections.abc import Callable, Iterator

import httpx
import numpy as np
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from morpheus_assets.cli.main import main
from morpheus_assets.settings import load_settings
from morpheus_assets.store.accounts.jobs import save_result
from morpheus_assets_tests.api.conftest import Api

RUN = "0d9b8f9e-4c1c-4f6d-9a55-5f0a4c2f7d11"


@pytest.fixture
def result(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """The command `morpheus result` over the test's database."""
    monkeypatch.setenv("MORPHEUS_DATABASE_URL", database_url)
    load_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(main, ["result", *arguments])
    load_settings.cache_clear()


def test_the_command_prints_what_the_api_answers(engine: Engine, api: Api, result: Callable[..., Result]):
    vectors = np.random.default_rng(0).standard_normal((3, 256)).astype(np.float32)
    save_result(engine, RUN, space_key="demo-256", model="demo", input_type="query", total_tokens=9, embeddings=vectors)
    answered = httpx.get(f"{api.url}/api/jobs/{RUN}/result", trust_env=False, verify=False, timeout=100).text
    assert result(RUN, "--json").output.rstrip() == answered
    assert result(RUN).output.startswith("3 vectors of 256 dimensions from demo (demo-256), 9 tokens, ")


def test_a_run_without_a_result_is_named(engine: Engine, result: Callable[..., Result]):
    answer = result(RUN)
    assert answer.exit_code == 1
    assert f"No result of a run '{RUN}' is stored" in answer.output
