"""A small deployment for tests of model changes: stored novels, settings that name spaces, runs over many novels."""

import hashlib
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.partitions import NOVELS
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.defs.sensors.space_switch import switch_spaces_sensor
from morpheus_assets.domain.content import Chapter, Chunk, NovelRecord
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.services.backfills import RANGE_END, RANGE_START
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.chapters import replace_chapters
from morpheus_assets.store.content.novels import upsert_novel
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.fixtures.passages import missing_inputs, store_chunks
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

OLD, NEW = "openai/text-embedding-3-small@64", "openai/text-embedding-3-large@96"
OLD_KEY, NEW_KEY = "openai-text-embedding-3-small-64", "openai-text-embedding-3-large-96"
OLD_ASSET = "openai-3-small-64"
WORDS = tuple("ship storm lantern harbour captain letter garden winter music river stone bread".split())  # noqa: SIM905


def asset_of(key: str) -> dg.AssetKey:
    """The asset of one of these spaces, as it is named in Dagster."""
    return dg.AssetKey(["text_embeddings", key.replace("text-embedding-", "").replace("voyage-voyage", "voyage")])


def make_settings(database_url: str, base_url: str, folder: Path, text_spaces: str = OLD, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": database_url,
        "content": folder / "content",
        "data_folder": folder / "data",
        "samples": False,
        "text_spaces": text_spaces,
        "openai_api_key": "sk-test",
        "openai_base_url": base_url,
        "retry_attempts": 1,
        **changes,
    }
    return Settings(_env_file=None, **values)


def bodies_of(novel: str, passages: int = 3) -> list[str]:
    return [
        f"{novel} passage {number}: {' '.join(WORDS[(number + place) % len(WORDS)] for place in range(6))}. "
        for number in range(passages)
    ]


def add_novel(engine: Engine, novel: str, bodies: list[str] | None = None) -> None:
    bodies = bodies_of(novel) if bodies is None else bodies
    text = "".join(bodies)
    digest = hashlib.sha256(text.encode()).hexdigest()
    record = NovelRecord(novel, novel, None, "en", "txt", "utf-8", (), f"{novel}.txt", digest, text, digest)
    upsert_novel(engine, record)
    rows, start = [], 0
    for number, body in enumerate(bodies, 1):
        value = hashlib.sha256(body.encode()).digest()
        rows.append(Chunk(1, number, start, start + len(body), len(body.split()), value, body))
        start += len(body)
    replace_chapters(engine, novel, [Chapter(1, "Chapter 1", 0, start, 1)])
    store_chunks(engine, novel, rows)


def add_novels(engine: Engine, instance: dg.DagsterInstance, novels: list[str], passages: int = 3) -> None:
    for novel in novels:
        add_novel(engine, novel, bodies_of(novel, passages))
    instance.add_dynamic_partitions(NOVELS.name or "novels", novels)


def names(count: int, start: int = 0) -> list[str]:
    return [f"novel-{number:03}" for number in range(start, start + count)]


def count_runs(novels: list[str], partitions: list[str]) -> int:
    """How many runs a backfill of these partitions makes: one for each fifty that follow each other."""
    runs = length = 0
    for partition in partitions:
        length = length + 1 if partition in novels else 0
        runs += length % 50 == 1
    return runs


def embed(settings: Settings, instance: dg.DagsterInstance, key: str, novels: list[str]) -> dg.ExecuteInProcessResult:
    """One run over novels that follow each other in the order of their creation, as a backfill makes it."""
    job = build_definitions(settings).get_repository_def().get_job("__ASSET_JOB")
    options: dict[str, Any] = {"tags": {RANGE_START: novels[0], RANGE_END: novels[-1]}}
    if len(novels) == 1:
        options = {"partition_key": novels[0]}
    return job.execute_in_process(
        instance=instance,
        asset_selection=[asset_of(key)],
        raise_on_error=False,
        **options,
    )


def switch_tick(settings: Settings, instance: dg.DagsterInstance) -> str:
    """A tick of switch_spaces_sensor, and the run that it asks for; what is said by the run, else by the tick."""
    with dg.build_sensor_context(instance=instance) as context:
        result = switch_spaces_sensor(context, database=DatabaseResource(settings))
    if isinstance(result, dg.SkipReason):
        return result.skip_message or ""
    if result.skip_reason:
        return result.skip_reason.skip_message or ""
    [request] = result.run_requests
    return carry_out(settings, instance, request)


def carry_out(settings: Settings, instance: dg.DagsterInstance, request: dg.RunRequest) -> str:
    """The run that a sensor or schedule asks for, in this process; the sentences of its outcome."""
    job = build_definitions(settings).resolve_job_def(request.job_name)
    result = job.execute_in_process(
        instance=instance, run_config=request.run_config, tags=request.tags, raise_on_error=False
    )
    said = [str(value.value) for event in result.all_events if event.is_successful_output
            for value in event.step_output_data.metadata.values()]  # fmt: skip
    said += [event.step_failure_data.user_failure_data.description or "" for event in result.all_events
             if event.is_step_failure and event.step_failure_data.user_failure_data]  # fmt: skip
    return "\n".join(said)


def fill(engine: Engine, settings: Settings, key: str, novels: list[str], *, active: bool = False) -> SpaceRow:
    """Store the vectors that the fake provider would give, without a run."""
    space = next(each for each in configured_text_spaces(settings) if each.key == key)
    row = spaces.register_space(engine, space)
    for novel in novels:
        missing = missing_inputs(engine, row, novel)
        vectors.write_batch(
            engine,
            row,
            [each.content_hash for each in missing],
            vectors_of([each.content for each in missing], row.dimensions),
        )
    if active:
        spaces.activate_first(engine, key)
    return row


def materialized(instance: dg.DagsterInstance, key: str) -> set[str]:
    return set(instance.get_materialized_partitions(asset_of(key)))
