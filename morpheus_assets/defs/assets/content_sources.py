"""The two halves of the content folder or bucket, at the head of the lineage: external assets, observed by sensors.

People change them, not Dagster. After a change a sensor records two things: an observation, of what lies there now, and
a materialization, without which Dagster's overview counts an asset as missing for good.
"""

from datetime import UTC, datetime

import dagster as dg

from morpheus_assets.defs.assets.values import OF_IMAGES, OF_TEXT, OWNERS
from morpheus_assets.domain.content import SourceSummary
from morpheus_assets.settings import Settings

NOVEL_FILES = dg.AssetKey(["content", "novels"])
PANEL_FILES = dg.AssetKey(["content", "panels"])
# What a path begins with, and the kind whose icon stands for it; a folder otherwise.
_STORES = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}


def build_content_specs(settings: Settings) -> list[dg.AssetSpec]:
    """The external assets content/novels and content/panels, for the folder or bucket of the settings."""
    place = str(settings.content)
    scheme = place.partition("://")[0] if "://" in place else ""
    uri = place if scheme else f"file://{place}"
    return [
        _spec(NOVEL_FILES, f"{uri}/novels", scheme, "The novels' files as they lie there, one file or folder a novel."),
        _spec(PANEL_FILES, f"{uri}/panels", scheme, "The pictures as they lie there, a folder for each novel."),
    ]


def _spec(key: dg.AssetKey, uri: str, scheme: str, said: str) -> dg.AssetSpec:
    sensor = f"new_{key.path[-1]}_sensor"
    return dg.AssetSpec(
        key,
        group_name="content",
        kinds={_STORES.get(scheme, "file")},
        owners=OWNERS,
        tags=OF_TEXT if key == NOVEL_FILES else OF_IMAGES,
        description=f"{said}\n\nPeople change it, not Dagster. `{sensor}` records each change: files, bytes and the"
        " newest of them.",
        metadata={"dagster/uri": uri},
    )


def record_content(key: dg.AssetKey, found: SourceSummary) -> list[dg.AssetObservation | dg.AssetMaterialization]:
    """What is known of the files of one half now, after people changed them."""
    metadata: dict[str, dg.MetadataValue | int] = {"files": found.files, "novels": found.novels, "bytes": found.bytes}
    if found.newest is not None:
        metadata["newest"] = dg.MetadataValue.timestamp(datetime.fromtimestamp(found.newest / 1e9, UTC))
    changed = dg.AssetMaterialization(key, metadata=metadata, description="Files were added, changed or taken away.")
    return [changed, dg.AssetObservation(key, metadata=metadata)]
