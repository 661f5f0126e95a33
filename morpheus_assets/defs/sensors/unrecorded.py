"""What Postgres holds whole and Dagster has no record of: an asset was renamed, or Dagster's database was lost.

The content sensors return it as events of their ticks, once for each set of asset keys: the library is green again,
and "all missing" asks for nothing that is stored.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.configured_spaces import wanted_spaces
from morpheus_assets.services.ingest_plan import stored_assets
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from morpheus_assets.store.database.transactions import Bind

NOVELS_A_TICK = 100
WHY = "Postgres holds it whole, and Dagster had no record of it."


@dataclass(frozen=True)
class Unrecorded:
    """Events to report, and where the next tick goes on, for the cursor."""

    events: list[dg.AssetMaterialization]
    position: str


def find_unrecorded(
    context: dg.SensorEvaluationContext, bind: "Bind", settings: Settings, purpose: str, position: str | None
) -> Unrecorded:
    """The next novels' unrecorded assets, of texts ("text") or panels ("image"); without a query once all were seen."""
    # `content`: the assets of files are recorded as materialized too, since a version that did not
    names = "\n".join(["content", *("/".join(space_asset(space)) for space in wanted_spaces(settings, purpose))])
    digest = hashlib.sha256(names.encode()).hexdigest()[:16]
    of, begun, after = (position or "").partition(" ")
    if of == digest and not begun:
        return Unrecorded([], digest)
    stored = stored_assets(bind, settings, purpose, after if of == digest else "", NOVELS_A_TICK)
    events: list[dg.AssetMaterialization] = []
    for path, novels in stored.novels.items():
        key = dg.AssetKey(list(path))
        recorded = context.instance.get_materialized_partitions(key) if novels else set()
        events += [
            dg.AssetMaterialization(key, description=WHY, partition=novel) for novel in novels if novel not in recorded
        ]
    return Unrecorded(events, digest if stored.after is None else f"{digest} {stored.after}")
