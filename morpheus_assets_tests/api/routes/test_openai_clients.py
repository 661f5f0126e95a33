"""LangChain and LlamaIndex as clients of OpenAI's own face, each with nothing but another base URL.

They want other versions of what the project uses, so they run in an environment of their own:
`python -m venv ENV; ENV/bin/pip install langchain-openai llama-index-embeddings-openai`.
"""

import json
import os
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

PYTHON = os.environ.get("MORPHEUS_TEST_CLIENTS_PYTHON", "")
MODEL = "text-embedding-3-small"
TEXTS = ["The lamp burns at night.", "The ship came home.", "A letter from the harbour."]
LANGCHAIN = f"""
from langchain_openai import OpenAIEmbeddings
client = OpenAIEmbeddings(model={MODEL!r}, base_url=url, api_key="none", check_embedding_ctx_length=False)
print(json.dumps([client.embed_documents({TEXTS!r}), client.embed_query({TEXTS[1]!r})]))
"""
LLAMA_INDEX = f"""
from llama_index.embeddings.openai import OpenAIEmbedding
client = OpenAIEmbedding(model={MODEL!r}, api_base=url, api_key="none", max_retries=0)
print(json.dumps([client.get_text_embedding_batch({TEXTS!r}), client.get_query_embedding({TEXTS[1]!r})]))
"""
TOKENS = f"""
from langchain_openai import OpenAIEmbeddings
client = OpenAIEmbeddings(model={MODEL!r}, base_url=url, api_key="none", tiktoken_enabled=True, max_retries=0)
client._tokenize = lambda texts, size: (range(0, 1, 1), [[1, 2, 3]], [0], [3])
try:
    client.embed_documents(["a ship"])
except Exception as error:
    print(json.dumps(str(error)))
"""

pytestmark = pytest.mark.skipif(not PYTHON, reason="MORPHEUS_TEST_CLIENTS_PYTHON names no python with both clients")


def run(script: str, api: Api) -> object:
    program = f"import json\nurl = {api.url + '/v1'!r}\n{script}"
    done = subprocess.run([PYTHON, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("script", [LANGCHAIN, LLAMA_INDEX], ids=["langchain", "llamaindex"])
def test_a_client_gets_the_vectors_by_its_base_url_alone_and_stored_ones_cost_nothing(
    api: Api, add_embedded: Callable, provider_server: ProviderServer, script: str
):
    add_embedded("alpha", TEXTS[:1])
    documents, question = run(script, api)
    np.testing.assert_allclose(documents, vectors_of(TEXTS, 256), atol=1e-3)
    np.testing.assert_allclose(question, vectors_of(TEXTS[1:2], 256)[0], atol=1e-3)
    assert provider_server.stats(api.provider_url)["inputs"] == 2, "one is stored, and one was just embedded"


def test_token_ids_are_refused_with_langchains_own_switch(api: Api):
    assert "check_embedding_ctx_length=False" in run(TOKENS, api)
