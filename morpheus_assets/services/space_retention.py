"""Drops retired spaces after their retention and collects vectors and passages that nothing needs; a sentence for each.

What was paid for is announced by one call and deleted by a later one; what to delete is asked again when it is done.
"""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.services.configured_spaces import wanted_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.passages import collect_unused, parse_as_their_novels
from morpheus_assets.store.database.engine import server_time
from morpheus_assets.store.database.errors import StoreError
from morpheus_assets.store.insight.scenes import count_unused_sentences, delete_unused_sentences
from morpheus_assets.store.spaces.announcements import announce, announced, withdraw
from morpheus_assets.store.spaces.archive import export_space
from morpheus_assets.store.spaces.spaces import drop, list_spaces
from morpheus_assets.store.spaces.vectors import count_orphans, delete_orphans, vector_summary

DROP, COLLECT, SENTENCES = "drop", "collect orphans", "sentences"


def drop_retired(engine: Engine, settings: Settings, *, dry_run: bool = False) -> Iterator[str | StoreError]:
    """Drop or announce; a sentence for each retired space, or the error that kept it."""
    # the clock that also wrote when a space was retired: one of this machine that is weeks ahead would drop it
    now = server_time(engine)
    for row in list_spaces(engine):
        wanted = {space.key for space in wanted_spaces(settings, row.purpose)}
        if row.state != "retired" or row.retired_at is None or row.key in wanted:
            withdraw(engine, DROP, row.key)
            continue
        end = row.retired_at + timedelta(days=settings.retention_days)
        where = f"exported to {settings.archive_folder} and dropped" if settings.archive_folder else "dropped"
        if now < end:
            yield f"{row.key} is kept until {end:%Y-%m-%d %H:%M} UTC."
        elif dry_run:
            yield f"{row.key} would be {where}."
        elif announced(engine, DROP, row.key) is None:
            announce(engine, DROP, row.key)
            yield f"{row.key} will be {where} by the next run of upkeep; `morpheus spaces activate` keeps it."
        else:
            yield _drop(engine, settings, row)


def collect_orphans(engine: Engine, settings: Settings, *, dry_run: bool = False) -> Iterator[str | StoreError]:
    """Delete or announce; a sentence for each space that holds vectors which nothing needs."""
    for row in list_spaces(engine):
        orphans = count_orphans(engine, row)
        if not orphans:
            continue
        since = announced(engine, COLLECT, row.key)
        rows = vector_summary(engine, row).rows
        # Emptied content looks the same as a mistake, and these vectors were paid for: they get a retention too.
        wait = timedelta(days=settings.retention_days if orphans * 2 > rows else 0)
        if dry_run or since is None:
            if not dry_run:
                announce(engine, COLLECT, row.key)
            yield f"{orphans:,} of {rows:,} vectors of {row.key} are needed by nothing and would be deleted."
        elif server_time(engine) < since + wait:
            yield (
                f"{orphans:,} of {rows:,} vectors of {row.key} are needed by nothing: more than half, so they are kept"
                f" until {since + wait:%Y-%m-%d %H:%M} UTC."
            )
        else:
            deleted = delete_orphans(engine, row, dry_run=False)
            yield f"{deleted:,} vectors of {row.key} were needed by nothing and are deleted."


def collect_passages(engine: Engine, *, dry_run: bool = False) -> Iterator[str | StoreError]:
    """Delete passages that no chunk refers to, and parse those anew whose language none of their novels is in.

    Not announced: they follow from the novels' texts.
    """
    if dry_run:
        return
    deleted = collect_unused(engine)
    if deleted:
        yield f"{deleted:,} passages were in no novel any more and are deleted."
    parsed = parse_as_their_novels(engine)
    if parsed:
        yield f"{parsed:,} passages were parsed anew, for the language of the novels that have them now."


def collect_sentences(engine: Engine, *, dry_run: bool = False) -> Iterator[str | StoreError]:
    """Announce, and by a later call delete, the vectors of sentences that no novel with panels has any more."""
    unused = count_unused_sentences(engine)
    if not unused:
        withdraw(engine, COLLECT, SENTENCES)
    elif dry_run or announced(engine, COLLECT, SENTENCES) is None:
        if not dry_run:
            announce(engine, COLLECT, SENTENCES)
        yield f"{unused:,} vectors of sentences are needed by nothing and would be deleted."
    else:
        yield f"{delete_unused_sentences(engine):,} vectors of sentences were needed by nothing and are deleted."
        withdraw(engine, COLLECT, SENTENCES)


def _drop(engine: Engine, settings: Settings, row: SpaceRow) -> str | StoreError:
    try:
        where = ""
        if settings.archive_folder is not None:
            where = f", exported to {export_space(engine, row, settings.archive_folder)}"
        drop(engine, row.key, only_retired=True)
    except StoreError as fault:
        return fault
    withdraw(engine, DROP, row.key)
    withdraw(engine, COLLECT, row.key)
    return f"{row.key} is dropped{where}."
