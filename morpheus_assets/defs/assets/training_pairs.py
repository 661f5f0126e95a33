"""Pairs to train embedding models with. Reads stored passages and vectors; nothing is paid for."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.assets.insight_values import FoundPairs
from morpheus_assets.defs.assets.metadata import PAIR_COLUMNS
from morpheus_assets.defs.assets.partitioned import LazyPartitions, by_novel
from morpheus_assets.defs.assets.values import OF_TEXT, OWNERS
from morpheus_assets.defs.automation import AFTER_ITS_INPUTS, INSIGHT_GROUP
from morpheus_assets.defs.io_managers.events import recorded_by_io_manager
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.domain.spaces import Space


def build_training_pairs_asset(space: Space) -> dg.AssetsDefinition:
    """The asset `training_pairs`, whose hard negatives come from the vectors of one text space."""

    @dg.asset(
        ins={"chunks": dg.AssetIn("chunks"), "embeddings": dg.AssetIn(embeddings_key(space))},
        partitions_def=NOVELS,
        group_name=INSIGHT_GROUP,
        automation_condition=AFTER_ITS_INPUTS,
        kinds={"python", "postgres"},
        owners=OWNERS,
        tags=OF_TEXT,
        code_version="2",
        io_manager_key="pairs_io_manager",
        metadata={"dagster/column_schema": PAIR_COLUMNS, "dagster/table_name": "training_pairs"},
    )
    def training_pairs(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        content_folder: dg.ResourceParam[ContentFolderResource],
        chunks: object,
        embeddings: object,
    ) -> dg.Output[LazyPartitions]:
        """Questions with the passage that answers and up to four hard negatives: one row a pair.

        Questions are sentences of the passages, and those of `content/training/<novel>.tsv`, with the columns
        `question` and `quotation`. Negatives are near passages of other chapters. What an evaluation asks, judged or
        made, is never among the questions. `morpheus export pairs` writes them for sentence-transformers.
        """
        from morpheus_assets.insight.training_pairs import PairPassage, make_pairs
        from morpheus_assets.services.training_pairs import evaluated_questions, judged_pairs
        from morpheus_assets.store.content.novels import load_novel
        from morpheus_assets.store.insight.means import passages_of

        passages: Mapping[str, Any] = by_novel(context.partition_keys, chunks)
        vectors: Mapping[str, Any] = by_novel(context.partition_keys, embeddings)

        def pairs_of(novel: str) -> FoundPairs:
            found = vectors[novel]
            rows = {value: row for row, value in enumerate(found.hashes)}
            once = {chunk.content_hash: chunk for chunk in passages[novel] if chunk.content_hash in rows}
            held = [PairPassage(value, chunk.chapter, chunk.body, rows[value]) for value, chunk in once.items()]
            never = evaluated_questions(content_folder.settings, novel, held)
            judged: list[tuple[str, bytes]] = []
            if novel in content_folder.training_files():
                places = [
                    (place.char_start, place.char_end, place.content_hash)
                    for place in passages_of(database.engine, novel)
                ]
                judged, faults = judged_pairs(
                    content_folder.settings, novel, load_novel(database.engine, novel).text, places
                )
                for fault in faults:
                    context.log.warning(fault)
            return FoundPairs(make_pairs(held, found.embeddings, never, judged))

        return recorded_by_io_manager(LazyPartitions(context.partition_keys, pairs_of))

    return training_pairs
