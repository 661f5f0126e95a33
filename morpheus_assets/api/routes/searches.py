"""POST /api/embeddings/searches: several questions in one request; by words, by more-like-this, or by a vector."""

import asyncio
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from morpheus_assets.api.middleware.request_log import note
from morpheus_assets.api.problems import documented, field_problem, problem_of
from morpheus_assets.api.responses import Answer, TypedRoute
from morpheus_assets.api.routes.search import MOST_CHARACTERS
from morpheus_assets.api.search.results import SearchAnswer
from morpheus_assets.api.state import Services, UsesServices
from morpheus_assets.services.search import SearchQuery

MOST_SEARCHES = 20
# One request holds no more of the server than a few do.
_AT_A_TIME = 4
router = APIRouter(tags=["search"], route_class=TypedRoute)


class OneSearch(BaseModel):
    """One of `q`, `like` and `vector`; the rest as for GET /api/embeddings/search."""

    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(None, max_length=MOST_CHARACTERS, description="The question.")
    like: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="The id of a result to be like.")
    vector: Annotated[list[FiniteFloat], Field(min_length=1, max_length=4000)] | None = Field(
        None, description="A vector of the model that answers: passages near it. Costs nothing."
    )
    k: int = Field(10, ge=1, le=100)
    novel: str | None = Field(None, max_length=100)
    chapter: int | None = Field(None, ge=-1_000_000, le=1_000_000)
    kind: Literal["text", "panels", "both"] = "both"
    mode: Literal["hybrid", "vector", "text"] = "hybrid"
    min_similarity: float | None = Field(None, ge=-1, le=1)
    better_than: float | None = Field(None, ge=50, lt=100)
    sentences: bool = True

    @model_validator(mode="after")
    def _one_question(self) -> "OneSearch":
        if sum(each is not None for each in (self.q, self.like, self.vector)) != 1:
            raise ValueError("Give one of `q`, `like` and `vector`.")
        if self.q is not None and not self.q.strip():
            raise ValueError("The question is empty.")
        if self.chapter is not None and self.novel is None:
            raise ValueError("A chapter number needs `novel` beside it.")
        if self.vector is not None and not any(self.vector):
            raise ValueError("A vector of zeros has no direction.")
        return self

    @property
    def query(self) -> SearchQuery:
        """The same for services.search; raises QueryRefused."""
        like = bytes.fromhex(self.like) if self.like else None
        return SearchQuery(
            q=self.q, like=like, k=self.k, novel=self.novel, chapter=self.chapter, kind=self.kind, mode=self.mode,
            min_similarity=self.min_similarity, better_than=self.better_than, sentences=self.sentences,
        )  # fmt: skip


class SearchesRequest(BaseModel):
    """The searches, in order."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"searches": [{"q": "a ship without a crew", "k": 3}]}]}
    )

    searches: list[OneSearch] = Field(min_length=1, max_length=MOST_SEARCHES)


class SearchOutcome(BaseModel):
    """An answer, or what was wrong with that search alone."""

    answer: SearchAnswer | None = None
    status: int
    detail: str | None = None


class SearchesAnswer(BaseModel):
    """The outcomes, in the order of the searches."""

    results: list[SearchOutcome]


@router.post("/api/embeddings/searches", responses=documented(502), summary="Several searches at once")
async def search_many(body: SearchesRequest, request: Request, services: UsesServices) -> Answer[SearchesAnswer]:
    """Each is answered for itself: one that is refused or fails leaves the others their answers."""
    gate = asyncio.Semaphore(_AT_A_TIME)

    async def one(wanted: OneSearch) -> SearchOutcome:
        async with gate:
            try:
                return SearchOutcome(answer=await _answer(wanted, services), status=200, detail=None)
            except Exception as error:
                problem = problem_of(error)
                if problem.status == 500:
                    raise
                return SearchOutcome(answer=None, status=problem.status, detail=problem.detail)

    results = await asyncio.gather(*map(one, body.searches))
    note(request, searches=len(results))
    return Answer(SearchesAnswer(results=list(results)))


async def _answer(wanted: OneSearch, services: Services) -> SearchAnswer:
    if wanted.vector is None:
        return await services.search.search(wanted.query)
    if wanted.kind == "panels":
        raise field_problem("vector", "Passages alone are searched by a vector.")
    return await services.search.by_vector(np.asarray(wanted.vector, np.float32), wanted.query)
