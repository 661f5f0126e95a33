"""What must hold of a deployment in the soak: all the time, and at quiet points when all is whole again."""

import asyncio
import hashlib
import itertools
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO

import httpx
import numpy as np
import psutil
import psycopg
from PIL import Image

from bench.soak_actions import SoakActions
from bench.soak_deployment import SoakDeployment
from morpheus_assets.domain.spaces import SpaceName
from morpheus_assets.embedding.clip.identity import resolve_clip_space
from morpheus_assets.embedding.providers.open_clip import OpenClipProvider, open_provider
from morpheus_assets.images.shaping import region_hash
from morpheus_assets.services.model_change import REFERENCES
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

TEXT_SPACES = {"openai-text-embedding-3-small-256", "openai-text-embedding-3-small-128"}
# How long a deployment may take to be whole once nothing is done to it any more: a run that failed waits a minute.
WHOLE_SECONDS = 300.0
# How long what was refused or failed may wait for the person who looks after it.
PERSON_AFTER = 90.0
# Readings of the reference texts of a space within an hour: one, and again when its answer was lost or its run ended.
MOST_READINGS = 4
# halfvec keeps 11 bits of a number below one.
CLOSE = 2e-3


class Violation(Exception):
    """An invariant does not hold; the message says which and how."""


class SoakInvariants:
    """Looks at the deployment all the time, and on request when it is quiet."""

    def __init__(self, deployment: SoakDeployment, actions: SoakActions) -> None:
        self.at, self.actions = deployment, actions
        actions.forget_committed = self._forget
        # When a hash was first seen to be committed, by the dimensions of the space.
        self._committed: dict[int, dict[bytes, float]] = defaultdict(dict)
        self._unanswered: list[str] = []
        self._journal_seen = self._of_references = 0
        self._references: Counter[int] = Counter()
        self._unbooked_before = 0
        self._questions = {_sha256(each) for each in ("a ship", "winter lantern")}
        self._model: OpenClipProvider | None = None
        self._regions: dict[bytes, np.ndarray] = {}
        self.unbooked = self.searches = self.helped = 0
        self.slowest = 0.0

    # --- all the time -------------------------------------------------------------------------------------------

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Search twice a second, and note what is committed, while the block runs."""
        end = threading.Event()
        threads = [threading.Thread(target=work, args=(end,), daemon=True) for work in (self._search, self._sample)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            end.set()
            for thread in threads:
                thread.join(20)

    def _search(self, end: threading.Event) -> None:
        for number in itertools.count():
            if end.wait(0.5):
                return
            # every fourth question is one that the provider has to be asked for
            question = f"winter lantern {number}" if number % 4 == 0 else "winter lantern"
            self._questions.add(_sha256(question))
            began, said = time.monotonic(), ""
            try:
                answer = httpx.get(f"{self.at.api}/api/embeddings/search", params={"q": question}, timeout=20)
                said = "" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"
            except httpx.HTTPError as fault:
                said = type(fault).__name__
            # one that was sent while the API was starting again waits for it
            if began > self.actions.away_until:
                self.searches += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                if said:
                    self._unanswered.append(f"{time.strftime('%H:%M:%S')} {said}")

    def _sample(self, end: threading.Event) -> None:
        while not end.wait(1.5):
            with self.actions.dropping, suppress(psycopg.Error, OSError, RuntimeError, AssertionError):
                for _, number, size in self.at.spaces().values():
                    found = self.at.rows(f"SELECT content_hash FROM embeddings_{number}")
                    now, known = time.time(), self._committed[size]
                    for (content_hash,) in found:
                        known.setdefault(bytes(content_hash), now)

    def _forget(self, dimensions: int) -> None:
        self._committed[dimensions].clear()

    # --- at quiet points ----------------------------------------------------------------------------------------

    def quiet(self, say: Callable[[str], None]) -> float:
        """Wait until all is whole, check everything, and return the seconds that it took. Raises Violation."""
        began, why, helped, told = time.monotonic(), "nothing was looked at", False, 30.0
        while True:
            try:
                why = self._why_not_whole()
            except Violation:
                raise
            except Exception as fault:
                why = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"
            if not why:
                break
            waited = time.monotonic() - began
            if waited > WHOLE_SECONDS:
                raise Violation(f"not whole after {WHOLE_SECONDS:.0f} s: {why}")
            if waited > told:
                told += 30
                say(f"not whole after {waited:.0f} s: {why}")
            if waited > PERSON_AFTER and not helped:
                helped = True
                self._help()
            time.sleep(1)
        took = time.monotonic() - began
        self._check_passages()
        self._check_regions()
        self._check_asked_again()
        self._check_spending()
        self._check_removed()
        self._check_left_over()
        if self._unanswered:
            raise Violation(f"{len(self._unanswered)} searches were not answered: {self._unanswered[:4]}")
        return took

    def _help(self) -> None:
        """What a person does who finds inputs refused, or runs failed or cancelled: have them tried again."""
        self.helped += 1
        self.at.command("refused", "retry", "--all")
        with suppress(Exception):
            self.at.project.launch_job("ingest_unfinished")

    def _why_not_whole(self) -> str:
        running = self.at.parts()
        if running is None:
            raise Violation(f"`up` has ended ({self.at.project.exit_code}): " + self.at.said()[-600:])
        down = {name: state for name, state in running.states.items() if state != "ok"}
        if down:
            return f"parts {down}"
        actions = self.actions
        stays = actions.texts.keys() | actions.pages.keys()
        for novel in sorted(actions.removed - stays):
            if self.at.rows("SELECT 1 FROM novels WHERE novel = %s", (novel,)):
                self.at.command("remove", novel, "--yes")
        for novel in sorted(actions.texts.keys() - actions.pages.keys()):
            # only its pictures are gone
            if self._has_pages(novel):
                self.at.command("remove", novel, "--yes")
        for novel in sorted(actions.pages.keys() - actions.texts.keys()):
            # only its text is
            if self.at.rows("SELECT 1 FROM novels WHERE novel = %s AND body_digest IS NOT NULL", (novel,)):
                self.at.command("remove", novel, "--yes")
        at_work = self.at.at_work()
        if at_work:
            return f"runs at work: {len(at_work)}"
        return self._why_not_as_files() or self._why_not_cut() or self._why_not_embedded()

    def _has_pages(self, novel: str) -> bool:
        query = "SELECT 1 FROM pages p JOIN novels n ON n.id = p.novel_id WHERE n.novel = %s LIMIT 1"
        return bool(self.at.rows(query, (novel,)))

    def _why_not_as_files(self) -> str:
        stored = dict(self.at.rows("SELECT novel, source_digest FROM novels WHERE body_digest IS NOT NULL"))
        wanted = {novel: hashlib.sha256(text.encode()).hexdigest() for novel, text in self.actions.texts.items()}
        wrong = [novel for novel in wanted.keys() | stored.keys() if stored.get(novel) != wanted.get(novel)]
        if wrong:
            return f"not as their files: {sorted(wrong)[:4]}"
        query = "SELECT n.novel, p.path, p.content_hash FROM pages p JOIN novels n ON n.id = p.novel_id"
        pages = {(novel, path.rpartition("/")[2]): bytes(digest or b"") for novel, path, digest in self.at.rows(query)}
        files = {
            (novel, name): hashlib.sha256(data).digest()
            for novel, names in self.actions.pages.items()
            for name, data in names.items()
        }
        differ = sorted(place for place in pages.keys() | files.keys() if pages.get(place) != files.get(place))
        return f"pages not as their files: {differ[:4]}" if differ else ""

    def _why_not_cut(self) -> str:
        # a run that was ended between the text and its chunks is followed by another
        query = (
            "SELECT n.novel, sum(c.char_end - c.char_start) FROM novel_chunks c JOIN novels n ON n.id = c.novel_id"
            " GROUP BY n.novel"
        )
        covered = dict(self.at.rows(query))
        for novel, text in self.actions.texts.items():
            if covered.get(novel, 0) < 0.9 * len(text):
                return f"the passages of {novel} are {covered.get(novel, 0)} of its {len(text)} characters"
        return ""

    def _why_not_embedded(self) -> str:
        states = self.at.spaces()
        if set(states) != TEXT_SPACES:
            return f"spaces are {states}"
        for key, (state, number, _) in states.items():
            lacking = self.at.rows(
                f"SELECT count(DISTINCT c.content_hash) FROM chunks c LEFT JOIN embeddings_{number} e"
                " USING (content_hash) WHERE e.content_hash IS NULL"
            )[0][0]
            # a library that was emptied before the first novel had been embedded has nothing to be ready with
            waits = state == "building" and not self.actions.texts
            if lacking or not (waits or state in ("ready", "active")):
                return f"{key} is {state} and lacks {lacking}"
        for key, (state, number, _) in self.at.spaces("image").items():
            [(lacking, uncut)] = self.at.rows(
                "SELECT count(*) FILTER (WHERE e.content_hash IS NULL), count(*) FILTER (WHERE p.kind = 'uncut')"
                f" FROM panels p LEFT JOIN embeddings_{number} e USING (content_hash) WHERE p.shaping = 2"
            )
            if lacking or uncut:
                return f"{key} is {state} and lacks {lacking} regions; {uncut} pages are uncut"
        return ""

    def _check_passages(self) -> None:
        """Each passage has exactly the vector of its text in each space, and stands where its novel has it."""
        bodies = {bytes(hashed): body for hashed, body in self.at.rows("SELECT content_hash, body FROM passages")}
        for hashed, body in bodies.items():
            if hashlib.sha256(body.encode()).digest() != hashed:
                raise Violation(f"a passage does not have the hash of its text: {body[:60]!r}")
        for key, (_, number, size) in self.at.spaces().items():
            found = {
                bytes(hashed): np.asarray(json.loads(vector), np.float32)
                for hashed, vector in self.at.rows(f"SELECT content_hash, embedding::text FROM embeddings_{number}")
            }
            # vectors of passages that no novel holds any more stay until the night
            known = [hashed for hashed in found if hashed in bodies]
            true = vectors_of([bodies[hashed] for hashed in known], size)
            for hashed, vector in zip(known, true, strict=True):
                if np.abs(found[hashed] - vector).max() > CLOSE:
                    raise Violation(f"{key} holds another vector than that of the text {bodies[hashed][:60]!r}")
        query = (
            "SELECT c.char_start, c.char_end, c.body FROM novel_chunks c JOIN novels n ON n.id = c.novel_id"
            " WHERE n.novel = %s"
        )
        for novel, text in self.actions.texts.items():
            for start, end, body in self.at.rows(query, (novel,)):
                if text[start:end] != body:
                    raise Violation(f"a passage of {novel} is not its text at {start}")

    def _check_regions(self) -> None:
        """Each region has the hash of its pixels, and exactly the vector that the model gives for them."""
        query = (
            "SELECT n.novel, p.path, r.x0, r.y0, r.x1, r.y1, r.content_hash FROM regions r"
            " JOIN pages p ON p.id = r.page_id JOIN novels n ON n.id = p.novel_id"
        )
        crops: dict[bytes, Image.Image] = {}
        for novel, path, left, top, right, bottom, hashed in self.at.rows(query):
            page = Image.open(BytesIO(self.actions.pages[novel][path.rpartition("/")[2]])).convert("RGB")
            crop = page.crop((left, top, right, bottom))
            if region_hash(crop) != bytes(hashed):
                raise Violation(f"a region of {novel}/{path} does not have the hash of its pixels")
            crops[bytes(hashed)] = crop
        fresh = [hashed for hashed in crops if hashed not in self._regions]
        if fresh:
            if self._model is None:
                self._model = open_provider(
                    resolve_clip_space(SpaceName("open_clip", "demo"), cache_folder=None), threads=1
                )
            for start in range(0, len(fresh), 32):
                some = fresh[start : start + 32]
                answer = asyncio.run(self._model.embed([crops[hashed] for hashed in some], "document"))
                self._regions.update(zip(some, answer.embeddings, strict=True))
        for key, (_, number, _) in self.at.spaces("image").items():
            for hashed, text in self.at.rows(f"SELECT content_hash, embedding::text FROM embeddings_{number}"):
                true = self._regions.get(bytes(hashed))
                if true is not None and np.abs(np.asarray(json.loads(text), np.float32) - true).max() > CLOSE:
                    raise Violation(f"{key} holds another vector than that of the region {bytes(hashed).hex()[:12]}")

    def _check_asked_again(self) -> None:
        """Nothing was asked for after it had been seen to be committed in that space."""
        journal = self.at.journal()
        fresh, self._journal_seen = journal[self._journal_seen :], len(journal)
        again = 0
        for arrived, _, tokens, hashes, size in fresh:
            known = [self._committed[size].get(bytes.fromhex(each), arrived) < arrived for each in hashes]
            if all(known) and len(hashes) <= REFERENCES:
                # a reading of the reference texts before the first write of an hour
                self._references[size] += 1
                self._of_references += tokens
            elif any(known):
                again += sum(known)
                when = time.strftime("%H:%M:%S", time.localtime(arrived))
        if again:
            raise Violation(f"{again} inputs that had been committed were asked for again, at last at {when}")
        most = MOST_READINGS * (1 + self.at.hours_forward)
        if max(self._references.values(), default=0) > most:
            raise Violation(f"the reference texts of a space were asked for {dict(self._references)} times")

    def _check_spending(self) -> None:
        """No more is booked than was counted; and no less, when no process was ended since the last look.

        The API books what questions cost once a minute, so of them only the first is asked.
        """
        for patience in (0, 2, 8):
            time.sleep(patience)
            query = (
                "SELECT coalesce(sum(tokens) FILTER (WHERE novel IS NULL), 0)::bigint,"
                " coalesce(sum(tokens) FILTER (WHERE novel IS NOT NULL), 0)::bigint,"
                " coalesce(sum(uncertain_tokens), 0)::bigint FROM spending WHERE space_key = ANY(%s)"
            )
            # what the image model reads here is in the books too, and no provider counts it
            [(of_questions, booked, uncertain)] = self.at.rows(query, (sorted(TEXT_SPACES),))
            asked, counted = self._counted()
            asked, counted = asked + self._of_references, counted - self._of_references
            self.unbooked = counted - booked - uncertain
            lacks = self.unbooked - self._unbooked_before
            if of_questions <= asked and booked <= counted and (self.actions.disturbed or lacks <= 0):
                break
        else:
            if of_questions > asked or booked > counted:
                raise Violation(
                    f"{booked} tokens of novels and {of_questions} of questions are booked, and the provider counted"
                    f" {counted} and {asked}"
                )
            raise Violation(f"{lacks} tokens that the provider counted are not booked, and nothing was ended")
        self._unbooked_before = self.unbooked
        self.actions.disturbed = False

    def _counted(self) -> tuple[int, int]:
        """Tokens of questions and of everything else that the provider let in."""
        of_questions = of_novels = 0
        for _, _, tokens, hashes, _ in self.at.journal():
            if set(hashes) <= self._questions:
                of_questions += tokens
            else:
                of_novels += tokens
        return of_questions, of_novels

    def _check_removed(self) -> None:
        """Nothing of a novel that is gone is found, by its name or among all."""
        stays = self.actions.texts.keys() | self.actions.pages.keys()
        for novel in sorted(self.actions.removed - stays):
            found = httpx.get(
                f"{self.at.api}/api/embeddings/search", params={"q": "a ship", "novel": novel}, timeout=20
            )
            if found.status_code != 404:
                raise Violation(f"{novel} was removed and is answered with {found.status_code}")
        answer = httpx.get(
            f"{self.at.api}/api/embeddings/search", params={"q": "winter lantern", "limit": 100}, timeout=20
        ).json()
        of = {hit["novel"] for hit in [*answer.get("passages", []), *answer.get("panels", [])]}
        if of - stays:
            raise Violation(f"hits are of novels that are gone: {sorted(of - stays)}")

    def _check_left_over(self) -> None:
        """No process of a run, claim, lock or temporary file is left while nothing runs."""
        left: list[str] = []
        for _ in range(20):
            left = self._left_over()
            if not left:
                return
            time.sleep(1)
        raise Violation(f"while nothing runs there are left: {left}")

    def _left_over(self) -> list[str]:
        left = []
        claims = self.at.rows("SELECT count(*) FROM embedding_claims")[0][0]
        if claims:
            left.append(f"{claims} claims")
        locks = self.at.rows(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        )[0][0]
        if locks:
            left.append(f"{locks} advisory locks")
        expired = self.at.rows("SELECT count(*) FROM leases WHERE expires_at < now() - interval '2 minutes'")[0][0]
        if expired and not self.at.offset:
            left.append(f"{expired} expired leases")
        stuck = self.at.rows(
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            " AND state_change < clock_timestamp() - interval '20 seconds'"
        )[0][0]
        if stuck:
            left.append(f"{stuck} open transactions")
        processes = self.at.run_processes()
        if processes:
            left.append(f"{len(processes)} processes of runs")
        left += [str(path) for path in self.at.project.folder.rglob("*.new") if path.is_file()]
        return left

    def after_the_end(self) -> None:
        """`up` has ended as it was told to, and no process of the deployment lives. Raises Violation."""
        code, said = self.at.project.exit_code, self.at.said().rstrip()
        if code != 0 or not said.endswith("Stopped."):
            raise Violation(f"`up` ended with {code} when it was interrupted: {said[-300:]}")
        wanted = str(self.at.project.folder / "data")
        for _ in range(20):
            left = [each for each in psutil.process_iter() if _is_of(each, wanted)]
            if not left:
                return
            time.sleep(1)
        raise Violation(f"processes are left after the end: {[' '.join(each.cmdline())[:80] for each in left]}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_of(process: psutil.Process, data_folder: str) -> bool:
    try:
        return process.environ().get("MORPHEUS_DATA_FOLDER") == data_folder
    except psutil.Error:
        return False
