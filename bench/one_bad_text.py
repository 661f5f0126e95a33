"""What each kind of server makes of a novel with one bad passage, through the project's own asset, as a table.

    python -m bench.one_bad_text --texts 300

Fakes over real HTTP refuse it in the words of each; behind RunPod's protocol it is a comic with one bad page.
"""

import argparse
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
from PIL import Image
from sqlalchemy import Engine

from bench.deployment import throwaway
from morpheus_assets.definitions import build_definitions
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.configured_spaces import configured_image_spaces, configured_text_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.refusals import list_refusals
from morpheus_assets.store.spaces.spaces import get_space
from morpheus_assets_tests.defs.model_change import add_novel, bodies_of
from morpheus_assets_tests.embedding.providers.clip_endpoint import running_endpoint, worker
from morpheus_assets_tests.fixtures.compatible_servers import BAD, LONG, SERVERS, running
from morpheus_assets_tests.fixtures.native_servers import KEY, running_native
from morpheus_assets_tests.fixtures.provider_answers import POISON
from morpheus_assets_tests.fixtures.provider_server import FakeProvider

# The vendors' own faces, with their models.
NATIVE = {
    "cohere": 'provider = "cohere"\nmodel = "embed-v4.0"\ndimensions = 256\n',
    "gemini": 'provider = "gemini"\nmodel = "gemini-embedding-001"\ndimensions = 256\n',
    "jina": 'provider = "jina"\nmodel = "jina-embeddings-v5-text-small"\ndimensions = 256\n',
    "mistral": 'provider = "mistral"\nmodel = "codestral-embed"\ndimensions = 256\n',
    "voyage_context": 'provider = "voyage"\nmodel = "voyage-context-4"\ndimensions = 256\n',
}
PLAIN = {
    "openai": 'provider = "openai"\nmodel = "text-embedding-3-small"\n',
    "voyage": 'provider = "voyage"\nmodel = "voyage-4-large"\n',
}


@dataclass
class Row:
    """One server's: `twice` are inputs that got a vector more than once."""

    server: str
    stored: int = 0
    refused: int = 0
    reason: str = ""
    requests: int = 0
    twice: int = 0


@contextmanager
def text_servers() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Tables of spaces.toml, and for each the server behind it."""
    with ExitStack() as stack:
        servers: dict[str, Any] = {}
        tables = []
        for quirks in SERVERS:
            server = servers[f"{quirks.name} compatible"] = stack.enter_context(running(quirks))
            tables.append(f'["{quirks.name} compatible"]\n{server.table}revision = "{quirks.name}"\n')
        for name, options in NATIVE.items():
            server = servers[name] = stack.enter_context(running_native(name))
            tables.append(f'["{name}"]\n{options}endpoint = "{server.url}"\n')
        provider = FakeProvider()
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        stack.callback(provider.shutdown)
        for name, options in PLAIN.items():
            servers[name] = provider
            address = f"http://127.0.0.1:{provider.server_port}/run={name}/v1"
            tables.append(f'["{name}"]\n{options}endpoint = "{address}"\n')
        yield "".join(tables), servers


def run_assets(settings: Settings, spaces: Mapping[str, Space], novel: str, assets: list[str]) -> None:
    """One run of the spaces' assets, after those named."""
    keys = [dg.AssetKey(name) for name in assets] + [dg.AssetKey(space_asset(space)) for space in spaces.values()]
    partitions = "panels" if assets else "novels"
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(partitions, [novel])
        job = build_definitions(settings).get_repository_def().get_job("__ASSET_JOB")
        job.execute_in_process(instance=instance, asset_selection=keys, partition_key=novel)


def counted(engine: Engine, name: str, space: Space, requests: int, embedded: Counter[Any], inputs: set[Any]) -> Row:
    """What is stored of a space, beside what its server saw."""
    stored = get_space(engine, space.key)
    refusals = list_refusals(engine, stored)
    twice = sum(times - 1 for each, times in embedded.items() if each in inputs)
    reason = refusals[0].reason if refusals else ""
    return Row(name, coverage(engine, stored).present, len(refusals), reason, requests, twice)


def texts(settings: Settings, engine: Engine, count: int) -> list[Row]:
    """The rows of all servers of texts."""
    bodies = bodies_of("first", count)
    bodies[count // 2] = f"A passage {BAD} {LONG} {POISON} that no server takes. "
    add_novel(engine, "first", bodies)
    with text_servers() as (tables, servers):
        file = settings.data_folder.parent / "spaces.toml"
        keys = {f"{name}_api_key": KEY for name in ("openai", "cohere", "gemini", "jina", "mistral", "voyage")}
        file.write_text(tables)
        settings = Settings(
            _env_file=None, **{**settings.model_dump(exclude_unset=True), **keys, "spaces_file": file,
                               "text_spaces": ",".join(servers), "retry_attempts": 2},
        )  # fmt: skip
        spaces = dict(zip(servers, configured_text_spaces(settings), strict=True))
        run_assets(settings, spaces, "first", [])
        found = []
        for name, space in spaces.items():
            server = servers[name]
            if name in PLAIN:
                report = server.runs[name].report()
                row = counted(engine, name, space, report["requests"], Counter(), set())
                row.twice = report["repeated_inputs"]
            else:
                row = counted(engine, name, space, len(server.asked), server.embedded, set(bodies))
            found.append(row)
        return found


def pictures(settings: Settings, engine: Engine, count: int) -> Row:
    """The row of RunPod's protocol: pages of one colour each, of which one is black."""
    folder = settings.panels_folder / "album"
    folder.mkdir(parents=True)
    for number in range(count):
        # Far apart: a JPEG tells no colours that are one step apart.
        colour = tuple(60 + 28 * (number // 7**place % 7) for place in range(3))
        Image.new("RGB", (64, 64), (0, 0, 0) if number == count // 2 else colour).save(folder / f"{number:03}.png")
    embedded: Counter[Any] = Counter()

    def work(job_input: dict[str, Any]) -> Any:
        output = worker(job_input)
        if any(max(each["embedding"][:3]) < 5 for each in output["data"]):
            return {"error": "cannot identify image file <_io.BytesIO object>"}
        embedded.update(job_input["input"])
        return output

    with running_endpoint() as endpoint:
        endpoint.work = work
        settings = Settings(
            _env_file=None, **{**settings.model_dump(exclude_unset=True), "image_spaces": "remote_clip/my-clip@4",
                               "remote_clip_url": endpoint.url, "remote_clip_api_key": KEY, "retry_attempts": 2},
        )  # fmt: skip
        [space] = configured_image_spaces(settings)
        run_assets(settings, {"runpod": space}, "album", ["panel_images", "regions"])
        # A harmless picture has a colour of its own each time.
        return counted(engine, "runpod, pictures", space, len(endpoint.inputs), embedded, set(embedded))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=300, help="passages and pages, 300 at most")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with throwaway() as settings:
        engine = open_engine(settings.database_url.get_secret_value())
        rows = [*texts(settings, engine, arguments.texts), pictures(settings, engine, arguments.texts)]
        engine.dispose()
    print("| server | stored | refused | its reason | requests | embedded twice |\n|---|---|---|---|---|---|")
    for row in rows:
        reason = " ".join(row.reason.split())[:90].replace("|", "/")
        print(f"| {row.server} | {row.stored} | {row.refused} | {reason} | {row.requests} | {row.twice} |")


if __name__ == "__main__":
    main()
