"""The project as one more peer: `peer_driver.py setup|ingest [--every-novel]|search|info`, each a cold process.

`ingest` is what the daemon does: the sensor looks at the folder, and the job `ingest_novels` runs over the novels that
it asks for, in one run; novels whose files are gone are removed, as by `morpheus remove`. `--every-novel` runs
all of them, as "materialize all" does. Dagster's own storage is a second database of that Postgres, as in production.
"""

import importlib
import json
import os
import sys
import time

BEGAN = time.perf_counter()

from pathlib import Path  # noqa: E402

PROJECT = Path(__file__).resolve().parent.parent
# a script's own folder comes first on the path; its modules are this project's `bench.…`
sys.path[0] = str(PROJECT)

STATE, CORPUS = Path(os.environ["BENCH_STATE"]), Path(os.environ["BENCH_CORPUS"])
MODEL = os.environ.get("BENCH_MODEL", "text-embedding-3-small")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def configure() -> None:
    """What a person would write into `.env`, given what the harness hands to every peer."""
    os.environ.update(
        MORPHEUS_DATABASE_URL=os.environ["BENCH_DB"],
        MORPHEUS_CONTENT=str(STATE / "content"),
        MORPHEUS_DATA_FOLDER=str(STATE / "data"),
        MORPHEUS_DOTENV=os.devnull,
        MORPHEUS_TEXT_SPACES=f"openai/{MODEL}@{os.environ['BENCH_DIMS']}",
        MORPHEUS_IMAGE_SPACES="open_clip/demo",
        MORPHEUS_SAMPLES="false",
        # what the endpoint's headers say; no peer keeps to a budget
        MORPHEUS_REQUESTS_PER_MINUTE="10000",
        MORPHEUS_TOKENS_PER_MINUTE="10000000",
        DAGSTER_HOME=str(STATE / "dagster"),
        DAGSTER_DISABLE_TELEMETRY="1",
    )
    if os.environ["BENCH_TUNED"] == "1":
        os.environ.update(MORPHEUS_REQUESTS_IN_FLIGHT="16", MORPHEUS_INPUTS_PER_REQUEST="128")
    from morpheus_assets.services.connections import dagster_database_url

    os.environ["DAGSTER_PG_URL"] = dagster_database_url(os.environ["BENCH_DB"])


def own_settings():
    from morpheus_assets.settings import Settings

    # a developer's own .env must not decide what is measured
    return Settings(_env_file=None)


def setup() -> dict:
    """Schema, an empty database for Dagster, and the folders: what `make up` does before anything runs. Not timed."""
    import dagster as dg
    import psycopg
    from psycopg.sql import Identifier

    from morpheus_assets.services.connections import database_url
    from morpheus_assets.store.database.embedded import DAGSTER_DATABASE, queries
    from morpheus_assets.store.database.engine import open_engine
    from morpheus_assets.store.database.migrations import migrate

    (STATE / "content" / "panels").mkdir(parents=True)
    (STATE / "content" / "novels").symlink_to(CORPUS)
    (STATE / "dagster").mkdir()
    (STATE / "dagster" / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())
    migrate(open_engine(database_url(own_settings())))
    with psycopg.connect(os.environ["BENCH_DB"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DAGSTER_DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DAGSTER_DATABASE}")
        # as the embedded server makes it
        connection.execute(queries.commit_without_waiting.format(name=Identifier(DAGSTER_DATABASE)))
    with dg.DagsterInstance.get() as instance:
        instance.get_run_records(limit=1)
        instance.get_dynamic_partitions("novels")
    return {}


def ingest(*, every_novel: bool) -> dict:
    import dagster as dg

    from bench.run_sections import Sections, watch
    from morpheus_assets.definitions import defs
    from morpheus_assets.defs.sensors.new_content import new_novels_sensor

    # what the process has at hand that runs are forked from; the peers' scripts import theirs at their top
    importlib.import_module("morpheus_assets.defs.run_process_imports")
    importlib.import_module("morpheus_assets.services.novels")
    imported = time.perf_counter()
    settings = own_settings()
    sections = Sections()
    watch(sections)
    job = defs.resolve_job_def("ingest_novels")
    with dg.DagsterInstance.get() as instance:
        instance.get_dynamic_partitions("novels")
        loaded = set(sys.modules)
        started, spent = time.perf_counter(), time.process_time()
        with sections.section("sensor"):
            novels = ask_sensor(new_novels_sensor, settings, instance)
        if every_novel:
            novels = list(instance.get_dynamic_partitions("novels"))
        if novels:
            options = (
                {"partition_key": novels[0]}
                if len(novels) == 1
                else {"tags": {RANGE_START: novels[0], RANGE_END: novels[-1]}}
            )
            with sections.section("dagster"):
                job.execute_in_process(instance=instance, **options)
        with sections.section("removing"):
            removed = remove_gone(settings)
        work, cpu = time.perf_counter() - started, time.process_time() - spent
    late = sorted({name.split(".")[0] for name in set(sys.modules) - loaded})
    print(f"{len(set(sys.modules) - loaded)} modules loaded during the work, of {', '.join(late)}", file=sys.stderr)
    return {
        "work_s": work,
        "work_cpu_s": cpu,
        "import_s": imported - BEGAN,
        "load_s": started - imported,
        "novels_run": len(novels),
        "removed": removed,
        "sections": {name: round(seconds, 4) for name, seconds in sections.seconds.items()},
        "sections_cpu": {name: round(seconds, 4) for name, seconds in sections.cpu.items()},
    }


def ask_sensor(sensor, settings, instance) -> list[str]:
    """One tick, as the daemon's: partitions are added, the cursor is kept; returns the novels that it wants to run."""
    import dagster as dg

    from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource

    cursor = STATE / "cursor"
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor.read_text() if cursor.exists() else None,
        resources={"database": DatabaseResource(settings), "content_folder": ContentFolderResource(settings)},
    )
    tick = sensor(context)
    if not isinstance(tick, dg.SensorResult):
        print(tick.skip_message, file=sys.stderr)
        cursor.write_text(context.cursor or "{}")
        return []
    cursor.write_text(tick.cursor or "{}")
    for request in tick.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions("novels", list(request.partition_keys))
    wanted = {run.partition_key for run in tick.run_requests or []}
    if not wanted:
        return []
    known = list(instance.get_dynamic_partitions("novels"))
    places = [place for place, novel in enumerate(known) if novel in wanted]
    if len(places) != len(wanted) or places != list(range(places[0], places[-1] + 1)):
        raise SystemExit(f"{sorted(map(str, wanted))} are not contiguous partitions, and one run takes only such")
    return [known[place] for place in places]


def remove_gone(settings) -> list[str]:
    """What a person does after deleting a file: `morpheus remove NOVEL`."""
    from morpheus_assets.services.connections import connected_engine
    from morpheus_assets.services.content_location import novels_source
    from morpheus_assets.services.novels import removable, remove_stored
    from morpheus_assets.sources.listing import list_novels as listed_novels
    from morpheus_assets.store.content.novels import ingested_digests

    there, _ = listed_novels(novels_source(settings))
    with connected_engine(settings) as engine:
        gone = sorted(ingested_digests(engine).keys() - there.keys())
        for novel in gone:
            remove_stored(settings, removable(settings, novel, engine), engine)
    return gone


def ask(step: str) -> dict:
    """`search` or `info`; loaded here, for the runs must not carry what only the HTTP API needs."""
    from bench.peer_search import info, search

    if step == "info":
        return info(os.environ["BENCH_DB"])
    return search(own_settings(), next(CORPUS.glob("war*.txt")).read_text())


def main() -> None:
    configure()
    step = sys.argv[1]
    if step == "setup":
        said = setup()
    elif step == "ingest":
        said = ingest(every_novel="--every-novel" in sys.argv)
    else:
        said = ask(step)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
