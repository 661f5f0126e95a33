"""Refused inputs for `morpheus refused`: found by the beginning of their hash, retried or ignored."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.services.novel_names import verify_stored
from morpheus_assets.services.wording import counted
from morpheus_assets.store.database.errors import StoreError
from morpheus_assets.store.spaces.refusals import Refusal, ignore_refusals, list_refusals, retry_refusals
from morpheus_assets.store.spaces.spaces import get_space

SHOWN_DIGITS = 12


class NothingChosen(StoreError):
    """Nothing was named, or what was named is not refused."""


def find_refusals(engine: Engine, novel: str | None, key: str | None) -> list[Refusal]:
    """Refused inputs, of one novel or space if named; raises UnknownNovel, UnknownSpace."""
    verify_stored(engine, [novel] if novel else [])
    return list_refusals(engine, get_space(engine, key) if key else None, novel=novel)


def refusal_as_json(refusal: Refusal) -> dict[str, Any]:
    """For machines; `content_hash` is what `retry` and `ignore` take."""
    times = {"first_seen": refusal.first_seen.isoformat(), "last_seen": refusal.last_seen.isoformat()}
    return {**asdict(refusal), "content_hash": refusal.content_hash.hex(), **times}


def describe_refusal(refusal: Refusal) -> str:
    """One refused input for a person, in two lines."""
    place = "; ".join(refusal.places) or "in no stored novel any more"
    ignored = "  (ignored)" if refusal.ignored else ""
    return (
        f"{refusal.content_hash.hex()[:SHOWN_DIGITS]}  {place}{ignored}\n"
        f"    {refusal.space_key}, {refusal.last_seen:%Y-%m-%d %H:%M}: {refusal.reason}"
    )


def choose_refusals(
    engine: Engine, novel: str | None, key: str | None, beginnings: Sequence[str], *, every: bool
) -> list[Refusal]:
    """The refusals whose hash begins as named, or all; raises NothingChosen."""
    found = find_refusals(engine, novel, key)
    if every == bool(beginnings):
        raise NothingChosen("Name the refused inputs by the first digits that `morpheus refused` shows, or use --all.")
    chosen = [
        each
        for each in found
        if every or any(each.content_hash.hex().startswith(beginning.lower()) for beginning in beginnings)
    ]
    if not chosen:
        raise NothingChosen("Nothing that is refused was named; `morpheus refused` lists what is.")
    return chosen


def retry_refused(engine: Engine, refusals: Sequence[Refusal]) -> str:
    """Forget them, so that they count as missing; returns a sentence."""
    count = _by_space(engine, refusals, retry_refusals)
    asked = counted(count, "input counts", "inputs count")
    return f"{asked} as missing again; the next run, or `morpheus reembed`, asks for what is missing."


def ignore_refused(engine: Engine, refusals: Sequence[Refusal]) -> str:
    """Stop warning about them; returns a sentence."""
    return f"{_by_space(engine, refusals, ignore_refusals)} inputs are ignored: no check warns about them any more."


def _by_space(
    engine: Engine, refusals: Sequence[Refusal], change: Callable[[Engine, SpaceRow, Sequence[bytes]], int]
) -> int:
    keys = sorted({each.space_key for each in refusals})
    return sum(
        change(engine, get_space(engine, key), [each.content_hash for each in refusals if each.space_key == key])
        for key in keys
    )
