"""Asks a space every question through the search that people use, and notes where the answers come."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sqlalchemy import Engine

from morpheus_assets.domain.questions import Question
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
from morpheus_assets.embedding.rate_limits import NoBudget, RequestBudget
from morpheus_assets.embedding.requests import send_request
from morpheus_assets.embedding.retries import RetryPolicy
from morpheus_assets.services.configured_spaces import open_provider, request_budget
from morpheus_assets.services.evaluation.made_questions import made_questions
from morpheus_assets.services.evaluation.measures import DEPTH, Outcome
from morpheus_assets.services.evaluation.quotations import NovelText, Span, holds
from morpheus_assets.services.search import Found, InlineDatabase, Search, SearchQuery
from morpheus_assets.settings import Settings
from morpheus_assets.store.evaluation.questions import novel_body, novels_with_passages, passages_of_novel
from morpheus_assets.store.search.hits import TextHit

# Passages that questions are made of, over all novels.
MADE_QUESTIONS = 60
_NOVELS_ASKED = 12
_PER_REQUEST = 64
_SHOWN = 80


@dataclass(frozen=True)
class Measured:
    """What a space found; `unknown` are sentences on questions that were not asked, `tokens` what asking took."""

    space: SpaceRow
    outcomes: Sequence[Outcome]
    unknown: Sequence[str]
    tokens: int


def questions_for(engine: Engine, judged: Sequence[Question], made: int = MADE_QUESTIONS) -> list[Question]:
    """The judged questions, and those that are made of up to `made` passages of the stored novels.

    Made ones come from as many novels as can give several each; the same library gives the same ones.
    """
    novels = novels_with_passages(engine)
    # spread over the alphabet, so that another novel changes few of them
    chosen = novels[:: max(1, len(novels) // _NOVELS_ASKED)][:_NOVELS_ASKED]
    each = -(-made // max(1, len(chosen)))
    questions = list(judged)
    for novel in chosen if made else []:
        questions += made_questions(passages_of_novel(engine, novel), each)
    return questions


def evaluate(
    engine: Engine,
    settings: Settings,
    space: SpaceRow,
    questions: Sequence[Question],
    *,
    mode: str = "hybrid",
    step: Callable[[int], None] = lambda _: None,
) -> Measured:
    """Ask `space` every question over the whole library; raises embedding.errors, SpaceGone.

    `mode` "hybrid" is what people get; "vector" asks the stored vectors alone, without words or nearest sentences.
    `step` is told of each question that was answered.
    """
    return asyncio.run(_evaluate(engine, settings, space, questions, mode, step))


async def _evaluate(
    engine: Engine,
    settings: Settings,
    space: SpaceRow,
    questions: Sequence[Question],
    mode: str,
    step: Callable[[int], None],
) -> Measured:
    async with Asking(engine, settings, space, questions, mode) as asking:
        outcomes = []
        for question in asking.known:
            outcomes.append(await asking.ask(question))
            step(1)
        step(len(asking.unknown))
        return Measured(space, outcomes, asking.unknown, asking.tokens)


class Asking:
    """The questions of one space while its provider is open; an async context manager.

    `known` are those whose novel is stored and says what they quote, `unknown` sentences on the others.
    """

    def __init__(
        self, engine: Engine, settings: Settings, space: SpaceRow, questions: Sequence[Question], mode: str = "hybrid"
    ) -> None:
        self._answers = _Answers(engine)
        self._space = space
        self._mode = mode
        self.known = [question for question in questions if self._answers.known(question)]
        self._vectors = _Vectors(open_provider(settings, space), request_budget(settings, space, engine))
        self._search = Search(settings, InlineDatabase(engine), self._vectors)

    async def __aenter__(self) -> Self:
        try:
            await self._vectors.prepare([question.question for question in self.known])
        except BaseException:
            await self._vectors.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._vectors.close()

    @property
    def unknown(self) -> Sequence[str]:
        """Sentences on the questions that are not asked."""
        return self._answers.unknown

    @property
    def tokens(self) -> int:
        """What asking took until now."""
        return self._vectors.tokens

    async def ask(self, question: Question, *, within_novel: bool = False) -> Outcome:
        """Where the answer of one of the known questions comes, over the library or within its novel."""
        query = SearchQuery(
            q=question.question, k=DEPTH, kind="text", mode=self._mode, sentences=self._mode == "hybrid",
            novel=question.novel if within_novel else None, space=self._space.key,
        )  # fmt: skip
        return self._answers.outcome(question, await self._search.find(query))


class _Vectors:
    """services.search.QueryVectors of one open provider; the questions are embedded many at a time, before."""

    def __init__(self, provider: EmbeddingProvider, budget: RequestBudget | None) -> None:
        self._provider = provider
        self._budget = budget or NoBudget()
        self._known: dict[str, np.ndarray] = {}
        self.tokens = 0

    async def prepare(self, questions: Sequence[str]) -> None:
        wanted = list(dict.fromkeys(questions))
        for start in range(0, len(wanted), _PER_REQUEST):
            batch = wanted[start : start + _PER_REQUEST]
            self._known.update(zip(batch, await self._send(batch, "query"), strict=True))

    async def question(self, space: Space, text: str, within: float) -> np.ndarray:
        return self._known[text]

    async def sentences(self, space: SpaceRow, texts: Sequence[str], within: float) -> Sequence[np.ndarray]:
        return await self._send(list(texts), "document")

    async def picture(self, space: Space, picture: Any, within: float) -> np.ndarray:
        raise NotImplementedError("Questions are texts.")

    async def close(self) -> None:
        await self._provider.close()

    async def _send(self, texts: list[str], input_type: InputType) -> list[np.ndarray]:
        sent = await send_request(self._provider, texts, input_type, budget=self._budget, policy=RetryPolicy())
        self.tokens += sent.result.total_tokens
        return list(sent.result.embeddings)


class _Answers:
    """Tells whether a passage that was found answers a question; reads each novel's text once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._texts: dict[str, NovelText | None] = {}
        self._spans: dict[Question, list[Span]] = {}
        self.unknown: list[str] = []

    def known(self, question: Question) -> bool:
        """Whether the question can be asked; what stands against it is noted in `unknown`."""
        text = self._text(question.novel)
        if text is None:
            said = f"No novel named {question.novel!r} is stored: its questions are not asked."
            if said not in self.unknown:
                self.unknown.append(said)
            return False
        self._spans[question] = text.find(question.quotation) if question.quotation else []
        if question.quotation and not self._spans[question]:
            self.unknown.append(f"{question.novel} does not say {question.quotation!r}: nothing is looked for there.")
            return bool(question.chapters)
        return True

    def outcome(self, question: Question, found: Found) -> Outcome:
        """Where the answers came among the passages that were found."""
        hits = [passage.hit for passage in found.passages]
        spans = self._spans[question]
        chapter = next((hit.rank for hit in hits if _in_chapter(hit, question)), None)
        passage = next((hit.rank for hit in hits if self._holds(hit, question, spans)), None)
        first = chapter if question.chapters else passage
        return Outcome(
            question, bool(question.chapters), bool(spans), chapter, passage, _shown(hits) if first != 1 else ""
        )

    def _holds(self, hit: TextHit, question: Question, spans: Sequence[Span]) -> bool:
        if hit.novel != question.novel:
            return False
        return hit.content_hash == question.passage or holds(hit.char_start, hit.char_end, spans)

    def _text(self, novel: str) -> NovelText | None:
        if novel not in self._texts:
            body = novel_body(self._engine, novel)
            self._texts[novel] = None if body is None else NovelText(body)
        return self._texts[novel]


def _in_chapter(hit: TextHit, question: Question) -> bool:
    return hit.novel == question.novel and hit.chapter in question.chapters


def _shown(hits: Sequence[TextHit]) -> str:
    if not hits:
        return "nothing"
    first = hits[0]
    return f"{first.novel}, {first.chapter_title or first.chapter}: {' '.join(first.body.split())[:_SHOWN]}"
