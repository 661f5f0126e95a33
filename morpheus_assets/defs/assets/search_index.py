"""The end of the lineage: search_index/text and search_index/panels, the spaces that answer searches.

External assets: a switch materializes them, the nightly upkeep confirms them while they hold all of the content.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.assets.values import OF_IMAGES, OF_TEXT, OWNERS
from morpheus_assets.domain.spaces import Space

if TYPE_CHECKING:
    from morpheus_assets.services.search_index import SearchIndex
    from morpheus_assets.services.space_lifecycle import ListedSpace

SEARCH_INDEX = {"text": dg.AssetKey(["search_index", "text"]), "image": dg.AssetKey(["search_index", "panels"])}
_SAID = {"text": "passages", "image": "panels"}


def build_search_index_specs(spaces: Sequence[Space], confirmed_every: timedelta) -> list[dg.AssetSpec]:
    """The two external assets, each behind the assets of its spaces.

    They are fresh while the nightly upkeep, which comes `confirmed_every` so often, finds all of the content in them.
    """
    late = timedelta(hours=2)
    return [
        dg.AssetSpec(
            key,
            deps=[embeddings_key(space) for space in spaces if space.purpose == purpose],
            group_name="search",
            kinds={"postgres", "search"},
            owners=OWNERS,
            tags=OF_TEXT if purpose == "text" else OF_IMAGES,
            description=f"What a search for {_SAID[purpose]} asks: the one space that answers, since when, with how"
            " many rows and which recall, the space before it, and a row for each stored space, also those that the"
            " settings no longer name.\n\nMaterialized at each switch, by the settings or by hand (`morpheus spaces"
            " activate`), and each night by `upkeep` while all of the content is found in it. Without that it is not"
            " fresh any more: content has waited for its vectors for more than a day.",
            freshness_policy=dg.FreshnessPolicy.time_window(
                fail_window=2 * confirmed_every + late, warn_window=confirmed_every + late
            ),
            metadata={"dagster/table_name": "active_spaces"},
        )
        for purpose, key in SEARCH_INDEX.items()
    ]


def materialize_index(index: "SearchIndex", why: str) -> dg.AssetMaterialization:
    """The record of what answers now, with the sentence that says why it was made."""
    row = index.space.row
    metadata: dict[str, Any] = {
        "space": row.key,
        "model": f"{row.provider}/{row.model}, {row.dimensions} dimensions",
        "dagster/row_count": index.space.size.rows,
        "recall": row.index_recall if row.index_recall is not None else "exact, without an index",
        "missing": index.space.covered.missing,
        "before": index.before.key if index.before else "none that is still stored",
        "spaces": _table([_record(each) for each in index.spaces]),
    }
    if row.activated_at is not None:
        metadata["since"] = dg.MetadataValue.timestamp(row.activated_at)
    return dg.AssetMaterialization(SEARCH_INDEX[row.purpose], description=why, metadata=metadata)


def _record(each: "ListedSpace") -> Mapping[str, Any]:
    row = each.row
    return {
        "space": row.key,
        "state": row.state,
        "place in the settings": each.place or 0,
        "vectors": each.size.rows,
        "missing": each.covered.missing,
        "recall": row.index_recall if row.index_recall is not None else 1.0,
        "answered since": f"{row.activated_at:%Y-%m-%d %H:%M}" if row.activated_at else "never",
    }


def _table(records: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    columns = {
        "space": ("string", "Key of the space, as `morpheus spaces` lists it."),
        "state": ("string", "building, ready, active or retired."),
        "place in the settings": ("int", "0: the settings no longer name it."),
        "vectors": ("int", "Rows of its table."),
        "missing": ("int", "Inputs without a vector."),
        "recall": ("float", "Share of the true neighbours that its index finds; 1 for an exact search."),
        "answered since": ("string", "When it last began to answer, in UTC."),
    }
    schema = dg.TableSchema([dg.TableColumn(name, kind, description=said) for name, (kind, said) in columns.items()])
    return dg.MetadataValue.table([dg.TableRecord(dict(record)) for record in records], schema=schema)
