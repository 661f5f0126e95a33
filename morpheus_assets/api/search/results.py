"""The answer of a search: passages with their place, panels with their picture."""

from urllib.parse import quote

from pydantic import BaseModel, Field

from morpheus_assets.services.search import Found, Passage, SearchQuery, shown_similarity
from morpheus_assets.services.sentences import BestSentence
from morpheus_assets.store.search.hits import PanelHit


class SentenceResult(BaseModel):
    """The sentence of a passage that is nearest to the question."""

    text: str
    char_start: int
    char_end: int
    similarity: float


class PassageResult(BaseModel):
    """One passage and the place it came from: `char_start` and `char_end` are offsets into the novel's text."""

    id: str = Field(description="Hex sha256 of the passage; give it as `like` to find more of its kind.")
    rank: int
    relevance: float = Field(
        description="0 to 1, never more than that of the result before: what the order goes by. From .75 on a sentence"
        " of the passage is close to the question."
    )
    similarity: float | None = Field(
        description="Cosine to the question: of the passage or of its best sentence, whichever is larger."
    )
    passage_similarity: float | None = Field(description="Cosine of the whole passage.")
    best_sentence: SentenceResult | None
    vector_rank: int | None
    text_rank: int | None
    score: float
    novel: str
    title: str | None
    language: str = Field(description="ISO 639-1.")
    chapter: int
    chapter_title: str | None
    ordinal: int = Field(description="Number of the passage in its novel.")
    char_start: int
    char_end: int
    passage: str
    text_url: str = Field(description="The passage with what stands around it.")


class PanelResult(BaseModel):
    """One page by its best region; `similarity` is the cosine of that to the question."""

    id: str = Field(description="Hash of the region; give it as `like` to find more of its kind.")
    rank: int
    similarity: float
    novel: str
    path: str = Field(description="The file, below the folder of panels.")
    entry: str = Field(description="The page within an archive, PDF or EPUB; empty for a picture of its own.")
    page: int = Field(description="The page's number in the novel, from 1.")
    region: int = Field(description="The region's place on the page in reading order; 0 is the page itself.")
    kind: str = Field(description="`page`, `panel`, `piece` (of a strip or spread), `tile`, or `given` by a person.")
    box: tuple[int, int, int, int] | None = Field(description="Left, top, right, bottom in pixels of the page.")
    page_width: int | None
    page_height: int | None
    width: int | None
    height: int | None
    url: str
    thumbnail_url: str
    page_url: str = Field(description="The whole page with the region outlined.")


class SearchAnswer(BaseModel):
    """What was found, best first. Cosines of passages and of panels come from two models and do not compare."""

    query: str | None
    passages: list[PassageResult]
    panels: list[PanelResult]
    spaces: dict[str, str] = Field(description="Which space answered, for text and image.")
    notes: list[str] = Field(description="What else a person should know, a sentence each.")
    cached: bool


def search_answer(query: SearchQuery, found: Found) -> SearchAnswer:
    """The answer to a query that was searched for now."""
    return SearchAnswer(
        query=query.q,
        passages=[_passage(passage) for passage in found.passages],
        panels=[_panel(hit) for hit in found.panels],
        spaces=found.spaces,
        notes=found.notes,
        cached=False,
    )


def _passage(passage: Passage) -> PassageResult:
    hit, similarity = passage.hit, passage.similarity
    return PassageResult(
        id=hit.content_hash.hex(),
        rank=hit.rank,
        relevance=shown_similarity(passage.relevance),
        similarity=None if similarity is None else shown_similarity(similarity),
        passage_similarity=None if hit.similarity is None else shown_similarity(hit.similarity),
        best_sentence=None if passage.sentence is None else _sentence(passage.sentence),
        vector_rank=hit.vector_rank,
        text_rank=hit.text_rank,
        score=hit.score,
        novel=hit.novel,
        title=hit.title,
        language=hit.language,
        chapter=hit.chapter,
        chapter_title=hit.chapter_title,
        ordinal=hit.ordinal,
        char_start=hit.char_start,
        char_end=hit.char_end,
        passage=hit.body,
        text_url=f"/api/novels/{quote(hit.novel)}/text?start={max(0, hit.char_start - 1500)}&end={hit.char_end + 1500}",
    )


def _sentence(sentence: BestSentence) -> SentenceResult:
    return SentenceResult(
        text=sentence.text,
        char_start=sentence.char_start,
        char_end=sentence.char_end,
        similarity=shown_similarity(sentence.similarity),
    )


def _panel(hit: PanelHit) -> PanelResult:
    url = f"/api/panels/{hit.content_hash.hex()}"
    return PanelResult(
        id=hit.content_hash.hex(),
        rank=hit.rank,
        similarity=shown_similarity(hit.similarity),
        novel=hit.novel,
        path=hit.path,
        entry=hit.entry,
        page=hit.page,
        region=hit.region,
        kind=hit.kind,
        box=hit.box,
        page_width=hit.page_width,
        page_height=hit.page_height,
        width=hit.width,
        height=hit.height,
        url=url,
        thumbnail_url=f"{url}?width=360",
        page_url=f"{url}/page",
    )
