"""What the soak does to a deployment, an action a method, and what must be in it afterwards.

An action is given a source of chance of its own, so that it does the same when others are left out of a schedule.
"""

import random
import shutil
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import psycopg
from PIL import Image, ImageDraw

from bench.soak_deployment import PROVIDER_FAULTS, TEXT_SPACES, SoakDeployment
from morpheus_assets_tests.defs.assets.ingest_process import start_ingest
from morpheus_assets_tests.fixtures.deployment import story

# How often each is drawn.
WEIGHTS = {
    "add": 5, "edit": 4, "rename": 1, "remove": 1, "add_page": 3, "edit_page": 2, "rename_page": 1, "remove_page": 1,
    "remove_pages": 1, "kill": 4, "kill_run": 2, "stop": 2, "restart_postgres": 1, "recycle_backends": 2,
    "cancel_runs": 1, "switch": 1, "drop_space": 1, "reembed": 1, "backfill": 1, "provider_fault": 4, "full_disk": 1,
    "clock_step": 1, "second_deployment": 2, "wait": 2,
}  # fmt: skip
# How long searches may be unanswered after what they stand on was taken away; `up` itself starts within a minute.
_AWAY = {"postgres": 40.0, "pooler": 15.0, "api": 40.0, "up": 90.0}
_WINDOW = 40.0
# Three deaths of a part within a minute end `up`, as they should; a death is noticed some seconds later.
_DEATHS_WITHIN, _FEWER_THAN_ITS_END = 75.0, 2


class SoakActions:
    """The actions, and the content that they leave: texts and pictures by their novel, and what was taken away."""

    def __init__(self, deployment: SoakDeployment) -> None:
        self.at = deployment
        self.texts: dict[str, str] = {}
        self.all_texts: list[str] = []
        self.pages: dict[str, dict[str, bytes]] = {}
        self.removed: set[str] = set()
        self.away_until = 0.0
        # What a run had paid for and not yet booked when it was ended is not in the books.
        self.disturbed = False
        self.forget_committed: Callable[[int], None] = lambda dimensions: None
        self.dropping = threading.Lock()
        self._died: defaultdict[str, list[float]] = defaultdict(list)
        self._panels = deployment.project.folder / "content" / "panels"

    # --- content ------------------------------------------------------------------------------------------------

    def add(self, chance: random.Random) -> None:
        """A new novel of one to five chapters."""
        novel = f"novel-{chance.randrange(1000):03}"
        self._write(novel, story(chapters=chance.randint(1, 5), paragraphs=5, seed=chance.randrange(10**6)))

    def edit(self, chance: random.Random) -> None:
        """A paragraph more somewhere in a novel."""
        novel = self._any(chance)
        if novel:
            paragraphs = self.texts[novel].split("\n\n")
            paragraphs.insert(chance.randrange(1, len(paragraphs)), f"A new thought, number {chance.random()}.")
            self._write(novel, "\n\n".join(paragraphs))

    def rename(self, chance: random.Random) -> None:
        """The same text under another name."""
        novel = self._any(chance)
        if novel:
            fresh = f"renamed-{chance.randrange(1000):03}"
            novels = self.at.project.novels_folder
            (novels / f"{novel}.txt").rename(novels / f"{fresh}.txt")
            self.texts[fresh] = self.texts.pop(novel)
            self.removed.add(novel)
            self.removed.discard(fresh)

    def remove(self, chance: random.Random) -> None:
        """A novel's file is gone."""
        novel = self._any(chance)
        if novel:
            (self.at.project.novels_folder / f"{novel}.txt").unlink()
            self.removed.add(novel)
            del self.texts[novel]

    def add_page(self, chance: random.Random) -> None:
        """A drawn page more, of a novel that is there or of one that has pictures alone."""
        novels = sorted(self.texts.keys() | self.pages.keys())
        novel = chance.choice(novels) if novels and chance.random() < 0.7 else f"strip-{chance.randrange(1000):03}"
        self._write_page(novel, f"{chance.randrange(1000):03}.png", _drawn(chance))

    def edit_page(self, chance: random.Random) -> None:
        """A page is drawn anew."""
        found = self._any_page(chance)
        if found:
            self._write_page(*found, _drawn(chance))

    def rename_page(self, chance: random.Random) -> None:
        """The same picture under another name."""
        found = self._any_page(chance)
        if found:
            novel, name = found
            fresh = f"r{chance.randrange(1000):03}.png"
            (self._panels / novel / name).rename(self._panels / novel / fresh)
            self.pages[novel][fresh] = self.pages[novel].pop(name)

    def remove_page(self, chance: random.Random) -> None:
        """A picture is gone; with the last one its folder is."""
        found = self._any_page(chance)
        if found:
            novel, name = found
            if len(self.pages[novel]) == 1:
                self._remove_folder(novel)
            else:
                (self._panels / novel / name).unlink()
                del self.pages[novel][name]

    def remove_pages(self, chance: random.Random) -> None:
        """All pictures of a novel are gone."""
        if self.pages:
            self._remove_folder(chance.choice(sorted(self.pages)))

    # --- processes ----------------------------------------------------------------------------------------------

    def kill(self, chance: random.Random) -> None:
        """kill -9 of a part, of `up` itself, or of the pooler."""
        parts = ["postgres", "code server", "webserver", "daemon", "api", "up", *(["pooler"] if self.at.pooled else [])]
        part = chance.choice([part for part in parts if self._may_die(part)])
        self._dies(part)
        self.at.signal(part, signal.SIGKILL)
        if part == "up":
            time.sleep(chance.uniform(0, 3))
            self._wait_for_the_end_of_up()
            self.at.start_again()
            self._away("up")

    def kill_run(self, chance: random.Random) -> None:
        """kill -9 of the process of a run."""
        self.disturbed = True
        for process in self.at.run_processes()[:1]:
            with suppress(Exception):
                process.kill()

    def stop(self, chance: random.Random) -> None:
        """A part hangs for some seconds."""
        part = chance.choice(["code server", "webserver", "daemon", "api"])
        self._away(part)
        self.at.signal(part, signal.SIGSTOP)
        time.sleep(chance.uniform(1, 6))
        self.at.signal(part, signal.SIGCONT)

    def restart_postgres(self, chance: random.Random) -> None:
        """As `pg_ctl restart -m fast`."""
        if self._may_die("postgres"):
            self._dies("postgres")
            self.at.signal("postgres", signal.SIGINT)

    def recycle_backends(self, chance: random.Random) -> None:
        """Every connection to the server ends."""
        self.disturbed = True
        self.at.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    def full_disk(self, chance: random.Random) -> None:
        """No byte is left on the database's disk for some seconds, in which a novel comes."""
        self._dies("postgres")
        with self.at.full_disk():
            self.add(chance)
            time.sleep(chance.uniform(4, 12))
        self._away("postgres")
        if self.at.start_again():
            self._away("up")

    def clock_step(self, chance: random.Random) -> None:
        """The clock of all processes is set: by seconds back, or by up to an hour forward."""
        self.at.step_clock(chance.choice([-40, -15, 15, 90, 600, 3600]))

    def second_deployment(self, chance: random.Random) -> None:
        """Another deployment ingests the same novel into the same database; every other one is killed."""
        novel = f"shared-{chance.randrange(1000):03}"
        self._write(novel, story(chapters=4, paragraphs=6, seed=chance.randrange(10**6)))
        environment = self.at.project.environment
        direct = {name: environment[name] for name in ("MORPHEUS_DIRECT_DATABASE_URL",) if name in environment}
        address = environment.get("MORPHEUS_DATABASE_URL") or self.at.project.database_url(driver="postgresql+psycopg")
        # as the first one wakes up to it
        time.sleep(chance.uniform(0, 5))
        beside = start_ingest(
            self.at.project.folder, address, environment["OPENAI_BASE_URL"], [novel], home="second",
            MORPHEUS_DATA_FOLDER=str(self.at.project.folder / "second"), MORPHEUS_TEXT_SPACES=TEXT_SPACES,
            MORPHEUS_DOTENV=environment["MORPHEUS_DOTENV"], **direct,
        )  # fmt: skip
        if chance.random() < 0.5:
            time.sleep(chance.uniform(1, 8))
            self.disturbed = True
            beside.kill()
        beside.join(45)
        if beside.is_alive():
            self.disturbed = True
            beside.kill()
            beside.join()

    # --- provider -----------------------------------------------------------------------------------------------

    def provider_fault(self, chance: random.Random) -> None:
        """The provider answers everything with one fault for some seconds, in which a novel comes."""
        fault = chance.choice(PROVIDER_FAULTS)
        share = chance.choice(["0.4", "1.0"])
        # an answer whose connection broke is in no book: whether it was charged for cannot be told
        self.disturbed |= fault in ("cut_body", "reset_body")
        self.at.provider.change(random=f"{fault}:{share}", delay=12)
        try:
            self.add(chance)
            time.sleep(chance.uniform(5, 12))
        finally:
            self.at.provider.change()

    # --- runs and spaces ----------------------------------------------------------------------------------------

    def cancel_runs(self, chance: random.Random) -> None:
        """Every run at work is cancelled, as from the UI."""
        self.disturbed = True
        with suppress(Exception):
            for run in self.at.at_work():
                self.at.project.ask("mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=run)

    def switch(self, chance: random.Random) -> None:
        """Another space answers, if it is ready."""
        spaces = [key for key, (state, _, _) in self.at.spaces().items() if state in ("ready", "active")]
        if spaces:
            self.at.command("spaces", "activate", chance.choice(spaces))

    def drop_space(self, chance: random.Random) -> None:
        """A space that does not answer is dropped with its vectors, and comes back as it is still configured."""
        standing = {key: size for key, (state, _, size) in self.at.spaces().items() if state in ("ready", "building")}
        if standing:
            key = chance.choice(sorted(standing))
            with self.dropping:
                if self.at.command("spaces", "retire", key):
                    self.at.command("spaces", "drop", key, "--yes")
                self.forget_committed(standing[key])

    def reembed(self, chance: random.Random) -> None:
        """`morpheus reembed`: now and not at night."""
        self.at.command("reembed", "--yes")

    def backfill(self, chance: random.Random) -> None:
        """The job that ingests whatever is unfinished."""
        with suppress(Exception):
            self.at.project.launch_job("ingest_unfinished")

    def wait(self, chance: random.Random) -> None:
        """Nothing happens for some seconds."""
        time.sleep(chance.uniform(2, 12))

    def spoil(self, chance: random.Random) -> None:
        """Not drawn: put the vector of another text in the place of one, to see that the soak notices."""
        for _, number, _ in self.at.spaces().values():
            with suppress(psycopg.Error):
                self.at.rows(
                    f"UPDATE embeddings_{number} SET embedding = (SELECT embedding FROM embeddings_{number}"
                    " ORDER BY content_hash LIMIT 1) WHERE content_hash ="
                    f" (SELECT content_hash FROM embeddings_{number} ORDER BY content_hash DESC LIMIT 1)"
                )

    # --- helpers ------------------------------------------------------------------------------------------------

    def _may_die(self, part: str) -> bool:
        lately = time.monotonic() - _DEATHS_WITHIN
        return part == "up" or sum(died > lately for died in self._died[part]) < _FEWER_THAN_ITS_END

    def _dies(self, part: str) -> None:
        self._died[part].append(time.monotonic())
        self._away(part)

    def _away(self, part: str) -> None:
        self.disturbed = True
        self.away_until = max(self.away_until, time.monotonic() + _AWAY.get(part, 0.0))

    def _wait_for_the_end_of_up(self) -> None:
        deadline = time.monotonic() + _WINDOW
        while self.at.project.exit_code is None and time.monotonic() < deadline:
            time.sleep(0.1)

    def _write(self, novel: str, text: str) -> None:
        _put(self.at.project.folder / "beside", self.at.project.novels_folder / f"{novel}.txt", text.encode())
        self.texts[novel] = text
        self.all_texts.append(text)
        self.removed.discard(novel)

    def _write_page(self, novel: str, name: str, data: bytes) -> None:
        (self._panels / novel).mkdir(exist_ok=True)
        _put(self.at.project.folder / "beside", self._panels / novel / name, data)
        self.pages.setdefault(novel, {})[name] = data
        self.removed.discard(novel)

    def _remove_folder(self, novel: str) -> None:
        shutil.rmtree(self._panels / novel)
        del self.pages[novel]
        if novel not in self.texts:
            self.removed.add(novel)

    def _any(self, chance: random.Random) -> str | None:
        return chance.choice(sorted(self.texts)) if self.texts else None

    def _any_page(self, chance: random.Random) -> tuple[str, str] | None:
        pages = sorted((novel, name) for novel, names in self.pages.items() for name in names)
        return chance.choice(pages) if pages else None


def _put(beside: Path, place: Path, data: bytes) -> None:
    beside.write_bytes(data)
    beside.rename(place)


def _drawn(chance: random.Random) -> bytes:
    """A page of two to four framed panels with a shape in each, as PNG."""
    page = Image.new("RGB", (360, 520), "white")
    draw = ImageDraw.Draw(page)
    rows = chance.randint(1, 2)
    for row in range(rows):
        for column in range(2):
            left, top = 10 + column * 175, 10 + row * 255
            colour = tuple(chance.randrange(256) for _ in range(3))
            draw.rectangle((left, top, left + 165, top + 245), fill=colour, outline="black", width=3)
            x, y = left + chance.randrange(20, 90), top + chance.randrange(20, 150)
            draw.ellipse((x, y, x + 60, y + 70), fill=tuple(chance.randrange(256) for _ in range(3)))
    output = BytesIO()
    page.save(output, "PNG")
    return output.getvalue()
