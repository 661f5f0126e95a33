"""Checks of what insight assets stored of a run's novels; run by hand, of all. They change nothing and cost nothing."""

from collections import Counter
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.assets.characters import characters
from morpheus_assets.defs.checks.remembered import result_for_all
from morpheus_assets.defs.checks.rows import novels_looked_at
from morpheus_assets.defs.partitions import NOVELS, partition_set
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.services.wording import counted

if TYPE_CHECKING:
    from morpheus_assets.domain.content import NovelSummary
    from morpheus_assets.insight.characters import Character
    from morpheus_assets.insight.training_pairs import TrainingPair

# A shorter text may well name nobody.
LONG_ENOUGH = 20_000


@dg.asset_check(
    asset=characters,
    name="names_are_found",
    description=f"A text of {LONG_ENOUGH:,} characters names somebody, in a language whose names are known, and"
    " each name of content/characters/<novel>.toml stands in the text.",
)
def names_are_found(
    context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[DatabaseResource]
) -> dg.AssetCheckResult:
    """Warns of a cast that is empty, and of confirmed characters that nobody mentions."""
    from morpheus_assets.store.content.novels import list_novels
    from morpheus_assets.store.insight.casts import load_characters

    novels = {each.novel: each for each in list_novels(database.engine, novels_looked_at(context, database, NOVELS))}
    casts = {novel: load_characters(database.engine, novel) for novel in novels}
    faults = {novel: cast_faults(novels[novel], cast) for novel, cast in casts.items()}
    well = f"{counted(sum(map(len, casts.values())), 'name')} of {counted(len(casts), 'novel')}"
    return _result(context, characters.key, "names_are_found", faults, well)


@dg.asset_check(
    asset=dg.AssetKey("training_pairs"),
    name="answers_are_their_own",
    description="No question to train with is there twice, and none has its answer among its negatives: a model would"
    " learn the opposite.",
)
def answers_are_their_own(
    context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[DatabaseResource]
) -> dg.AssetCheckResult:
    """Warns of pairs that contradict themselves or each other."""
    from morpheus_assets.store.insight.training_pairs import load_pairs

    found = {novel: load_pairs(database.engine, novel) for novel in novels_looked_at(context, database, NOVELS)}
    faults = {novel: pair_faults(novel, pairs) for novel, pairs in found.items()}
    well = f"{counted(sum(map(len, found.values())), 'pair')} of {counted(len(found), 'novel')}"
    return _result(context, dg.AssetKey("training_pairs"), "answers_are_their_own", faults, well)


INSIGHT_CHECKS = [names_are_found, answers_are_their_own]


def cast_faults(novel: "NovelSummary", cast: "list[Character]") -> list[str]:
    """What is odd in the cast of a novel, a sentence each."""
    from morpheus_assets.insight.people_words import names_note

    faults = [
        f"{novel.novel}: nobody mentions {one.name!r}, whom content/characters/{novel.novel}.toml names."
        for one in cast
        if one.confirmed and not one.mentions
    ]
    if not cast and novel.characters >= LONG_ENOUGH and not names_note(novel.language):
        faults.append(f"{novel.novel}: no name was found in {novel.characters:,} characters of {novel.language}.")
    return faults


def pair_faults(novel: str, pairs: "list[TrainingPair]") -> list[str]:
    """What is wrong with the pairs of a novel, a sentence each."""
    faults = [
        f"{novel}: {pair.question!r} has its answer among its negatives."
        for pair in pairs
        if pair.positive in pair.negatives
    ]
    twice = [question for question, count in Counter(pair.question for pair in pairs).items() if count > 1]
    return [*faults, *(f"{novel}: {question!r} is asked twice." for question in twice)]


def _result(
    context: dg.AssetCheckExecutionContext, asset: dg.AssetKey, name: str, faults: dict[str, list[str]], well: str
) -> dg.AssetCheckResult:
    def stored() -> list[str]:
        return list(context.instance.get_dynamic_partitions(partition_set(NOVELS)))

    return result_for_all(context.instance, dg.AssetCheckKey(asset, name), faults, faults, stored, well)
