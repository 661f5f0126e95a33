"""IO managers of what panels show: sentences with their vectors, scenes, pictures of characters. No SQL here."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg

from morpheus_assets.defs.assets.insight_values import (
    FoundSentences,
    character_panels_table,
    scene_picture,
    scene_table,
)
from morpheus_assets.defs.assets.metadata import replaced
from morpheus_assets.defs.checks.left_out import with_checks_left_out
from morpheus_assets.defs.failures import list_failures, sentence, told_in_a_sentence
from morpheus_assets.defs.io_managers.base import Metadata
from morpheus_assets.defs.io_managers.content import ContentIOManager
from morpheus_assets.defs.io_managers.embeddings import EmbeddingsIOManager, Tally
from morpheus_assets.defs.io_managers.events import NovelEvents
from morpheus_assets.services.scenes import FoundScenes
from morpheus_assets.store.database.outages import retry_while_down
from morpheus_assets.store.database.statistics import TableSize
from morpheus_assets.store.insight.scenes import (
    CharacterPanel,
    SceneMatch,
    load_character_panels,
    load_scenes,
    replace_character_panels,
    replace_scenes,
    replace_sentences,
)


class SentencesIOManager(EmbeddingsIOManager):
    """The sentences of a novel, replaced as a whole, and then the vectors of those that lack one, as they arrive."""

    def handle_output(  # type: ignore[override]
        self, context: dg.OutputContext, obj: Mapping[str, FoundSentences]
    ) -> Iterator[Any]:
        """Novel after novel; one whose sentences cannot be embedded takes no other with it."""
        yield from with_checks_left_out(context.step_context, context.asset_key, self._store_novels(context, obj))

    def _store_novels(self, context: dg.OutputContext, obj: Mapping[str, FoundSentences]) -> Iterator[Any]:
        events = NovelEvents(context)
        failures: dict[str, str] = {}
        for novel in obj:
            with told_in_a_sentence():
                found = obj[novel]
                counts = retry_while_down(partial(replace_sentences, self.engine, novel, found.rows))
            metadata = replaced(counts)
            if found.stream is not None:
                # the rows are those of the sentences' table, of which some may be equal
                metadata = {**self._embed(context, novel, found, failures), **metadata}
            else:
                metadata["note"] = "The novel has no text, or none of its panels a vector: nothing is embedded."
            if novel not in failures:
                events.add(novel, metadata)
            if events.due:
                yield from events.write(self._describe_table())
        yield from events.write(self._describe_table())
        if failures:
            text = list_failures(failures) if len(obj) > 1 else next(iter(failures.values()))
            raise dg.Failure(description=text, metadata=dict(failures), allow_retries=False)

    def _describe_table(self) -> Metadata:
        return {"dagster/row_count": retry_while_down(partial(TableSize("scene_sentences").looked_up, self.engine))}

    def _embed(
        self, context: dg.OutputContext, novel: str, found: FoundSentences, failures: dict[str, str]
    ) -> dict[str, Any]:
        assert found.stream is not None
        started = time.perf_counter()
        row, tally = found.stream.row, Tally()
        if any(each.missing for each in self._coverage(row, [novel])):
            self._store(context, found.stream, tally)
        covered = next(iter(self._coverage(row, [novel])), None)
        if covered is None:
            return {"space": row.key}
        if covered.missing:
            fault = tally.faults.get(novel)
            failures[novel] = sentence(fault) if fault else f"{covered.missing} sentences still lack a vector."
        return {"space": row.key, **self._metadata(covered, row, tally.costs[novel], time.perf_counter() - started)}


class ScenesIOManager(ContentIOManager[FoundScenes, SceneMatch | None]):
    """The scenes of a novel's panels, replaced as a whole."""

    table = "panel_scenes"

    def store(self, novel: str, value: FoundScenes) -> Metadata:
        """Write the scenes unless they are the stored ones."""
        counts = replace_scenes(self.engine, novel, value.space, value.match)
        notes = "\n".join(f"- {each}" for each in value.notes)
        metadata = {**replaced(counts), "notes": dg.MetadataValue.md(notes or "none")}
        match = value.match
        if match is None:
            return metadata
        return {
            **metadata,
            "space": match.space,
            "in_reading_order": match.aligned,
            "confirmed": sum(panel.confirmed for panel in match.panels),
            "chapters_without_a_panel": ", ".join(map(str, match.without_panel)) or "none",
            "heat_map": scene_picture(match),
            "scenes": scene_table(match),
        }

    def load(self, novel: str) -> SceneMatch | None:
        """Read the scenes in reading order."""
        return load_scenes(self.engine, novel)


class CharacterPanelsIOManager(ContentIOManager[Sequence[CharacterPanel], list[CharacterPanel]]):
    """Pictures beside the reference pictures of a novel's characters, replaced as a whole."""

    table = "character_panels"

    def store(self, novel: str, value: Sequence[CharacterPanel]) -> Metadata:
        """Write the rows unless they are the stored ones."""
        counts = replace_character_panels(self.engine, novel, value)
        return {
            **replaced(counts),
            "characters": len({panel.character for panel in value}),
            "pictures": character_panels_table(value),
        }

    def load(self, novel: str) -> list[CharacterPanel]:
        """Read them, the least like ones first."""
        return load_character_panels(self.engine, novel)
