"""kill -9 at twenty seeded random points: rows lost and chunks paid twice, against an undisturbed reading of the file.

    python bench/crash_points.py [--seed 20]

Eight points kill the step's process, four kill Postgres under a run (run again or started again by hand, as a person
would); four kill the run's process and four the whole daemon of a real deployment, which goes on by itself.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from sqlalchemy import Engine  # noqa: E402

from bench.reembed_200 import Deployment, until  # noqa: E402
from morpheus_assets.store.database.embedded import EmbeddedPostgres  # noqa: E402
from morpheus_assets.store.database.engine import open_engine  # noqa: E402
from morpheus_assets.store.database.migrations import migrate  # noqa: E402
from morpheus_assets.text.chapters.find import find_chapters  # noqa: E402
from morpheus_assets.text.chunking.chunks import ChunkerSettings, cut_chunks  # noqa: E402
from morpheus_assets.text.formats import read_document  # noqa: E402
from morpheus_assets_tests.defs.assets.ingest_process import start_ingest, warm_up  # noqa: E402
from morpheus_assets_tests.fixtures.deployment import story  # noqa: E402
from morpheus_assets_tests.fixtures.provider import ProviderServer  # noqa: E402
from morpheus_assets_tests.fixtures.provider_answers import vectors_of  # noqa: E402

SPACE = "openai/text-embedding-3-small@256"
KINDS = ["step"] * 8 + ["postgres"] * 4 + ["run"] * 4 + ["daemon"] * 4
FOREVER = 400.0


@dataclass
class Row:
    """What became of one point; `again` are committed chunks that were asked for again, `twice` those in flight."""

    kind: str
    killed_at: str
    kept: int
    needed: int
    lost: int
    wrong: int
    again: int
    twice: int
    seconds: float


class Bench:
    """One server, one content folder, one provider; each point has a novel of its own."""

    def __init__(self, folder: Path, server: EmbeddedPostgres, provider: ProviderServer) -> None:
        self.folder, self.server, self.provider = folder, server, provider
        self.novels = folder / "content" / "novels"
        self.novels.mkdir(parents=True)
        (folder / "content" / "panels").mkdir()
        self.engine: Engine = open_engine(server.url())
        migrate(self.engine)

    def rows(self, query: str, novel: str) -> list[tuple]:
        """Rows of one novel; none while the server is away or the space is not there yet."""
        try:
            with self.engine.connect() as connection:
                return [tuple(row) for row in connection.exec_driver_sql(query, (novel,))]
        except Exception:
            return []

    def vectors(self, novel: str) -> dict[bytes, str]:
        query = (
            "SELECT DISTINCT e.content_hash, e.embedding::text FROM embeddings_1 e JOIN chunks c USING (content_hash)"
            " JOIN novels n ON n.id = c.novel_id WHERE n.novel = %s"
        )
        return {bytes(key): vector for key, vector in self.rows(query, novel)}

    def chunks(self, novel: str) -> list[tuple]:
        query = (
            "SELECT c.ordinal, c.content_hash, c.body FROM novel_chunks c JOIN novels n ON n.id = c.novel_id"
            " WHERE n.novel = %s ORDER BY 1"
        )
        return self.rows(query, novel)

    def drop(self, novel: str, seed: int) -> list:
        """Write the novel's file beside and move it in; returns the chunks that it must become."""
        text = story(chapters=24, paragraphs=8, seed=seed)
        beside = self.folder / "beside.txt"
        beside.write_text(text)
        document = read_document(text.encode(), f"{novel}.txt")
        chunks = list(cut_chunks(document.text, find_chapters(document), ChunkerSettings()))
        beside.rename(self.novels / f"{novel}.txt")
        return chunks

    def wrong(self, novel: str, expected: list) -> int:
        """Chunks and vectors that differ from those of an undisturbed run."""
        found = [(row[0], bytes(row[1]), row[2]) for row in self.chunks(novel)]
        wrong = sum(
            a != b for a, b in zip(found, [(c.ordinal, c.content_hash, c.body) for c in expected], strict=False)
        )
        wrong += abs(len(found) - len(expected))
        stored = self.vectors(novel)
        true = vectors_of([chunk.body for chunk in expected], 256)
        for chunk, vector in zip(expected, true, strict=True):
            text = stored.pop(chunk.content_hash, None)
            if (
                text is None
                or max(abs(float(a) - b) for a, b in zip(text[1:-1].split(","), vector, strict=True)) > 1e-3
            ):
                wrong += 1
        return wrong + len(stored)

    def whole(self, novel: str, expected: list) -> bool:
        return len(self.vectors(novel)) == len({chunk.content_hash for chunk in expected})

    def kill_postgres(self) -> None:
        number = int((self.server.data_folder / "pgdata" / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(number)
        family = [process, *process.children(recursive=True)]
        process.kill()
        psutil.wait_procs(family, timeout=20)

    def in_process(self, kind: str, number: int, chance: random.Random, usual: float) -> Row:
        novel = f"novel-{number:02}"
        expected = self.drop(novel, 1000 + number)
        url = self.provider.base_url(latency_ms=200)
        begun = time.monotonic()
        run = start_ingest(
            self.folder, self.server.url(), url, [novel], home=f"home{number}", MORPHEUS_REQUESTS_IN_FLIGHT="2"
        )
        # Every other one by the clock, from the first step on; the others while vectors come in.
        share = chance.uniform(0.05, 0.9)
        if number % 2:
            at = f"{chance.uniform(0.1, 1.0) * usual:.1f} s"
            time.sleep(float(at.removesuffix(" s")))
        else:
            at = f"{share:.0%}"
            until(lambda: len(self.vectors(novel)) >= share * len(expected), FOREVER, f"{at} of {novel}", 0.02)
        before = self.vectors(novel)
        self.engine.dispose()
        if kind == "step":
            run.kill()
            run.join()
            time.sleep(0.4)
            before = self.vectors(novel)
            sent = self.provider.stats(url)["inputs"]
            run = start_ingest(self.folder, self.server.url(), url, [novel], home=f"again{number}")
        else:
            self.kill_postgres()
            sent = self.provider.stats(url)["inputs"]
            time.sleep(chance.uniform(0.2, 2.0))
            self.server.start()
        run.join(FOREVER)
        if run.exitcode != 0:
            start_ingest(self.folder, self.server.url(), url, [novel], home=f"third{number}").join(FOREVER)
        return self.row(kind, at, novel, expected, before, sent, url, begun)

    def by_itself(
        self, kind: str, number: int, chance: random.Random, deployment: Deployment, environment: dict[str, str]
    ) -> Row:
        novel, url = f"novel-{number:02}", environment["OPENAI_BASE_URL"]
        begun = time.monotonic()
        expected = self.drop(novel, 1000 + number)
        share = chance.uniform(0.0, 0.9)
        until(lambda: bool(self.chunks(novel)), FOREVER, f"chunks of {novel}", 0.05)
        until(lambda: len(self.vectors(novel)) >= share * len(expected), FOREVER, f"{share:.0%} of {novel}", 0.02)
        if kind == "run":
            # The launcher of local processes starts a run as a process of the code server's own.
            family = psutil.Process(deployment.processes["daemon"].pid).children(recursive=True)
            runs = [each for each in family if "spawn_main" in " ".join(each.cmdline())]
            assert runs, [each.cmdline() for each in family]
            for each in runs:
                each.kill()
        else:
            deployment.end("daemon", hard=True)
        time.sleep(0.5)
        before, sent = self.vectors(novel), self.provider.stats(url)["inputs"] - self.sent
        if kind == "daemon":
            deployment.start("daemon", environment)
        until(lambda: self.whole(novel, expected), FOREVER, f"the rest of {novel}", 0.5)
        time.sleep(1)
        row = self.row(kind, f"{share:.0%}", novel, expected, before, sent, url, begun, since=self.sent)
        self.sent = self.provider.stats(url)["inputs"]
        return row

    sent = 0

    def row(
        self, kind: str, at: str, novel: str, expected: list, before: dict[bytes, str], sent: int, url: str,
        begun: float, since: int = 0,
    ) -> Row:  # fmt: skip
        after = self.vectors(novel)
        needed = len({chunk.content_hash for chunk in expected})
        total = self.provider.stats(url)["inputs"] - since
        lost = sum(after.get(key) != vector for key, vector in before.items())
        again = max(0, (total - sent) - (needed - len(before)))
        return Row(
            kind, at, len(before), needed, lost, self.wrong(novel, expected), again, total - needed,
            time.monotonic() - begun,
        )  # fmt: skip


def main() -> None:
    """Print one line a point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--kinds", default=",".join(dict.fromkeys(KINDS)), help="only these")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    folder = Path(tempfile.mkdtemp(prefix="mcrash"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        server = EmbeddedPostgres(folder / "pg")
        server.start()
        stack.callback(server.stop)
        server.ensure_databases()
        process = subprocess.Popen(
            [sys.executable, "-m", "morpheus_assets_tests.fixtures.provider_server"],
            cwd=PROJECT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        stack.callback(process.kill)
        assert process.stdout is not None
        provider = ProviderServer(process.stdout.readline().strip())
        bench = Bench(folder, server, provider)
        warm_up()
        expected = bench.drop("undisturbed", 999)
        started = time.monotonic()
        start_ingest(
            folder, server.url(), provider.base_url(latency_ms=200), ["undisturbed"], MORPHEUS_REQUESTS_IN_FLIGHT="2"
        ).join()
        usual = time.monotonic() - started
        print(f"undisturbed: {len(expected)} chunks in {usual:.1f} s, wrong {bench.wrong('undisturbed', expected)}")
        print(f"{'':>3} {'killed':9} {'at':>7} {'committed':>10} {'needed':>7} {'rows lost':>10} {'rows wrong':>11}"
              f" {'committed asked again':>22} {'in flight paid twice':>21} {'whole after s':>14}")  # fmt: skip
        deployment, environment = None, {}
        for number, kind in enumerate(KINDS, 1):
            if kind not in arguments.kinds.split(","):
                continue
            if kind in ("step", "postgres"):
                row = bench.in_process(kind, number, chance, usual)
            else:
                if deployment is None:
                    url = provider.base_url(latency_ms=200)
                    deployment = Deployment(folder, server.url(), provider.root, 3978)
                    environment = deployment.environment(SPACE, "crash") | {
                        "OPENAI_BASE_URL": url,
                        "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
                        "MORPHEUS_REQUESTS_IN_FLIGHT": "2",
                        "MORPHEUS_REEMBED_CRON": "0 2 * * *",
                    }
                    deployment.start("daemon", environment)
                    stack.callback(lambda made=deployment: made.end("daemon", hard=True))
                row = bench.by_itself(kind, number, chance, deployment, environment)
            counts = f"{row.kept:10} {row.needed:7} {row.lost:10} {row.wrong:11} {row.again:22} {row.twice:21}"
            print(f"{number:3} {row.kind:9} {row.killed_at:>7} {counts} {row.seconds:14.1f}", flush=True)
        bench.engine.dispose()


if __name__ == "__main__":
    main()
