import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_assets.embedding.errors import EmbeddingError, InvalidAnswer
from morpheus_assets.embedding.providers.responses import read_response
from morpheus_assets.embedding.providers.text_inputs import estimate_cl100k


def read(answer: object, count: int, dimensions: int = 4, model: str = "m") -> np.ndarray:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read_response(body, count=count, dimensions=dimensions, model=model, vendor="Somebody")[0]


@given(st.permutations(range(9)), st.booleans())
def test_vectors_are_put_into_the_order_of_the_inputs_whatever_the_order_of_the_answer(
    order: list[int], as_base64: bool
):
    rows = np.arange(1, 37, dtype=np.float32).reshape(9, 4)
    entries = [
        {"index": i, "embedding": base64.b64encode(rows[i].tobytes()).decode() if as_base64 else rows[i].tolist()}
        for i in order
    ]
    np.testing.assert_array_equal(read({"data": entries, "model": "m"}, 9), rows)


@pytest.mark.parametrize(
    "damaged", ["AACA", "AACAPw=", "AACAPw===", "AACAPw", "AAC APw==", "AACAPw==\n", "AACAP-==", "é" * 8]
)
def test_a_vector_in_damaged_base64_is_refused(damaged: str):
    assert read({"data": [{"index": 0, "embedding": "AACAPw=="}], "model": "m"}, 1, 1).tolist() == [[1.0]]
    with pytest.raises(InvalidAnswer, match="cannot be decoded"):
        read({"data": [{"index": 0, "embedding": damaged}], "model": "m"}, 1, 1)


@given(st.lists(st.integers(-2, 4), min_size=3, max_size=3))
def test_indexes_that_are_no_permutation_are_never_accepted(indexes: list[int]):
    answer = {"data": [{"index": i, "embedding": [1.0, 0, 0, 0]} for i in indexes], "model": "m"}
    if sorted(indexes) == [0, 1, 2]:
        read(answer, 3)
    else:
        with pytest.raises(InvalidAnswer, match="index"):
            read(answer, 3)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "model", "index", "embedding", "usage", "total_tokens"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(json_values | st.fixed_dictionaries({"data": st.lists(json_values, min_size=1, max_size=2)}))
def test_any_json_is_either_right_or_a_known_error(answer: object):
    try:
        vectors = read(answer, 1, 2)
    except EmbeddingError:
        return
    assert vectors.shape == (1, 2)
    assert np.isfinite(vectors).all()


@given(st.binary(max_size=60))
def test_any_bytes_are_either_right_or_a_known_error(body: bytes):
    with pytest.raises(EmbeddingError):
        read(body, 1)


@pytest.mark.parametrize(
    ("named", "asked", "same"),
    [
        ("text-embedding-3-large", "text-embedding-3-large", True),
        ("text-embedding-ada-002-v2", "text-embedding-ada-002", True),
        ("text-embedding-3-large-2024-01-25", "text-embedding-3-large", True),
        ("voyage-3.5-lite", "voyage-3.5", False),
        ("voyage-4-large", "voyage-4", False),
        ("text-embedding-3-small", "text-embedding-3-large", False),
        ("BAAI/bge-m3", "bge-m3", True),
        ("bge-m3:latest", "bge-m3", True),
    ],
)
def test_a_model_may_be_named_with_its_version_but_not_be_another(named: str, asked: str, same: bool):
    answer = {"data": [{"index": 0, "embedding": [1.0, 0, 0, 0]}], "model": named}
    if same:
        read(answer, 1, model=asked)
    else:
        with pytest.raises(InvalidAnswer, match="comes from the model"):
            read(answer, 1, model=asked)


@pytest.mark.parametrize("name", ["pride-and-prejudice.txt", "hongloumeng.txt", "les-trois-mousquetaires-latin1.txt"])
def test_the_token_estimate_is_not_under_openais_count(shared_data, name: str):
    from semantic_text_splitter import TextSplitter

    data = (shared_data / "novels" / name).read_bytes()
    text = data.decode("latin-1" if "latin1" in name else "utf-8")
    for start in range(20_000, 120_000, 10_000):
        part = text[start : start + 800]
        # A splitter with that tokenizer makes one piece of it, so it has no more tokens than estimated.
        splitter = TextSplitter.from_tiktoken_model("text-embedding-3-large", estimate_cl100k(part), trim=False)
        assert len(splitter.chunks(part)) == 1
