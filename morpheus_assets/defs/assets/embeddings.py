"""One asset for each embedding space, made by a factory: text_embeddings/<space> and clip_embeddings/<space>.

An asset claims the inputs that lack a vector, sends them to the provider and gives the vectors as they arrive.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.assets.metadata import embedding_columns
from morpheus_assets.defs.assets.panels import regions
from morpheus_assets.defs.assets.values import OWNERS, NovelsEmbeddings, SpaceStream, space_tags
from morpheus_assets.defs.failures import told_in_a_sentence
from morpheus_assets.defs.io_managers.events import recorded_by_io_manager
from morpheus_assets.defs.partitions import NOVELS, PANELS
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource, ProvidersResource
from morpheus_assets.domain.embeddings import FailedNovel
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import EmbeddingError
from morpheus_assets.embedding.providers.registry import provider_of
from morpheus_assets.services.asset_names import space_asset

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.domain.embeddings import Arrival
    from morpheus_assets.domain.spaces import SpaceRow
    from morpheus_assets.embedding.packs import StreamResult
    from morpheus_assets.services.embed_novels import Embed
    from morpheus_assets.store.spaces.coverage import MissingInput
    from morpheus_assets.store.spaces.overview import NovelContent

CHUNKS = dg.AssetKey("chunks")
# By Space.inputs, for descriptions.
_CONTEXTS = {
    "titled": "\n\nThe titles of the novel and the chapter stand before each passage, and are a part of its hash.",
    "window": "\n\nThe passages of a chapter are embedded together, so each one's hash holds all of them.",
}


def embeddings_key(space: Space) -> dg.AssetKey:
    """The key of a space's asset."""
    return dg.AssetKey(space_asset(space))


def build_text_embeddings_asset(space: Space, *, leads: bool) -> dg.AssetsDefinition:
    """The asset of a text space."""

    @dg.asset(
        key=embeddings_key(space),
        deps=[CHUNKS],
        partitions_def=NOVELS,
        group_name="text",
        kinds={provider_of(space).kind, "postgres"},
        owners=OWNERS,
        tags=space_tags(space),
        code_version=space.fingerprint[:16],
        io_manager_key="text_embeddings_io_manager",
        pool=space.provider,
        description=f"Vectors of the chunks in the space `{space.key}`: {space.provider}/{space.model},"
        f" {space.dimensions} dimensions.\n\nOne row for each distinct passage, under the hash of its text. Only"
        " passages that have no vector yet are sent to the provider, so a re-run of an unchanged novel"
        f" sends nothing, and what a broken run had stored is not paid for again.{_CONTEXTS.get(space.inputs, '')}",
        metadata=_space_metadata(space),
    )
    def text_embeddings(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        providers: dg.ResourceParam[ProvidersResource],
    ) -> dg.Output[NovelsEmbeddings]:
        embed = text_embedder(providers, database)
        return recorded_by_io_manager(_embeddings(context, database, space, embed, _without_chunks, leads=leads))

    return text_embeddings


def build_image_embeddings_asset(
    space: Space, *, leads: bool, only_novels: Sequence[str] | None = None
) -> dg.AssetsDefinition:
    """The asset of an image space; `only_novels` are those that it is for (None: all)."""

    @dg.asset(
        key=embeddings_key(space),
        deps=[regions],
        partitions_def=PANELS,
        group_name="panels",
        kinds={provider_of(space).kind, "postgres"},
        owners=OWNERS,
        tags=space_tags(space),
        code_version=space.fingerprint[:16],
        io_manager_key="image_embeddings_io_manager",
        pool=space.provider,
        description=f"Vectors of the pages' regions in the space `{space.key}`: {space.provider}/{space.model},"
        f" {space.dimensions} dimensions.\n\nOne row for each distinct region, under the hash of its upright pixels."
        " Only regions that have no vector yet are decoded and embedded.",
        metadata=_space_metadata(space),
    )
    def clip_embeddings(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        content_folder: dg.ResourceParam[ContentFolderResource],
        providers: dg.ResourceParam[ProvidersResource],
    ) -> dg.Output[NovelsEmbeddings]:
        exempt = {
            novel: f"{space.key} is the demo model, which knows only drawn panels, and {novel} is not a sample; set"
            " MORPHEUS_IMAGE_SPACES=open_clip/demo to use it all the same."
            for novel in context.partition_keys
            if only_novels is not None and novel not in only_novels
        }
        uncut: dict[str, str] = {}
        if space.shaping > 1:
            with told_in_a_sentence():
                wanted = [novel for novel in context.partition_keys if novel not in exempt]
                uncut = _uncut_novels(database.engine, wanted)
        embed = panel_embedder(providers, database, content_folder)

        def why_not(novel: str, found: "NovelContent | None") -> str | None:
            return _without_panels(novel, found) or uncut.get(novel)

        return recorded_by_io_manager(_embeddings(context, database, space, embed, why_not, exempt, leads=leads))

    return clip_embeddings


def text_embedder(providers: ProvidersResource, database: DatabaseResource) -> "Embed":
    """Turns passages that lack a vector into vectors of a space, within the provider's budget."""
    from morpheus_assets.embedding.packs import EmbeddingInput
    from morpheus_assets.services.embed_novels import window_input

    def embed(
        space: Space, missing: "Iterable[MissingInput]", ensure: "Callable[[], object] | None" = None, /
    ) -> "Iterator[StreamResult]":
        if space.inputs == "window":
            inputs = (window_input(list(rows)) for _, rows in groupby(missing, key=attrgetter("window")))
        else:
            inputs = (
                EmbeddingInput(row.content_hash, row.content, tries=row.tries, together=row.together) for row in missing
            )
        return providers.embed(space, inputs, database.engine, ensure=ensure)

    return embed


def panel_embedder(
    providers: ProvidersResource, database: DatabaseResource, content_folder: ContentFolderResource
) -> "Embed":
    """The same for panels, which are read and decoded as they are sent."""
    from morpheus_assets.services.embed_novels import panel_input

    reader = content_folder.page_reader()

    def embed(
        space: Space, missing: "Iterable[MissingInput]", ensure: "Callable[[], object] | None" = None, /
    ) -> "Iterator[StreamResult]":
        inputs = (panel_input(reader, row) for row in missing)
        return providers.embed(space, inputs, database.engine, ensure=ensure)

    return embed


def _embeddings(
    context: dg.AssetExecutionContext,
    database: DatabaseResource,
    space: Space,
    embed: "Embed",
    why_not: "Callable[[str, NovelContent | None], str | None]",
    exempt: Mapping[str, str] | None = None,
    *,
    leads: bool,
) -> NovelsEmbeddings:
    """Vectors for the inputs that the step's novels lack, in `space` and in what it has to complete before.

    `why_not` says of a novel why it cannot be embedded, or None.
    """
    from morpheus_assets.services.configured_spaces import kept_beside
    from morpheus_assets.services.embed_novels import SpaceFiller
    from morpheus_assets.services.model_change import verify_model
    from morpheus_assets.store.database.outages import retry_while_down
    from morpheus_assets.store.spaces.overview import overview
    from morpheus_assets.store.spaces.spaces import stored_or_made

    exempt = exempt or {}
    novels = [novel for novel in context.partition_keys if novel not in exempt]
    with told_in_a_sentence():
        seen = overview(database.engine, space.purpose, novels)
    reasons = {novel: why_not(novel, seen.novels.get(novel)) for novel in novels}
    excluded = {novel: reason for novel, reason in reasons.items() if reason is not None}
    novels = [novel for novel in novels if novel not in excluded]

    def fill(row: "SpaceRow") -> SpaceStream:
        verify = partial(verify_model, database.engine, database.settings, row, embed)
        return SpaceStream(row, SpaceFiller(database.engine, row, embed, context.log, verify).fill(novels))

    def fill_own(row: "SpaceRow") -> "Generator[Arrival, None, None]":
        if database.settings.ingest_batch_from is not None:
            from morpheus_assets.services.batch_jobs import submit_large_load
            from morpheus_assets.services.reembedding_launch import KIND_TAG, REEMBED

            try:
                # A re-embedding has chosen already, and what a batch job did not answer goes the ordinary way.
                if context.run.tags.get(KIND_TAG) != REEMBED:
                    submit_large_load(database.engine, database.settings, row, novels, context.log.info)
            except EmbeddingError as fault:
                # By ordinary requests it would cost more than was wanted.
                yield from (FailedNovel(novel, fault) for novel in novels)
                return
        yield from fill(row).arrivals

    def streams() -> Iterator[SpaceStream]:
        if leads:
            # First, so that a fault of the new space never keeps what has just arrived from being found.
            yield from map(fill, kept_beside(database.settings, space.purpose, seen.active))
        stored = next((row for row in seen.spaces if row.key == space.key), None)
        row = retry_while_down(partial(stored_or_made, database.engine, space, stored))
        yield SpaceStream(row, fill_own(row))

    return NovelsEmbeddings(space, context.partition_keys, excluded, streams(), leads and seen.active is None, exempt)


def _without_chunks(novel: str, found: "NovelContent | None") -> str | None:
    """Novels that were refused or never cut, with the reason. What was stored before a refusal is still embedded."""
    if found is not None and found.has_content:
        return None
    refusal = found.refused_reason if found else None
    return refusal or f"{novel} has no chunks; materialize `chunks` for it first."


def _without_panels(novel: str, found: "NovelContent | None") -> str | None:
    """Novels whose panels were never listed, with a sentence each."""
    if found is not None and found.has_content:
        return None
    return f"{novel} has no panels; materialize `panel_images` for it first."


def _uncut_novels(engine: "Engine", novels: Sequence[str]) -> dict[str, str]:
    """Novels with pages that have no regions yet, with a sentence each."""
    from morpheus_assets.store.content.regions import uncut_pages

    uncut = uncut_pages(engine)
    return {
        novel: f"{uncut[novel]} pages of {novel} are not cut into regions yet; materialize `regions` for it first."
        for novel in novels
        if novel in uncut
    }


def _space_metadata(space: Space) -> dict[str, object]:
    return {
        "dagster/column_schema": embedding_columns(space.dimensions),
        "provider": space.provider,
        "model": space.model,
        "revision": space.revision or "as served",
        "dimensions": space.dimensions,
        "fingerprint": space.fingerprint,
        **({"context": space.context} if space.context else {}),
    }
