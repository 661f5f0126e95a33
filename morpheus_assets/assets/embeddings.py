"""One asset for each embedding space, made by a factory: text_embeddings/<space> and clip_embeddings/<space>.

An asset names the provider and how to feed it; asking what is missing and storing it is the IO manager's.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.assets.panels import panel_images
from morpheus_assets.assets.schemas import embedding_columns
from morpheus_assets.assets.text import OWNERS
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.registry import provider_of
from morpheus_assets.novel_events import recorded_by_io_manager
from morpheus_assets.partitions import NOVELS
from morpheus_assets.resources import ContentFolderResource, DatabaseResource, ProvidersResource
from morpheus_assets.standing_spaces import ASSET_PREFIXES

if TYPE_CHECKING:
    from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput, RefusedInput
    from morpheus_assets.images.scaled_decoding import LeastSize
    from morpheus_assets.store.coverage import MissingInput

CHUNKS = dg.AssetKey("chunks")


@dataclass(frozen=True)
class EmbeddingStream:
    """The work of one step: `embed` turns what is missing of `novels` into vectors of a space, a batch at a time.

    `leads` says that the space is the first of its purpose in the settings: it answers searches when none does yet,
    and its step also completes a space that answers while the settings no longer name it.
    `excluded` holds novels that this space is not for, with the sentence that says so.
    """

    space: Space
    novels: Sequence[str]
    embed: "Callable[[Space, Iterable[MissingInput]], Iterator[EmbeddedBatch | RefusedInput]]"
    leads: bool
    excluded: Mapping[str, str] = field(default_factory=dict)


def embeddings_key(space: Space) -> dg.AssetKey:
    """The key of a space's asset."""
    return dg.AssetKey([ASSET_PREFIXES[space.purpose], space.key])


def build_text_embeddings_asset(space: Space, *, leads: bool) -> dg.AssetsDefinition:
    """The asset of a text space."""

    @dg.asset(
        key=embeddings_key(space),
        deps=[CHUNKS],
        partitions_def=NOVELS,
        group_name="text",
        kinds={provider_of(space).kind, "postgres"},
        owners=OWNERS,
        code_version=space.fingerprint[:16],
        io_manager_key="text_embeddings_io_manager",
        pool=space.provider,
        description=f"Vectors of the chunks in the space `{space.key}`: {space.provider}/{space.model},"
        f" {space.dimensions} dimensions.\n\nOne row for each distinct passage, under the hash of its text. Only"
        " passages that have no vector yet are sent to the provider, so a re-run of an unchanged novel"
        " sends nothing, and what a broken run had stored is not paid for again.",
        metadata=_space_metadata(space),
    )
    def text_embeddings(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        providers: dg.ResourceParam[ProvidersResource],
    ) -> dg.Output[EmbeddingStream]:
        from morpheus_assets.embedding.packs import EmbeddingInput

        def embed(target: Space, missing: "Iterable[MissingInput]") -> "Iterator[EmbeddedBatch | RefusedInput]":
            inputs = (EmbeddingInput(row.content_hash, row.content) for row in missing)
            return _send(providers, database, target, inputs)

        return recorded_by_io_manager(EmbeddingStream(space, context.partition_keys, embed, leads))

    return text_embeddings


def build_image_embeddings_asset(
    space: Space, *, leads: bool, only_novels: Sequence[str] | None = None
) -> dg.AssetsDefinition:
    """The asset of an image space; `only_novels` are those that it is for (None: all)."""

    @dg.asset(
        key=embeddings_key(space),
        deps=[panel_images],
        partitions_def=NOVELS,
        group_name="panels",
        kinds={provider_of(space).kind, "postgres"},
        owners=OWNERS,
        code_version=space.fingerprint[:16],
        io_manager_key="image_embeddings_io_manager",
        pool=space.provider,
        description=f"Vectors of the panels in the space `{space.key}`: {space.provider}/{space.model},"
        f" {space.dimensions} dimensions.\n\nOne row for each distinct image, under the hash of its file. Only images"
        " that have no vector yet are decoded and embedded.",
        metadata=_space_metadata(space),
    )
    def clip_embeddings(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        content_folder: dg.ResourceParam[ContentFolderResource],
        providers: dg.ResourceParam[ProvidersResource],
    ) -> dg.Output[EmbeddingStream]:
        read = content_folder.read_panel
        max_pixels = content_folder.settings.max_image_pixels

        def embed(target: Space, missing: "Iterable[MissingInput]") -> "Iterator[EmbeddedBatch | RefusedInput]":
            return _send(providers, database, target, (panel_input(read, row, max_pixels) for row in missing))

        excluded = {
            novel: f"{space.key} is the demo model, which knows only drawn panels, and {novel} is not a sample; set"
            " MORPHEUS_IMAGE_SPACES=open_clip/demo to use it all the same."
            for novel in context.partition_keys
            if only_novels is not None and novel not in only_novels
        }
        return recorded_by_io_manager(EmbeddingStream(space, context.partition_keys, embed, leads, excluded))

    return clip_embeddings


def _send(
    providers: ProvidersResource,
    database: DatabaseResource,
    space: Space,
    inputs: "Iterable[EmbeddingInput]",
) -> "Iterator[EmbeddedBatch | RefusedInput]":
    from morpheus_assets.embedding.stream import embed_batches

    settings = providers.settings
    return embed_batches(
        providers.open(space),
        inputs,
        budget=providers.budget(space, database.engine),
        concurrency=settings.requests_in_flight,
        retry=providers.retry(),
        max_inputs=settings.inputs_per_request,
    )


def panel_input(read: Callable[[str], bytes], row: "MissingInput", max_pixels: int) -> "EmbeddingInput":
    """A panel that is read and decoded when it is sent; refused when its file is not the one that was listed.

    Decoded whole, unless who takes it says how little is enough.
    """

    from morpheus_assets.embedding.errors import InputRefused
    from morpheus_assets.embedding.packs import EmbeddingInput

    def decode(least: "LeastSize | None" = None) -> object:
        from morpheus_assets.images.decoding import decode_panel

        data = read(row.content)
        if hashlib.sha256(data).digest() != row.content_hash:
            raise InputRefused(f"{row.content} changed since it was listed; its next run takes it as it is now.")
        return decode_panel(data, row.content, max_pixels=max_pixels, least=least).image

    return EmbeddingInput(row.content_hash, decode)


def _space_metadata(space: Space) -> dict[str, object]:
    return {
        "dagster/column_schema": embedding_columns(space.dimensions),
        "provider": space.provider,
        "model": space.model,
        "revision": space.revision or "as served",
        "dimensions": space.dimensions,
        "fingerprint": space.fingerprint,
    }
