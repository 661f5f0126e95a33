"""Reads one hostile file in a process of its own and says what became of it, its processor time and its memory."""

import os
import resource
from dataclasses import dataclass
from multiprocessing.connection import Connection

from morpheus_assets_tests.fixtures.forked_processes import context
from morpheus_assets_tests.hostile.containers import MEGABYTE
from morpheus_assets_tests.hostile.files import IMAGES, TEXTS, HostileFile


@dataclass(frozen=True)
class Measured:
    """What became of a file; `megabytes` above what the process had, the file's own bytes included."""

    outcome: str
    said: str
    right: bool
    seconds: float
    megabytes: int
    size: int
    chapters: int = 0
    chunks: int = 0


def measure(kind: str, number: int, limit: float = 300.0) -> Measured:
    """Read row `number` of the texts or images; a process that outlives `limit` seconds is killed."""
    processes = context()
    receiving, sending = processes.Pipe(duplex=False)
    process = processes.Process(target=_measure, args=(kind, number, sending), daemon=True)
    process.start()
    sending.close()
    try:
        if not receiving.poll(limit):
            return Measured("never ended", f"killed after {limit:g} s", False, limit, 0, 0)
        return receiving.recv()
    except EOFError:
        process.join(5)
        return Measured("died", f"exit code {process.exitcode}", False, 0, 0, 0)
    finally:
        process.kill()
        process.join()


def _measure(kind: str, number: int, sending: Connection) -> None:
    row = (TEXTS if kind == "text" else IMAGES)[number]
    # Made elsewhere: what it takes to make the file must not count as what it takes to read it.
    data = _made_apart(row)
    _forget_peak()
    before = _resident()
    started = _worked()
    try:
        chapters, chunks, text = _read_text(data, row) if kind == "text" else _read_image(data, row)
        outcome, said, right = "read", "", row.check(text)
    except Exception as error:
        outcome, said, right = "refused", f"{type(error).__name__}: {error}", True
        chapters = chunks = 0
    seconds = _worked() - started
    used = max(0, _peak() - before) // MEGABYTE
    sending.send(Measured(outcome, said, right, seconds, used, len(data), chapters, chunks))


def _worked() -> float:
    """Seconds of processor time of this process and of those that it waited for: other work adds nothing to them."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _read_text(data: bytes, row: HostileFile) -> tuple[int, int, str]:
    from morpheus_assets.text.chapters.find import find_chapters
    from morpheus_assets.text.chunking.chunks import ChunkerSettings, cut_chunks
    from morpheus_assets.text.formats import read_document

    document = read_document(data, row.name)
    chapters = find_chapters(document)
    chunks = 0
    for chunk in cut_chunks(document.text, chapters, ChunkerSettings()):
        assert document.text[chunk.char_start : chunk.char_end] == chunk.body
        chunks += 1
    return len(chapters), chunks, document.text


def _read_image(data: bytes, row: HostileFile) -> tuple[int, int, str]:
    from morpheus_assets.images.decoding import decode_panel

    panel = decode_panel(data, row.name, max_pixels=64_000_000)
    return 0, 0, f"{panel.width} × {panel.height}"


def _made_apart(row: HostileFile) -> bytes:
    import os

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "wb") as target:
            target.write(row.make())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as source:
        data = source.read()
    os.waitpid(child, 0)
    return data


def _forget_peak() -> None:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _peak() -> int:
    with open("/proc/self/status") as file:
        [line] = [line for line in file if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
