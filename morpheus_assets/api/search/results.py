"""What a search answers: passages with their place, panels with their picture; and how that is documented."""

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from morpheus_assets.api.search.sentences import BestSentence
from morpheus_assets.store.search.hits import PanelHit, TextHit


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
    chapter: int
    chapter_title: str | None
    ordinal: int = Field(description="Number of the passage in its novel.")
    char_start: int
    char_end: int
    passage: str
    text_url: str = Field(description="The passage with what stands around it.")


class PanelResult(BaseModel):
    """One panel; `similarity` is the cosine to the question."""

    id: str = Field(description="Hex sha256 of the file; give it as `like` to find more of its kind.")
    rank: int
    similarity: float
    novel: str
    path: str
    width: int | None
    height: int | None
    url: str
    thumbnail_url: str


class SearchAnswer(BaseModel):
    """What was found, best first. Cosines of passages and of panels come from two models and do not compare."""

    query: str | None
    passages: list[PassageResult]
    panels: list[PanelResult]
    spaces: dict[str, str] = Field(description="Which space answered, for text and image.")
    notes: list[str] = Field(description="What else a person should know, a sentence each.")
    cached: bool


def text_result(hit: TextHit, sentence: BestSentence | None) -> dict[str, Any]:
    """A passage, JSON-ready."""
    known = [value for value in (hit.similarity, sentence.similarity if sentence else None) if value is not None]
    return {
        "id": hit.content_hash.hex(),
        "rank": hit.rank,
        "similarity": round(max(known), 4) if known else None,
        "passage_similarity": None if hit.similarity is None else round(hit.similarity, 4),
        "best_sentence": sentence
        and {
            "text": sentence.text,
            "char_start": sentence.char_start,
            "char_end": sentence.char_end,
            "similarity": round(sentence.similarity, 4),
        },
        "vector_rank": hit.vector_rank,
        "text_rank": hit.text_rank,
        "score": hit.score,
        "novel": hit.novel,
        "title": hit.title,
        "chapter": hit.chapter,
        "chapter_title": hit.chapter_title,
        "ordinal": hit.ordinal,
        "char_start": hit.char_start,
        "char_end": hit.char_end,
        "passage": hit.body,
        "text_url": f"/api/novels/{quote(hit.novel)}/text?start={max(0, hit.char_start - 1500)}"
        f"&end={hit.char_end + 1500}",
    }


def panel_result(hit: PanelHit) -> dict[str, Any]:
    """A panel, JSON-ready."""
    url = f"/api/panels/{hit.content_hash.hex()}"
    return {
        "id": hit.content_hash.hex(),
        "rank": hit.rank,
        "similarity": round(hit.similarity, 4),
        "novel": hit.novel,
        "path": hit.path,
        "width": hit.width,
        "height": hit.height,
        "url": url,
        "thumbnail_url": f"{url}?width=360",
    }
