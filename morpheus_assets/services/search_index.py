"""What answers the searches of one purpose: the space, since when, how well, and which one did before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.services.ingest_plan import stale_panels, stale_texts
from morpheus_assets.services.space_lifecycle import ListedSpace, listed_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.sources.names import one_source_a_novel
from morpheus_assets.store.content.source_files import load_source_files

# A file that was seen so long ago and is not stored yet is not merely on its way.
ON_ITS_WAY = timedelta(hours=24)


@dataclass(frozen=True)
class SearchIndex:
    """The space that answers, the one that did before (None: none that is still stored), and all of the purpose."""

    space: ListedSpace
    before: SpaceRow | None
    spaces: Sequence[ListedSpace]


def search_index(engine: Engine, settings: Settings, purpose: str) -> SearchIndex | None:
    """The index of "text" or "image" searches as it is now; None while no space answers them."""
    spaces = [each for each in listed_spaces(engine, settings) if each.row.purpose == purpose]
    active = next((each for each in spaces if each.row.state == "active"), None)
    if active is None:
        return None
    former = [each.row for each in spaces if each is not active and each.row.activated_at is not None]
    before = max(former, key=lambda row: row.activated_at or datetime.min.replace(tzinfo=UTC), default=None)
    return SearchIndex(active, before, spaces)


def what_searches_lack(engine: Engine, index: SearchIndex) -> str | None:
    """Why searches do not find all of the content yet; None when they do, but for what arrived in the last day."""
    row, covered = index.space.row, index.space.covered
    if covered.missing:
        return f"{covered.missing:,} of {covered.needed:,} inputs lack a vector in {row.key}."
    before = datetime.now(UTC) - ON_ITS_WAY
    kind = "text" if row.purpose == "text" else "panel"
    files = load_source_files(engine, kind).values()
    stale = stale_texts(engine, one_source_a_novel(files)[0]) if kind == "text" else stale_panels(engine)
    recent = {file.novel for file in files if file.observed_at is None or file.observed_at > before}
    late = sorted({each.novel for each in stale} - recent)
    if late:
        named = ", ".join(late[:5]) + (" …" if len(late) > 5 else "")
        return f"{len(late)} novels were dropped or changed more than a day ago and are not stored so: {named}."
    return None
