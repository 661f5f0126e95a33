"""The job that drops retired spaces after their retention and collects vectors and passages that nothing needs.

What is deleted and when is decided in services/space_retention.py.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from morpheus_assets.defs.assets.search_index import materialize_index
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.services.configured_spaces import PURPOSES
from morpheus_assets.store.database.errors import StoreError


class UpkeepConfig(dg.Config):
    """How much of it to do."""

    dry_run: bool = Field(default=False, description="Only say what would be done, and announce nothing.")


@dg.op(
    description="Drops spaces that are retired for longer than MORPHEUS_RETENTION_DAYS, exported first if asked for."
)
def drop_retired_spaces(
    context: dg.OpExecutionContext, config: UpkeepConfig, database: dg.ResourceParam[DatabaseResource]
) -> None:
    """Goes on with the others when one space fails, and fails then."""
    from morpheus_assets.services.space_retention import drop_retired

    _say_all(context, drop_retired(database.engine, database.settings, dry_run=config.dry_run))


@dg.op(description="Deletes vectors whose passage or panel is stored no more.")
def collect_orphan_vectors(
    context: dg.OpExecutionContext, config: UpkeepConfig, database: dg.ResourceParam[DatabaseResource]
) -> None:
    """Goes on with the others when one space fails, and fails then."""
    from morpheus_assets.services.space_retention import collect_orphans

    _say_all(context, collect_orphans(database.engine, database.settings, dry_run=config.dry_run))


@dg.op(
    description="Records that what answers searches holds all of the content, by which search_index/… is known to be"
    " fresh; warns where content waits for its vectors for more than a day."
)
def confirm_search_indexes(
    context: dg.OpExecutionContext, config: UpkeepConfig, database: dg.ResourceParam[DatabaseResource]
) -> None:
    """Materializes search_index/text and search_index/panels, each unless it lacks something."""
    from morpheus_assets.services.search_index import search_index, what_searches_lack

    for purpose in PURPOSES:
        index = search_index(database.engine, database.settings, purpose)
        if index is None:
            continue
        lacking = what_searches_lack(database.engine, index)
        if lacking:
            context.log.warning(lacking)
        elif not config.dry_run:
            context.log_event(materialize_index(index, "All of the content is found in it."))


@dg.op(description="Deletes passages that no chunk refers to any more, and sentences of no novel with panels.")
def collect_unused_passages(
    context: dg.OpExecutionContext, config: UpkeepConfig, database: dg.ResourceParam[DatabaseResource]
) -> None:
    """Beside the vectors, which are kept longer: they were paid for."""
    from morpheus_assets.services.space_retention import collect_passages, collect_sentences

    _say_all(context, collect_passages(database.engine, dry_run=config.dry_run))
    _say_all(context, collect_sentences(database.engine, dry_run=config.dry_run))


@dg.job(
    tags={"morpheus/kind": "upkeep"},
    description="Drops what is retired, collects what nothing needs, and confirms the search indexes. Of what was paid"
    " for, the first run that finds something only says so; the next one does it.",
)
def upkeep() -> None:
    """Four ops, independent of each other."""
    drop_retired_spaces()
    collect_orphan_vectors()
    collect_unused_passages()
    confirm_search_indexes()


def _say_all(context: dg.OpExecutionContext, said: Iterator[str | StoreError]) -> None:
    faults = []
    for sentence in said:
        if isinstance(sentence, StoreError):
            faults.append(str(sentence))
        context.log.log("ERROR" if isinstance(sentence, StoreError) else "INFO", str(sentence))
    if faults:
        raise dg.Failure(description="\n".join(faults), allow_retries=False)
