"""Texts to vectors for a request: from the cache, from what is stored, else from the provider; long ones by parts.

Vectors come out as they arrive, so that they can be streamed; what they look like as an answer is routes/text.py's.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from psycopg.errors import UndefinedTable

from morpheus_assets.api.database import Database
from morpheus_assets.api.embedding.providers import Patience, WarmProviders
from morpheus_assets.api.embedding.query_cache import QueryCache, vector_key
from morpheus_assets.api.metrics import Metrics
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.errors import InputRefused, RequestTooLarge
from morpheus_assets.embedding.long_inputs import Part, by_parts, join, surely_too_long
from morpheus_assets.embedding.packs import EmbeddingInput, Pack, Packer
from morpheus_assets.embedding.providers.base import EmbeddingProvider, EmbeddingResult, InputType
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.store.database.errors import StoreError
from morpheus_assets.store.spaces.spaces import get_space
from morpheus_assets.store.spaces.vectors import read_vectors

_CONCURRENCY = 5
# Characters; a longer text is not looked for, as no model takes it whole (a chunk has 254 word pieces by default).
_LONGEST_PASSAGE = 60_000

OnPart = Callable[[int, int, int, "PartVector"], None]
"""Called as a part arrives with the input's index, the part's number (from 0), how many there are, and the part."""


@dataclass(frozen=True)
class _Order:
    """What all requests for one call have in common; `gate` bounds how many are on their way."""

    space: Space
    input_type: InputType
    on_part: OnPart | None
    patience: Patience | None
    gate: asyncio.Semaphore


@dataclass(frozen=True)
class PartVector:
    """The vector of one part of a long input."""

    part: Part
    embedding: np.ndarray


@dataclass(frozen=True)
class TextVector:
    """The float32 [dimensions] vector of input number `index`; `source` is "redis", "postgres" or "provider".

    `tokens` is what the provider charged for it now; `parts` is empty for an input that was embedded whole.
    """

    index: int
    embedding: np.ndarray
    tokens: int
    source: str
    parts: Sequence[PartVector] = ()


class TextVectors:
    """Embeds texts of any length in any text space."""

    def __init__(self, providers: WarmProviders, cache: QueryCache, database: Database, metrics: Metrics) -> None:
        self._providers = providers
        self._cache = cache
        self._database = database
        self._metrics = metrics
        self._rows: dict[str, SpaceRow] = {}

    async def question(self, space: Space, text: str, patience: Patience | None = None) -> np.ndarray:
        """The vector of one question, float32 [dimensions]."""
        # Every search waits for it: so without what it takes to send many texts at once.
        key = vector_key(space.fingerprint, "query", hashlib.sha256(text.encode()).digest())
        cached = (await self._cache.get([key])).get(key)
        if cached is not None:
            self._metrics.cache.labels("vector", "redis").inc()
            return np.frombuffer(cached, "<f4")
        self._metrics.cache.labels("vector", "provider").inc()
        provider = await self._providers.provider(space)
        order = _Order(space, "query", None, patience, asyncio.Semaphore(_CONCURRENCY))
        if surely_too_long(provider, text):
            [found] = await self._by_parts(order, 0, text)
        else:
            pack = Pack((EmbeddingInput(b"0", text),), (provider.estimate_tokens(text),))
            [found] = await self._pack(order, pack)
        await self._cache.put({key: found.embedding.astype("<f4").tobytes()})
        return found.embedding

    async def fits(self, space: Space, text: str) -> bool:
        """True for a text that the model surely takes whole."""
        return not _long(await self._providers.provider(space), text)

    async def all(
        self,
        space: Space,
        texts: Sequence[str],
        input_type: InputType,
        patience: Patience | None = None,
        *,
        are_passages: bool = True,
    ) -> list[TextVector]:
        """The vectors of all texts, in their order."""
        stream = self.stream(space, texts, input_type, patience=patience, are_passages=are_passages)
        found = [vector async for vector in stream]
        return sorted(found, key=lambda vector: vector.index)

    async def stream(
        self,
        space: Space,
        texts: Sequence[str],
        input_type: InputType,
        on_part: OnPart | None = None,
        patience: Patience | None = None,
        *,
        are_passages: bool = True,
    ) -> AsyncIterator[TextVector]:
        """The vectors as they arrive; raises InputRefused with the index of the text at fault.

        `on_part` makes long inputs be embedded again, for a cached vector does not tell its parts. What `are_passages`
        says is none is not looked for among the stored ones.
        """
        hashes = [hashlib.sha256(text.encode()).digest() for text in texts]
        provider = await self._providers.provider(space)
        pairs = list(zip(hashes, texts, strict=True))
        short = [value for value, text in pairs if not on_part or not _long(provider, text)]
        passages = {value: None for value, text in pairs if are_passages and len(text) < _LONGEST_PASSAGE}
        known = await self._known(space, short, list(passages), input_type)
        for index, value in enumerate(hashes):
            if value in known:
                yield TextVector(index, known[value][0], 0, known[value][1])
        wanted = {value: index for index, value in reversed(list(enumerate(hashes))) if value not in known}
        again: dict[int, list[int]] = {}
        for index, value in enumerate(hashes):
            if value in wanted and wanted[value] != index:
                again.setdefault(wanted[value], []).append(index)
        fresh = {index: texts[index] for index in wanted.values()}
        self._metrics.cache.labels("vector", "provider").inc(len(fresh))
        order = _Order(space, input_type, on_part, patience, asyncio.Semaphore(_CONCURRENCY))
        async for vector in self._embed(order, fresh):
            key = vector_key(space.fingerprint, input_type, hashes[vector.index])
            await self._cache.put({key: vector.embedding.astype("<f4").tobytes()})
            yield vector
            for index in again.get(vector.index, ()):
                yield TextVector(index, vector.embedding, 0, vector.source, vector.parts)

    async def _known(
        self, space: Space, hashes: Sequence[bytes], passages: Sequence[bytes], input_type: InputType
    ) -> dict[bytes, tuple[np.ndarray, str]]:
        keys = {vector_key(space.fingerprint, input_type, value): value for value in hashes}
        cached = await self._cache.get(list(keys))
        known = {keys[key]: (np.frombuffer(blob, "<f4"), "redis") for key, blob in cached.items()}
        self._metrics.cache.labels("vector", "redis").inc(len(known))
        missing = [value for value in passages if value not in known]
        if missing and input_type == "document":
            stored = await self._stored(space, missing)
            self._metrics.cache.labels("vector", "postgres").inc(len(stored))
            known |= {value: (vector, "postgres") for value, vector in stored.items()}
        return known

    async def _stored(self, space: Space, hashes: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        try:
            row = await self._row(space)
            if row is None:
                return {}
            return await self._database.call(read_vectors, row, hashes)
        except (StoreError, DatabaseNotRunning, UndefinedTable):
            return {}

    async def _row(self, space: Space) -> SpaceRow | None:
        """The stored row of a space; remembered, for its key and its table never change."""
        if space.fingerprint not in self._rows:
            row = await self._database.call(get_space, space.key)
            if row.fingerprint != space.fingerprint:
                return None
            self._rows[space.fingerprint] = row
        return self._rows[space.fingerprint]

    async def _embed(self, order: _Order, texts: dict[int, str]) -> AsyncIterator[TextVector]:
        """Whole texts packed into requests, long ones cut; every request on its way at once, up to a limit."""
        provider = await self._providers.provider(order.space)
        whole = {index: text for index, text in texts.items() if not surely_too_long(provider, text)}
        # what is over by the estimate goes alone: if the model refuses it after all, only it is cut
        doubtful = {index for index, text in whole.items() if _long(provider, text)}
        certain = [EmbeddingInput(b"%d" % index, text) for index, text in whole.items() if index not in doubtful]
        packer = Packer(certain, provider)
        jobs: list[asyncio.Task[list[TextVector]]] = []
        while (pack := packer.next_pack()) is not None:
            jobs.append(asyncio.create_task(self._pack(order, pack)))
        for at in doubtful:
            pack = Pack((EmbeddingInput(b"%d" % at, texts[at]),), (provider.estimate_tokens(texts[at]),))
            jobs.append(asyncio.create_task(self._pack(order, pack)))
        jobs += [asyncio.create_task(self._by_parts(order, at, text)) for at, text in texts.items() if at not in whole]
        try:
            for done in asyncio.as_completed(jobs):
                for vector in await done:
                    yield vector
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)

    async def _pack(self, order: _Order, pack: Pack) -> list[TextVector]:
        members = [(int(item.content_hash), str(item.content)) for item in pack.inputs]
        try:
            result = await self._request(order, [text for _, text in members])
        except (InputRefused, RequestTooLarge) as error:
            if len(members) == 1:
                index, text = members[0]
                if len(text) < 64:
                    raise InputRefused(str(error), index) from None
                return await self._by_parts(order, index, text, error)
            # the one at fault is found, and the others may pass
            halves = pack.split(error.index if isinstance(error, InputRefused) else None)
            parts = await asyncio.gather(*(self._pack(order, half) for half in halves))
            return [vector for part in parts for vector in part]
        share = result.total_tokens // len(members)
        first = result.total_tokens - share * (len(members) - 1)
        return [
            TextVector(index, result.embeddings[at], first if at == 0 else share, "provider")
            for at, (index, _) in enumerate(members)
        ]

    async def _request(self, order: _Order, texts: Sequence[str]) -> EmbeddingResult:
        async with order.gate:
            return await self._providers.embed(order.space, texts, order.input_type, order.patience)

    async def _by_parts(
        self, order: _Order, index: int, text: str, refused: Exception | None = None
    ) -> list[TextVector]:
        provider = await self._providers.provider(order.space)
        try:
            return [await by_parts(provider, text, partial(self._joined, order, index), refused=refused)]
        except InputRefused as error:
            raise InputRefused(str(error), index) from None

    async def _joined(self, order: _Order, index: int, parts: Sequence[Part]) -> TextVector:
        provider = await self._providers.provider(order.space)
        packer = Packer([EmbeddingInput(b"%d" % at, part.text) for at, part in enumerate(parts)], provider)
        packs = []
        while (pack := packer.next_pack()) is not None:
            packs.append([int(item.content_hash) for item in pack.inputs])

        async def embed(numbers: list[int]) -> tuple[list[int], np.ndarray, int]:
            result = await self._request(order, [parts[at].text for at in numbers])
            if order.on_part is not None:
                for at, row in zip(numbers, result.embeddings, strict=True):
                    order.on_part(index, at, len(parts), PartVector(parts[at], row))
            return numbers, result.embeddings, result.total_tokens

        rows = np.zeros((len(parts), order.space.dimensions), np.float32)
        tokens = 0
        for numbers, embeddings, charged in await asyncio.gather(*(embed(numbers) for numbers in packs)):
            rows[numbers] = embeddings
            tokens += charged
        whole = join(rows, [part.tokens for part in parts])
        return TextVector(
            index, whole, tokens, "provider", [PartVector(part, row) for part, row in zip(parts, rows, strict=True)]
        )


def _long(provider: EmbeddingProvider, text: str) -> bool:
    limit = provider.limits.max_input_tokens
    return limit is not None and provider.estimate_tokens(text) > limit
