"""Validated responses: JSON bytes or a model's raw output in, float32 vectors in the order of the inputs out.

Neither SDK checks any of this; a response that fails here never reaches the stream or the store.
"""

import binascii
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pybase64

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import InvalidAnswer, ProviderUnavailable
from morpheus_assets.embedding.providers.base import EmbeddingResult
from morpheus_assets.embedding.rate_limits import ObservedLimits

# halfvec's largest number: beyond it the store would hold infinity.
_LARGEST_COMPONENT = 65504.0
_SMALLEST_NORM = 1e-6
_REVISION_SUFFIX = re.compile(r"(-v\d+|[-@]\d{4}(-\d{2}){0,2}|-\d{8}|:[\w.]+)")


class Answer(NamedTuple):
    """A response that may be trusted: float32 [count, dimensions], and the model that it names.

    `tokens` are those charged (None when it does not say), `encoding` is "base64" or "float".
    """

    vectors: np.ndarray
    model: str
    tokens: int | None
    encoding: str

    def result(
        self, texts: Iterable[str], estimate: Callable[[str], int], limits: ObservedLimits | None
    ) -> EmbeddingResult:
        """As a provider gives it; where it does not say what was charged, that is estimated from what was sent."""
        sent = list(texts)
        tokens, counted = self.tokens, self.tokens is not None
        if tokens is None or tokens == sum(map(len, sent)):
            estimated = sum(map(estimate, sent))
            # Infinity counts characters for tokens.
            if tokens is None or tokens > 2 * estimated:
                tokens, counted = estimated, False
        return EmbeddingResult(self.vectors, self.model, tokens, limits, counted, self.encoding)


def read_response(
    body: bytes, *, count: int, dimensions: int, model: str, vendor: str, also_named: Sequence[str] = ()
) -> "Answer":
    """Read a response in the shape that OpenAI and Voyage share; raises ProviderUnavailable when it is no JSON.

    Else as `read_answer`.
    """
    answer = parse_json(body, vendor)
    return read_answer(answer, count=count, dimensions=dimensions, model=model, vendor=vendor, also_named=also_named)


def parse_json(body: bytes, vendor: str) -> object:
    """The parsed body of a response; raises ProviderUnavailable when it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        start = body[:60].decode("utf-8", "replace").strip() or "nothing"
        fault = ProviderUnavailable(
            f"{vendor} answered with something that is not JSON ({start!r}): a proxy or an outage stands "
            "between; check the base URL, or run again later."
        )
        # vectors that break off, and no page of a proxy
        fault.perhaps_paid = start.startswith("{")
        raise fault from None


def read_answer(
    answer: object, *, count: int, dimensions: int, model: str, vendor: str, also_named: Sequence[str] = ()
) -> "Answer":
    """The vectors of a response that is parsed already; raises InvalidAnswer when it is wrong.

    `model` is the one asked for, `also_named` are further names that it may give itself. The vectors are taken out of
    `answer`. Raises ProviderUnavailable when it holds no data at all.
    """
    entries = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        raise ProviderUnavailable(f"{vendor} answered without any data: check the base URL, or run again later.")
    assert isinstance(answer, dict)
    named = answer.get("model") or model
    if not any(_is_same_model(str(named), name) for name in (model, *also_named)):
        raise _invalid(vendor, f"it comes from the model {str(named)[:60]!r} and not from {model!r}")
    if len(entries) != count:
        raise _invalid(vendor, f"it holds {len(entries)} vectors for {count} inputs", rows=())
    encoding = "base64" if entries and isinstance(entries[0], dict) and _is_text(entries[0]) else "float"
    return Answer(_vectors(entries, dimensions, vendor), str(named), _tokens(answer.get("usage")), encoding)


def read_single(answer: object, **expected: Any) -> EmbeddingResult:
    """A parsed response to a single input, with 0 tokens where it counts none; `expected` is as in `read_answer`."""
    read = read_answer(answer, count=1, **expected)
    return EmbeddingResult(read.vectors, read.model, read.tokens or 0, counted=read.tokens is not None)


def passages_of_documents(answer: object, sizes: Sequence[int], vendor: str) -> object:
    """A response of documents in passages, as Voyage gives it, as one of all passages in order, for `read_answer`.

    `sizes` are the passages of each document that was sent. Raises InvalidAnswer where others came back.
    """
    documents = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(documents, list):
        return answer
    if len(documents) != len(sizes):
        raise _invalid(vendor, f"it holds {len(documents)} documents for {len(sizes)}")
    found: dict[int, list[dict[str, Any]]] = {}
    for place, document in enumerate(documents):
        index, entries = (document.get("index", place), document.get("data")) if isinstance(document, dict) else (0, 0)
        if type(index) is not int or not 0 <= index < len(sizes) or index in found or not isinstance(entries, list):
            raise _invalid(vendor, f"its document {place} is none of those that were sent")
        if len(entries) != sizes[index]:
            raise _invalid(vendor, f"it holds {len(entries)} vectors for the {sizes[index]} passages of a document")
        found[index] = [
            _numbered(entry, at, sum(sizes[:index]), sizes[index], vendor) for at, entry in enumerate(entries)
        ]
    return {**answer, "data": [entry for index in range(len(sizes)) for entry in found[index]]}


def _numbered(entry: object, place: int, first: int, size: int, vendor: str) -> dict[str, Any]:
    index = entry.get("index", place) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or type(index) is not int or not 0 <= index < size:
        raise _invalid(vendor, f"its entry {place} of a document is none of its passages")
    return {**entry, "index": first + index}


def rows_in_order(
    rows: object, count: int, space: Space, vendor: str, tokens: object, *, unit_norm: bool = False
) -> Answer:
    """Lists of numbers in the order of the inputs; raises InvalidAnswer for another count or size, NaN or zeros."""
    if not isinstance(rows, list):
        raise ProviderUnavailable(f"{vendor} answered without any vectors: check the address, or run again later.")
    if len(rows) != count:
        raise _invalid(vendor, f"it holds {len(rows)} vectors for {count} inputs", rows=())
    entries = [{"index": position, "embedding": row} for position, row in enumerate(rows)]
    vectors = _vectors(entries, space.dimensions, vendor)
    if unit_norm:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    charged = tokens if type(tokens) is int and tokens >= 0 else None
    return Answer(vectors, space.model, charged, "float")


def _is_text(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("embedding"), str)


def check_vectors(vectors: np.ndarray, vendor: str) -> None:
    """Raise InvalidAnswer, with the rows at fault, unless every row is finite, storable and not zero."""
    largest = np.abs(vectors).max(axis=1)
    # Not so of NaN; and whose largest component is no smaller than the least length is no shorter either.
    if ((largest >= _SMALLEST_NORM) & (largest <= _LARGEST_COMPONENT)).all():
        return
    with np.errstate(invalid="ignore"):
        faults = (
            (~np.isfinite(vectors).all(axis=1), "holds NaN or infinity"),
            ((np.abs(vectors) > _LARGEST_COMPONENT).any(axis=1), f"holds a number above {_LARGEST_COMPONENT:.0f}"),
            (np.linalg.norm(vectors, axis=1) < _SMALLEST_NORM, "is all zeros"),
        )
    for at_fault, what in faults:
        if at_fault.any():
            raise _rows_at_fault(vendor, f"a vector {what}", np.flatnonzero(at_fault), len(vectors))


def _rows_at_fault(vendor: str, fault: str, rows: Iterable[int], count: int) -> InvalidAnswer:
    """The error for some rows; where all of several are at fault, it is the whole answer."""
    found = tuple(int(row) for row in rows)
    if count > 1:
        fault += f" (of input {found[0]} of {count})"
    return _invalid(vendor, fault, rows=None if len(found) == count > 1 else found)


def _vectors(entries: list[Any], dimensions: int, vendor: str) -> np.ndarray:
    vectors = np.empty((len(entries), dimensions), dtype=np.float32)
    seen = [False] * len(entries)
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _invalid(vendor, f"its entry {position} is no object")
    # Some servers name no index at all, and some leave out a zero.
    in_order = all("index" not in entry for entry in entries)
    empty = []
    for position, entry in enumerate(entries):
        index = entry.get("index", position if in_order or position == 0 else None)
        if type(index) is not int or not 0 <= index < len(entries) or seen[index]:
            raise _invalid(vendor, f"its entry {position} has the index {index!r}, which is missing or repeated")
        seen[index] = True
        row = _row(entry.pop("embedding", None), vendor)
        if row.size == 0:
            empty.append(index)
        elif row.ndim != 1:
            raise _invalid(vendor, f"an entry holds {row.shape[0]} vectors, as of the tokens of a text, and not one")
        elif row.size != dimensions:
            fault = f"a vector has {row.size} dimensions and not {dimensions}"
            raise _invalid(vendor, fault, dimensions=row.size)
        else:
            vectors[index] = row
    if empty:
        raise _rows_at_fault(vendor, "an entry has no vector", empty, len(entries))
    check_vectors(vectors, vendor)
    return vectors


def _row(embedding: object, vendor: str) -> np.ndarray:
    if embedding is None:
        return np.empty(0, dtype=np.float32)
    try:
        if isinstance(embedding, str):
            return np.frombuffer(pybase64.b64decode(embedding, validate=True), dtype="<f4")
        if isinstance(embedding, list):
            with np.errstate(over="ignore"):
                return np.asarray(embedding, dtype=np.float32)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise _invalid(vendor, "a vector cannot be decoded") from None
    raise _invalid(vendor, "an entry has no vector")


def _is_same_model(named: str, asked: str) -> bool:
    """True when the model that a response names is the one asked for; a version or a namespace may be added."""
    named, asked = (each.rsplit("/", 1)[-1].casefold() for each in (named, asked))
    return named == asked or (named.startswith(asked) and _REVISION_SUFFIX.fullmatch(named[len(asked) :]) is not None)


def _tokens(usage: object) -> int | None:
    tokens = usage.get("total_tokens", usage.get("prompt_tokens")) if isinstance(usage, dict) else None
    return tokens if type(tokens) is int and tokens >= 0 else None


def _invalid(
    vendor: str, fault: str, rows: tuple[int, ...] | None = None, dimensions: int | None = None
) -> InvalidAnswer:
    return InvalidAnswer(
        f"{vendor}'s answer cannot be trusted: {fault}. Nothing of it was stored; if it happens again, check "
        "the base URL and the model in MORPHEUS_TEXT_SPACES.",
        f"the answer cannot be trusted: {fault}",
        rows=rows,
        dimensions=dimensions,
    )


def unit_vectors(vectors: Any, count: int, space: Space) -> np.ndarray:
    """`vectors` as float32 [count, space.dimensions] of length 1; raises InvalidAnswer if unusable."""
    array = np.asarray(vectors, dtype=np.float64)
    expected = (count, space.dimensions)
    if array.shape != expected:
        raise InvalidAnswer(
            f"{space.key} was asked for {count} vectors of {space.dimensions} dimensions and gave an answer of shape"
            f" {array.shape}: check that the space names the model that is loaded."
        )
    check_vectors(array, space.key)
    return (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float32)
