"""Assets that read the stored vectors and tell a person something; nothing here is searched or paid for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.assets.partitioned import by_novel
from morpheus_assets.defs.assets.values import OWNERS
from morpheus_assets.defs.automation import AFTER_ITS_INPUTS, INSIGHT_GROUP
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.domain.spaces import Space

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 60


def build_chapter_echoes_asset(space: Space) -> dg.AssetsDefinition:
    """The asset `chapter_echoes`, read from the vectors of one text space."""

    @dg.asset(
        ins={"chunks": dg.AssetIn("chunks"), "embeddings": dg.AssetIn(embeddings_key(space))},
        partitions_def=NOVELS,
        group_name=INSIGHT_GROUP,
        automation_condition=AFTER_ITS_INPUTS,
        kinds={"python", "pandas"},
        owners=OWNERS,
        code_version="1",
    )
    def chapter_echoes(context: dg.AssetExecutionContext, chunks: object, embeddings: object) -> None:
        """For each chapter of a novel the other chapter that is most like it, and how like (cosine of their means).

        Chapters that echo each other are where an illustrator may quote an earlier panel. Reads stored vectors only:
        no provider is called, and a re-run gives the same table.
        """
        passages: Mapping[str, Any] = by_novel(context.partition_keys, chunks)
        vectors: Mapping[str, Any] = by_novel(context.partition_keys, embeddings)
        for novel in context.partition_keys:
            found = vectors[novel]
            place = {value: row for row, value in enumerate(found.hashes)}
            rows = [
                (chunk.chapter, place[chunk.content_hash]) for chunk in passages[novel] if chunk.content_hash in place
            ]
            echoes = find_echoes(rows, found.embeddings)
            rows_shown = echoes.head(SHOWN).to_dict("records")
            table = [dg.TableRecord({str(name): value for name, value in row.items()}) for row in rows_shown]
            metadata = {
                "chapters": len(echoes),
                "echoes": dg.MetadataValue.table(table) if table else "a single chapter echoes nothing",
            }
            context.add_asset_metadata(metadata, partition_key=novel)

    return chapter_echoes


def find_echoes(rows: "list[tuple[int, int]]", embeddings: "object") -> "pd.DataFrame":
    """`rows` are (chapter, row of `embeddings`); gives chapter, echoes and similarity, most alike first."""
    import numpy as np
    import pandas as pd

    places = pd.DataFrame(rows, columns=["chapter", "row"])
    columns = ["chapter", "echoes", "similarity"]
    if places["chapter"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    matrix = pd.DataFrame(np.asarray(embeddings)[places["row"]]).groupby(places["chapter"].to_numpy()).mean()
    means = matrix.to_numpy()
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -1)
    best = similar.argmax(axis=1)
    echoes = pd.DataFrame(
        {
            "chapter": matrix.index,
            "echoes": matrix.index[best],
            "similarity": similar[np.arange(len(best)), best].round(4).astype(float),
        }
    )
    return echoes.sort_values("similarity", ascending=False, ignore_index=True)
