"""The cast of a novel, and what its text says of their looks. Read from the stored text; nothing is paid for."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.defs.assets.insight_values import Noted
from morpheus_assets.defs.assets.metadata import CHARACTER_COLUMNS, LOOK_COLUMNS
from morpheus_assets.defs.assets.partitioned import LazyPartitions, by_novel
from morpheus_assets.defs.assets.values import OF_TEXT, OWNERS
from morpheus_assets.defs.automation import AFTER_ITS_INPUTS, INSIGHT_GROUP
from morpheus_assets.defs.io_managers.events import recorded_by_io_manager
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.defs.resources import ContentFolderResource

if TYPE_CHECKING:
    from morpheus_assets.insight.characters import Character
    from morpheus_assets.insight.looks import Look


@dg.asset(
    partitions_def=NOVELS,
    group_name=INSIGHT_GROUP,
    automation_condition=AFTER_ITS_INPUTS,
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags=OF_TEXT,
    code_version="2",
    io_manager_key="characters_io_manager",
    metadata={"dagster/column_schema": CHARACTER_COLUMNS, "dagster/table_name": "characters"},
)
def characters(
    context: dg.AssetExecutionContext,
    content_folder: dg.ResourceParam[ContentFolderResource],
    novels: Any,
    chapters: Any,
) -> dg.Output[LazyPartitions]:
    """The persons and places that a novel names: one row a name, with its forms, chapters and every mention.

    Proposed from capital letters, titles and verbs of speech, in the languages of insight/people_words.py; none in
    other languages. `content/characters/<novel>.toml` confirms or corrects them (see insight/cast_file.py); a sensor
    asks for a run when it changes.
    """
    from morpheus_assets.insight.cast_file import with_file
    from morpheus_assets.insight.characters import propose_cast
    from morpheus_assets.insight.people_words import names_note

    texts, found = by_novel(context.partition_keys, novels), by_novel(context.partition_keys, chapters)

    def cast_of(novel: str) -> "Noted[Character]":
        document, rows = texts[novel].load(), found[novel].rows
        said = content_folder.cast_file(novel)
        proposed = propose_cast(document.text, rows, document.language)
        cast = proposed if said is None else with_file(proposed, said, document.text, rows)
        return Noted(cast, names_note(document.language))

    return recorded_by_io_manager(LazyPartitions(context.partition_keys, cast_of))


@dg.asset(
    partitions_def=NOVELS,
    group_name=INSIGHT_GROUP,
    automation_condition=AFTER_ITS_INPUTS,
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags=OF_TEXT,
    code_version="2",
    io_manager_key="looks_io_manager",
    metadata={"dagster/column_schema": LOOK_COLUMNS, "dagster/table_name": "character_looks"},
)
def character_sheets(
    context: dg.AssetExecutionContext, novels: Any, chapters: Any, characters: Any
) -> dg.Output[LazyPartitions]:
    """What the text says of each person's look: one row a statement, with its sentence; contradictions first.

    English only. Whose look a pronoun means is said only where one person can be meant; much is left out so that what
    is there holds.
    """
    from morpheus_assets.insight.looks import find_looks, looks_note

    keys = context.partition_keys
    texts, found, casts = by_novel(keys, novels), by_novel(keys, chapters), by_novel(keys, characters)

    def sheet_of(novel: str) -> "Noted[Look]":
        document = texts[novel].load()
        looks = find_looks(document.text, found[novel].rows, document.language, casts[novel])
        return Noted(looks, looks_note(document.language))

    return recorded_by_io_manager(LazyPartitions(keys, sheet_of))
