"""Assets that read the stored vectors and tell a person something; nothing here is searched or paid for."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.assets.partitioned import by_novel
from morpheus_assets.defs.assets.values import OF_TEXT, OWNERS
from morpheus_assets.defs.automation import AFTER_ITS_INPUTS, INSIGHT_GROUP
from morpheus_assets.defs.checks.remembered import result_for_all
from morpheus_assets.defs.partitions import NOVELS, partition_set
from morpheus_assets.domain.spaces import Space

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SHOWN = 60
MOST_DOTS = 2_000
# Cosine of the means of two chapters, of which vectors stored to three digits make no difference.
SAME = 0.9995
NO_CHAPTER_TWICE = "no_chapter_twice"
_NO_CHAPTER_TWICE = "No two chapters of a novel are the same text, as where a file holds a chapter twice."


def build_chapter_echoes_asset(space: Space) -> dg.AssetsDefinition:
    """The asset `chapter_echoes`, read from the vectors of one text space."""

    @dg.asset(
        ins={"chunks": dg.AssetIn("chunks"), "embeddings": dg.AssetIn(embeddings_key(space))},
        partitions_def=NOVELS,
        group_name=INSIGHT_GROUP,
        automation_condition=AFTER_ITS_INPUTS,
        kinds={"python", "pandas"},
        owners=OWNERS,
        tags=OF_TEXT,
        code_version="1",
        check_specs=[dg.AssetCheckSpec(NO_CHAPTER_TWICE, asset="chapter_echoes", description=_NO_CHAPTER_TWICE)],
    )
    def chapter_echoes(
        context: dg.AssetExecutionContext, chunks: object, embeddings: object
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """For each chapter of a novel the other chapter that is most like it, and how like (cosine of their means).

        Chapters that echo each other are where an illustrator may quote an earlier panel. Reads stored vectors only:
        no provider is called, and a re-run gives the same table.
        """
        passages: Mapping[str, Any] = by_novel(context.partition_keys, chunks)
        vectors: Mapping[str, Any] = by_novel(context.partition_keys, embeddings)
        twice: dict[str, list[str]] = {}
        for novel in context.partition_keys:
            found = vectors[novel]
            place = {value: row for row, value in enumerate(found.hashes)}
            rows = [
                (chunk.chapter, place[chunk.content_hash]) for chunk in passages[novel] if chunk.content_hash in place
            ]
            echoes = find_echoes(rows, found.embeddings)
            same = echoes[(echoes["similarity"] >= SAME) & (echoes["chapter"] < echoes["echoes"])]
            twice[novel] = [
                f"{novel}: chapters {row.chapter} and {row.echoes} are the same." for row in same.itertuples()
            ]
            rows_shown = echoes.head(SHOWN).to_dict("records")
            table = [dg.TableRecord({str(name): value for name, value in row.items()}) for row in rows_shown]
            metadata = {
                "chapters": len(echoes),
                "echoes": dg.MetadataValue.table(table) if table else "a single chapter echoes nothing",
                "passages": _plane(rows, found.embeddings),
            }
            context.add_asset_metadata(metadata, partition_key=novel)
        yield dg.MaterializeResult()
        yield result_for_all(
            context.instance,
            dg.AssetCheckKey(context.asset_key, NO_CHAPTER_TWICE),
            twice,
            twice,
            lambda: context.instance.get_dynamic_partitions(partition_set(NOVELS)),
            "no chapter is there twice",
        )

    return chapter_echoes


def _plane(rows: "list[tuple[int, int]]", embeddings: "np.ndarray") -> dg.MarkdownMetadataValue:
    """The passages of a novel on a plane, coloured by chapter: near each other are those that are alike."""
    from morpheus_assets.images.charts import plane
    from morpheus_assets.images.previews import as_markdown

    step = -(-len(rows) // MOST_DOTS) or 1
    shown = rows[::step]
    places = project(embeddings[[row for _, row in shown]]).tolist() if shown else []
    picture = plane([(x, y) for x, y in places], [chapter for chapter, _ in shown])
    said = "passages on the two axes along which they differ most, coloured by chapter"
    return dg.MetadataValue.md(as_markdown(picture, said) or "no passages")


def project(vectors: "np.ndarray") -> "np.ndarray":
    """The first two principal components of float [n, d], as [n, 2]; the same for the same vectors.

    By subspace iteration, which for two axes of 2,000 × 3,072 takes a hundredth of a full decomposition's time.
    """
    import numpy as np

    centred = np.asarray(vectors, dtype=np.float32)
    centred = centred - centred.mean(axis=0)
    basis = np.random.default_rng(0).standard_normal((centred.shape[1], 4), dtype=np.float32)
    for _ in range(8):
        basis, _ = np.linalg.qr(centred.T @ (centred @ basis))
    # the axes within the subspace, largest first
    _, _, turned = np.linalg.svd(centred @ basis, full_matrices=False)
    axes = basis @ turned.T[:, :2]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    return centred @ (axes * signs)


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
