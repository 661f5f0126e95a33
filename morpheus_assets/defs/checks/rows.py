"""Checks of the rows that a run has just stored: chapters, chunks and panels of its novels. They change nothing.

Run by hand, without a novel, they look at all that are stored, up to MOST_NOVELS.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg

from morpheus_assets.defs.assets.panels import panel_images
from morpheus_assets.defs.assets.text import chapters
from morpheus_assets.defs.checks.left_out import evaluations_left_out
from morpheus_assets.defs.checks.remembered import result_for_all
from morpheus_assets.defs.partitions import NOVELS, PANELS, partition_set
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.services.backfills import novels_of_runs
from morpheus_assets.services.wording import counted
from morpheus_assets.text.chunking.settings import ChunkerSettings

if TYPE_CHECKING:
    from morpheus_assets.domain.content import Chapter
    from morpheus_assets.store.content.chunks import PlacedChunk

T = TypeVar("T")
MOST_NOVELS = 200
# A chapter of fewer characters is a heading alone; a novel of several chapters with one that holds so much of it was
# probably not divided where it should be.
SHORTEST_CHAPTER = 40
LARGEST_SHARE = 0.6
SMALLEST_PANEL = 64

CHAPTER_CHECKS = {
    "as_many_as_its_contents_name": "A novel has as many numbered chapters as its own table of contents names.",
    "chapter_lengths": f"No chapter is a heading alone (under {SHORTEST_CHAPTER} characters), and none of several holds"
    f" more than {LARGEST_SHARE:.0%} of its novel.",
}
CHUNK_CHECKS = {
    "text_is_covered": "The chunks hold every character of the chapters but white space, each chunk just what stands at"
    " its place. Embeddings wait for it: vectors of other text would be paid for.",
    "chunk_sizes": "No chunk is larger than MORPHEUS_CHUNK_TOKENS allows.",
}
PANEL_CHECKS = {
    "panels_are_large_enough": f"No panel has fewer than {SMALLEST_PANEL} pixels a side, where an image model sees next"
    " to nothing.",
}


@dg.multi_asset_check(
    name="check_chapters",
    specs=[dg.AssetCheckSpec(name, asset=chapters, description=said) for name, said in CHAPTER_CHECKS.items()],
    can_subset=True,
)
def check_chapters(
    context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[DatabaseResource]
) -> Iterator[dg.AssetCheckResult]:
    """Reads the chapters of the run's novels; without any, the texts too, for the contents that are printed in them."""
    from morpheus_assets.text.chapters.contents_count import numbered

    wanted = {key.name for key in context.selected_asset_check_keys}
    novels = novels_looked_at(context, database, NOVELS)
    # a printed list is left to the nightly job: looking for it takes as long as finding the chapters
    printed = not _of_the_run(context, NOVELS)
    rows: dict[str, Sequence[Chapter]] = {}
    counts: dict[str, tuple[int, int]] = {}
    looked_up = _with_printed_contents if printed else _with_contents_of_files
    for novel, listed, its_rows in looked_up(database, novels):
        rows[novel] = its_rows
        titles = [row.title for row in its_rows if row.kind == "chapter"]
        if listed is not None and titles:
            counts[novel] = (listed, numbered(titles))
    if "as_many_as_its_contents_name" in wanted:
        faults = {
            novel: [f"{novel}: its table of contents names {listed} numbered chapters, {found} were found."]
            for novel, (listed, found) in counts.items()
            if abs(listed - found) > max(1, listed // 10)
        }
        said = _as_many(len(counts), printed)
        yield _result(context, NOVELS, chapters.key, "as_many_as_its_contents_name", faults, counts, said)
    if "chapter_lengths" in wanted:
        lengths = [row.char_end - row.char_start for found in rows.values() for row in found]
        faults = {novel: chapter_faults(novel, found) for novel, found in rows.items()}
        shortest, longest = min(lengths, default=0), max(lengths, default=0)
        said = f"{counted(len(lengths), 'chapter')} of {shortest:,} to {longest:,} characters"
        yield _result(context, NOVELS, chapters.key, "chapter_lengths", faults, rows, said,
                      shortest=shortest, longest=longest)  # fmt: skip


@dg.asset_check(asset=panel_images, name="panels_are_large_enough", description=PANEL_CHECKS["panels_are_large_enough"])
def panels_are_large_enough(
    context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[DatabaseResource]
) -> dg.AssetCheckResult:
    """Warns of panels that are too small to be found by what they show."""
    from morpheus_assets.store.content.panels import load_panels_of

    found = load_panels_of(database.engine, novels_looked_at(context, database, PANELS))
    stored = {novel: [row for row in rows if row.state == "stored"] for novel, rows in found.items()}
    small = {
        novel: [
            f"{row.path} has {row.width} × {row.height} pixels."
            for row in rows
            if min(row.width or 0, row.height or 0) < SMALLEST_PANEL
        ]
        for novel, rows in stored.items()
    }
    said = f"of {counted(sum(map(len, stored.values())), 'page')} each is large enough"
    return _result(context, PANELS, panel_images.key, "panels_are_large_enough", small, stored, said)


def build_chunk_checks(settings: ChunkerSettings) -> dg.AssetChecksDefinition:
    """The checks of `chunks`, which know the size that it is cut to."""
    key = dg.AssetKey("chunks")

    @dg.multi_asset_check(
        name="check_chunks",
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=said, blocking=name == "text_is_covered")
            for name, said in CHUNK_CHECKS.items()
        ],
        can_subset=True,
    )
    def check_chunks(
        context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[DatabaseResource]
    ) -> Iterator[Any]:
        """Reads the text, the chapters and the chunks of the run's novels, one novel at a time."""
        from morpheus_assets.store.content.chunks import placed_chunks

        wanted = {each.name for each in context.selected_asset_check_keys}
        uncovered: dict[str, list[str]] = {}
        too_large: dict[str, list[str]] = {}
        sizes: list[int] = []
        novels = novels_looked_at(context, database, NOVELS)
        for novel, (text, places, cut) in _one_ahead(novels, partial(placed_chunks, database.engine)):
            if text is None:
                continue
            uncovered[novel] = coverage_faults(novel, text, places, cut)
            sizes += [chunk.token_count for chunk in cut]
            too_large[novel] = [
                f"{novel}: chunk {chunk.ordinal} has {chunk.token_count} word pieces."
                for chunk in cut
                if chunk.token_count > settings.max_tokens
            ]
        if "chunk_sizes" in wanted:
            smallest, largest = min(sizes, default=0), max(sizes, default=0)
            said = f"{counted(len(sizes), 'chunk')} of {smallest} to {largest} word pieces"
            yield _result(context, NOVELS, key, "chunk_sizes", too_large, too_large, said,
                          severity=dg.AssetCheckSeverity.ERROR, smallest=smallest, largest=largest)  # fmt: skip
        if "text_is_covered" in wanted:
            if any(uncovered.values()):
                # what waits for this check is not run, and neither are the checks of that
                yield from _of_what_waits(context, key)
            said = "every character of the chapters but white space is in a chunk"
            yield _result(context, NOVELS, key, "text_is_covered", uncovered, uncovered, said,
                          severity=dg.AssetCheckSeverity.ERROR)  # fmt: skip

    return check_chunks


def _one_ahead(novels: Iterable[str], look: Callable[[str], T]) -> Iterator[tuple[str, T]]:
    """What `look` finds for each novel, which is looked up while the one before is compared; three are held at most."""
    with ThreadPoolExecutor(1, thread_name_prefix="checks") as thread:
        before: tuple[str, Future[T]] | None = None
        for novel in novels:
            coming = novel, thread.submit(look, novel)
            if before is not None:
                yield before[0], before[1].result()
            before = coming
        if before is not None:
            yield before[0], before[1].result()


def chapter_faults(novel: str, rows: "Sequence[Chapter]") -> list[str]:
    """Chapters that are a heading alone, or too much of their novel, a sentence each."""
    found = [row for row in rows if row.kind == "chapter"]
    whole = sum(row.char_end - row.char_start for row in found)
    faults = []
    for row in found:
        length = row.char_end - row.char_start
        if length < SHORTEST_CHAPTER:
            faults.append(f"{novel}: chapter {row.ordinal}, {row.title!r}, has {length} characters.")
        elif len(found) > 2 and length > LARGEST_SHARE * whole:
            faults.append(f"{novel}: chapter {row.ordinal}, {row.title!r}, holds {length / whole:.0%} of the novel.")
    return faults


def coverage_faults(
    novel: str, text: str, places: Sequence[tuple[int, int, int]], cut: "Sequence[PlacedChunk]"
) -> list[str]:
    """What of a novel's chapters no chunk holds, and chunks that are not what stands at their place.

    `places` are the chapters' (ordinal, char_start, char_end); a chunk is what it should be by its content hash.
    """
    faults = [
        f"{novel}: chunk {chunk.ordinal} is not the text from {chunk.char_start} to {chunk.char_end}."
        for chunk in cut
        if sha256(text[chunk.char_start : chunk.char_end].encode()).digest() != chunk.content_hash
    ]
    by_chapter: dict[int, list[tuple[int, int]]] = {}
    for chunk in cut:
        by_chapter.setdefault(chunk.chapter, []).append((chunk.char_start, chunk.char_end))
    for ordinal, first, last in places:
        reached = first
        for start, end in [*sorted(by_chapter.get(ordinal, [])), (last, last)]:
            left_out = text[reached:start].strip()
            if left_out:
                faults.append(f"{novel}: no chunk holds {left_out[:40]!r} in chapter {ordinal}.")
            reached = max(reached, end)
    return faults


def _with_contents_of_files(
    database: DatabaseResource, novels: Sequence[str]
) -> Iterator[tuple[str, int | None, "Sequence[Chapter]"]]:
    """Each novel, the numbered chapters that its file's own contents name (None: it has none), and its chapters."""
    from morpheus_assets.store.content.chapters import chapters_with_contents
    from morpheus_assets.text.chapters.contents_count import numbered

    found = chapters_with_contents(database.engine, novels)
    for novel in novels:
        titles, rows = found.get(novel, ([], []))
        yield novel, numbered(titles) or None, rows


def _with_printed_contents(
    database: DatabaseResource, novels: Sequence[str]
) -> Iterator[tuple[str, int | None, "Sequence[Chapter]"]]:
    """The same by their texts, where else a list may be printed; one novel at a time."""
    from morpheus_assets.store.content.novels import text_with_chapters
    from morpheus_assets.text.chapters.contents_count import listed_chapters
    from morpheus_assets.text.documents import Document

    for novel in novels:
        record, rows = text_with_chapters(database.engine, novel)
        if record is None or not any(row.kind == "chapter" for row in rows):
            yield novel, None, rows
            continue
        document = Document(
            record.text, record.format, record.encoding, record.repairs, record.language, record.title, record.author,
            record.hints,
        )  # fmt: skip
        yield novel, listed_chapters(document), rows


def novels_looked_at(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, definition: dg.DynamicPartitionsDefinition
) -> list[str]:
    """The novels of the run that have what `definition` is of; without any, all that are stored, up to MOST_NOVELS."""
    of_the_run = _of_the_run(context, definition)
    if of_the_run:
        return sorted(of_the_run)
    from morpheus_assets.store.content.novels import list_novels

    rows = list_novels(database.engine)
    return [row.novel for row in rows if (row.chunks if definition is NOVELS else row.panels)][:MOST_NOVELS]


def _of_the_run(context: dg.AssetCheckExecutionContext, definition: dg.DynamicPartitionsDefinition) -> set[str]:
    known = context.instance.get_dynamic_partitions(partition_set(definition))
    return novels_of_runs([context.run.tags], known)


def _of_what_waits(context: dg.AssetCheckExecutionContext, key: dg.AssetKey) -> Iterator[dg.DagsterEvent]:
    step = context.get_step_execution_context()
    for event in evaluations_left_out(step, key):
        if event.asset_check_evaluation_data.asset_key != key:
            yield event


def _as_many(compared: int, printed: bool) -> str:
    if compared:
        return f"as many chapters as the tables of contents of {counted(compared, 'novel')} name"
    if printed:
        return "no novel has a table of contents to compare with"
    return "no file has a table of contents of its own; printed ones are counted each night, by `check_embeddings`"


def _result(
    context: dg.AssetCheckExecutionContext,
    definition: dg.DynamicPartitionsDefinition,
    asset: dg.AssetKey,
    name: str,
    faults: Mapping[str, Sequence[str]],
    looked_at: Collection[str],
    well: str,
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    **metadata: Any,
) -> dg.AssetCheckResult:
    def stored() -> Sequence[str]:
        return context.instance.get_dynamic_partitions(partition_set(definition))

    key = dg.AssetCheckKey(asset, name)
    return result_for_all(context.instance, key, faults, looked_at, stored, well, severity=severity, **metadata)


def build_row_checks(settings: ChunkerSettings) -> list[dg.AssetChecksDefinition]:
    """The checks of chapters, chunks and panels."""
    return [check_chapters, build_chunk_checks(settings), panels_are_large_enough]
