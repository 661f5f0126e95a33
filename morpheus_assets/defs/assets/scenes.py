"""What panels show: the sentences of their novels in the image space, the scene of each panel, a character's pictures.

The sentences are the one insight that may cost something: each is embedded once, under its hash.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.assets.characters import characters
from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.assets.insight_values import FoundSentences
from morpheus_assets.defs.assets.metadata import CHARACTER_PANEL_COLUMNS, SCENE_COLUMNS, SENTENCE_COLUMNS
from morpheus_assets.defs.assets.partitioned import LazyPartitions
from morpheus_assets.defs.assets.text import chapters
from morpheus_assets.defs.assets.values import OF_IMAGES, OWNERS, SpaceStream
from morpheus_assets.defs.automation import AFTER_ANY_INPUT, INSIGHT_GROUP
from morpheus_assets.defs.io_managers.events import recorded_by_io_manager
from morpheus_assets.defs.partitions import NOVELS_WITH_PANELS
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource, ProvidersResource
from morpheus_assets.domain.spaces import SentenceSpace, Space

if TYPE_CHECKING:
    from morpheus_assets.domain.embeddings import Arrival
    from morpheus_assets.domain.spaces import SpaceRow
    from morpheus_assets.embedding.packs import StreamResult
    from morpheus_assets.services.scenes import FoundScenes
    from morpheus_assets.store.insight.scenes import CharacterPanel
    from morpheus_assets.store.spaces.coverage import MissingInput

_SAME_NOVEL = dg.IdentityPartitionMapping()


def build_scene_assets(spaces: Sequence[Space]) -> list[dg.AssetsDefinition]:
    """The assets `scene_sentences`, `scene_panel_match` and `character_panels`, over image spaces in their order."""
    seen = [dg.AssetDep(embeddings_key(space), partition_mapping=_SAME_NOVEL) for space in spaces]

    @dg.asset(
        deps=[dg.AssetDep(chapters, partition_mapping=_SAME_NOVEL), *seen],
        partitions_def=NOVELS_WITH_PANELS,
        group_name=INSIGHT_GROUP,
        automation_condition=AFTER_ANY_INPUT,
        kinds={"python", "postgres"},
        owners=OWNERS,
        tags=OF_IMAGES,
        code_version="1",
        io_manager_key="sentences_io_manager",
        pool=spaces[0].provider,
        metadata={"dagster/column_schema": SENTENCE_COLUMNS, "dagster/table_name": "scene_sentences"},
    )
    def scene_sentences(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        providers: dg.ResourceParam[ProvidersResource],
    ) -> dg.Output[LazyPartitions]:
        """The sentences of a novel that has panels, embedded by the text tower of the space that has the panels.

        One row a sentence; vectors lie under the hash of the sentence, so an unchanged text sends nothing and an edited
        one its new sentences. Requests keep the account's limits, and what they cost is booked under the space's key. A
        novel without a text has none. ViT-B-32 takes 66 ms of a CPU a sentence: half an hour for War and Peace, once.
        """
        from morpheus_assets.services.scenes import scene_sentences as sentences_of
        from morpheus_assets.services.scenes import space_of_panels
        from morpheus_assets.store.content.novels import text_with_chapters

        def find(novel: str) -> FoundSentences:
            row = space_of_panels(database.engine, database.settings, novel)
            document, found = text_with_chapters(database.engine, novel)
            if row is None or document is None:
                return FoundSentences([], None)
            stream = SpaceStream(SentenceSpace.of(row), _embedded(context, database, providers, row, novel))
            return FoundSentences(sentences_of(document.text, found), stream)

        return recorded_by_io_manager(LazyPartitions(context.partition_keys, find))

    @dg.asset(
        deps=[scene_sentences, *seen],
        partitions_def=NOVELS_WITH_PANELS,
        group_name=INSIGHT_GROUP,
        automation_condition=AFTER_ANY_INPUT,
        kinds={"python", "postgres"},
        owners=OWNERS,
        tags=OF_IMAGES,
        code_version="1",
        io_manager_key="scenes_io_manager",
        metadata={"dagster/column_schema": SCENE_COLUMNS, "dagster/table_name": "panel_scenes"},
    )
    def scene_panel_match(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        content_folder: dg.ResourceParam[ContentFolderResource],
    ) -> dg.Output[LazyPartitions]:
        """The scene of each panel: chapter, best sentence, and how well each chapter fits; one row a panel.

        A chapter is worth its three best sentences by CSLS, the best most. Where the panels follow the chapters better
        than in other orders, they are aligned so that no later panel shows an earlier chapter, and chapters that are
        skipped have no panel. `content/panels/<novel>/scenes.tsv` says what a person knows better: page, chapter,
        quotation.
        """
        from morpheus_assets.services.scenes import confirmed_scenes, find_scenes, space_of_panels

        folder = content_folder.in_one_step()

        def find(novel: str) -> "FoundScenes":
            row = space_of_panels(database.engine, database.settings, novel)
            said = confirmed_scenes(folder.panels, folder.panels_of(novel))
            return find_scenes(database.engine, row, novel, said)

        return recorded_by_io_manager(LazyPartitions(context.partition_keys, find))

    @dg.asset(
        deps=[dg.AssetDep(characters, partition_mapping=_SAME_NOVEL), *seen],
        partitions_def=NOVELS_WITH_PANELS,
        group_name=INSIGHT_GROUP,
        automation_condition=AFTER_ANY_INPUT,
        kinds={"python", "postgres"},
        owners=OWNERS,
        tags=OF_IMAGES,
        code_version="1",
        io_manager_key="character_panels_io_manager",
        metadata={"dagster/column_schema": CHARACTER_PANEL_COLUMNS, "dagster/table_name": "character_panels"},
    )
    def character_panels(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.Output[LazyPartitions]:
        """The panels that are most like a character's reference pictures, those that are least like them first.

        Reference pictures are tagged by a person: `panels` of a `[[character]]` in `content/characters/<novel>.toml`.
        A reference picture is compared with the others of its character, so one that is unlike them stands on top.
        """
        from morpheus_assets.services.character_panels import find_character_panels
        from morpheus_assets.services.scenes import space_of_panels

        def find(novel: str) -> "Sequence[CharacterPanel]":
            row = space_of_panels(database.engine, database.settings, novel)
            return find_character_panels(database.engine, row, novel) if row is not None else []

        return recorded_by_io_manager(LazyPartitions(context.partition_keys, find))

    return [scene_sentences, scene_panel_match, character_panels]


def _embedded(
    context: dg.AssetExecutionContext,
    database: DatabaseResource,
    providers: ProvidersResource,
    row: "SpaceRow",
    novel: str,
) -> "Generator[Arrival, None, None]":
    """Vectors of the stored sentences of a novel that lack one, as they arrive."""
    from morpheus_assets.embedding.packs import EmbeddingInput
    from morpheus_assets.services.embed_novels import SpaceFiller

    def embed(
        _: Space, missing: "Iterable[MissingInput]", ensure: "Callable[[], object] | None" = None, /
    ) -> "Iterator[StreamResult]":
        inputs = (
            EmbeddingInput(each.content_hash, each.content, tries=each.tries, together=each.together)
            for each in missing
        )
        # As a question is: that is the side of the model that panels are found by.
        return providers.embed(row, inputs, database.engine, "query", ensure)

    return SpaceFiller(database.engine, SentenceSpace.of(row), embed, context.log).fill([novel])
