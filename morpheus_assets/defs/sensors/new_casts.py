"""The sensor that asks for what follows from a person's files of a novel: a corrected cast, questions for training."""

import json

import dagster as dg

from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.defs.resources import ContentFolderResource
from morpheus_assets.services.wording import counted
from morpheus_assets.sources.base import ContentUnreadable

# One tick asks for so many runs at most; the rest follows.
MOST_RUNS = 20
# Before a novel in the cursor, which held casts alone at first; no novel's key has a slash.
_TRAINING = "training/"
_OF_CASTS = [dg.AssetKey("characters"), dg.AssetKey("character_sheets")]
_OF_TRAINING = [dg.AssetKey("training_pairs")]


@dg.sensor(
    target=dg.AssetSelection.assets("characters", "character_sheets", "training_pairs"),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches content/characters and content/training. Asks for a run of characters and character_sheets for"
    " each novel whose file of corrections is new, changed or gone, and of training_pairs where its questions for"
    " training are. A file of a novel that is not stored waits for it.",
)
def new_casts_sensor(
    context: dg.SensorEvaluationContext, content_folder: dg.ResourceParam[ContentFolderResource]
) -> dg.SensorResult | dg.SkipReason:
    """The cursor keeps the mark of each file that a run was asked for."""
    known: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    try:
        seen = content_folder.cast_files()
        seen |= {f"{_TRAINING}{novel}": mark for novel, mark in content_folder.training_files().items()}
    except ContentUnreadable as error:
        return dg.SkipReason(str(error))
    stored = set(context.instance.get_dynamic_partitions(NOVELS.name or "novels"))
    changed = sorted(novel for novel in seen.keys() | known.keys() if seen.get(novel) != known.get(novel))
    asked = [name for name in changed if name.removeprefix(_TRAINING) in stored][:MOST_RUNS]
    if not asked:
        return dg.SkipReason(f"{counted(len(seen), 'file')} of corrections, nothing new")
    # Dagster runs a key once: a file that goes, comes back and goes again is another state each time.
    states = {novel: seen.get(novel) or f"gone after {known[novel]}" for novel in asked}
    after = {novel: seen.get(novel, "") if novel in states else mark for novel, mark in {**seen, **known}.items()}
    cursor = {novel: mark for novel, mark in after.items() if mark and (novel in states or novel in known)}
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"cast:{name}:{state}",
                partition_key=name.removeprefix(_TRAINING),
                asset_selection=_OF_TRAINING if name.startswith(_TRAINING) else _OF_CASTS,
            )
            for name, state in states.items()
        ],
        cursor=json.dumps(cursor, sort_keys=True),
    )
