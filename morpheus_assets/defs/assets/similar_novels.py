"""Novels like each novel. Reads stored vectors; nothing is paid for."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.assets.insight_values import FoundMean
from morpheus_assets.defs.assets.metadata import MEAN_COLUMNS, beginning
from morpheus_assets.defs.assets.partitioned import LazyPartitions, by_novel
from morpheus_assets.defs.assets.values import OF_TEXT, OWNERS
from morpheus_assets.defs.automation import AFTER_ITS_INPUTS, INSIGHT_GROUP
from morpheus_assets.defs.io_managers.events import recorded_by_io_manager
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.spaces import Space

SHOWN = 10


def build_similar_novels_asset(space: Space) -> dg.AssetsDefinition:
    """The asset `similar_novels`, made of the vectors of one text space."""

    @dg.asset(
        ins={"embeddings": dg.AssetIn(embeddings_key(space))},
        partitions_def=NOVELS,
        group_name=INSIGHT_GROUP,
        automation_condition=AFTER_ITS_INPUTS,
        kinds={"python", "postgres"},
        owners=OWNERS,
        tags=OF_TEXT,
        code_version="1",
        io_manager_key="means_io_manager",
        metadata={"dagster/column_schema": MEAN_COLUMNS, "dagster/table_name": "novel_means"},
    )
    def similar_novels(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[DatabaseResource], embeddings: object
    ) -> dg.Output[LazyPartitions]:
        """The mean vector of each novel, and the novels that are like it now, with the passages that are most alike.

        The means are centred, so that what all novels share tells nothing; variety is by maximal marginal relevance.
        Novels in another language count only where the model knows several. A later novel changes the others' lists
        without a run: the API reads the means when it is asked.
        """
        vectors: Mapping[str, Any] = by_novel(context.partition_keys, embeddings)

        def mean_of(novel: str) -> FoundMean:
            found = vectors[novel].embeddings
            mean = found.mean(axis=0) if len(found) else None
            return FoundMean(space.key, mean, len(found), lambda name: _shown(database, space, name))

        return recorded_by_io_manager(LazyPartitions(context.partition_keys, mean_of))

    return similar_novels


def _shown(database: DatabaseResource, space: Space, novel: str) -> dict[str, Any]:
    from morpheus_assets.services.similar_novels import similar_novels
    from morpheus_assets.store.spaces.spaces import get_space

    found = similar_novels(database.engine, get_space(database.engine, space.key), novel, SHOWN)
    rows = [
        dg.TableRecord(
            {
                "novel": each.novel,
                "similarity": each.similarity,
                "reason": " / ".join(
                    f"{beginning(why.mine_text, 120)} ~ {beginning(why.other_text, 120)}" for why in each.reasons[:1]
                ),
            }
        )
        for each in found
    ]
    nothing = "there was no other novel to compare with; the API compares anew whenever it is asked"
    return {"similar": dg.MetadataValue.table(rows) if rows else nothing}
