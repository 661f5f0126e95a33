"""The local text model beside sentence-transformers in fp32: passages a second and core, cosines, start, memory.

    .venv/bin/python -m bench.local_model [--threads 1 2] [--rounds 3]

Both embed the same 64 passages of 254 word pieces in one process, in turn; each figure is the best of its rounds, and
a second and core counts the processor time of the process, so that other work on the machine weighs little. One thread
is pinned to one core.
"""

import argparse
import os
import resource
import subprocess
import sys
import time

PASSAGES, PIECES = 64, 254
_START = """
import time; begin = time.perf_counter()
from morpheus_assets.embedding.local_text import loading
{load}
encoder.encode(["What does the whale mean to the captain?"], "query")
import resource
print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
_LOADS = {
    "sentence-transformers": (
        "from morpheus_assets.embedding.local_text.torch_encoder import TorchEncoder\n"
        "encoder = TorchEncoder(loading.load_sentence_transformer(loading.PACKAGED_MODEL))"
    ),
    "the product": "encoder = loading.load_encoder(loading.PACKAGED_MODEL)",
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--compare", type=int, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.compare:
        compare(given.compare, given.rounds)
        return
    for name, load in _LOADS.items():
        out = subprocess.run(
            [sys.executable, "-c", _START.format(load=load)], capture_output=True, text=True, check=True
        )
        seconds, megabytes = map(float, out.stdout.split())
        print(f"{name:<24} first answer of a new process after {seconds:5.2f} s, {megabytes:6.0f} MB")
    for threads in given.threads:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, "-m", "bench.local_model", "--compare", str(threads), "--rounds", str(given.rounds)]
        subprocess.run(command, check=True, env=environment)


def compare(threads: int, rounds: int) -> None:
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from morpheus_assets.embedding.local_text.loading import PACKAGED_MODEL, load_encoder, load_sentence_transformer
    from morpheus_assets.embedding.local_text.torch_encoder import TorchEncoder

    texts = passages()
    ours = load_encoder(PACKAGED_MODEL, threads)
    import torch

    torch.set_num_threads(threads)
    theirs = TorchEncoder(load_sentence_transformer(PACKAGED_MODEL))
    encoders = {"sentence-transformers": theirs, "the product": ours}
    cosines = (ours.encode(texts, "document") * theirs.encode(texts, "document")).sum(axis=1)
    best = dict.fromkeys(encoders, (float("inf"), float("inf")))
    for _ in range(rounds):
        for name, encoder in encoders.items():
            wall, cpu = time.perf_counter(), time.process_time()
            encoder.encode(texts, "document")
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[name] = (min(best[name][0], wall), min(best[name][1], cpu))
    load = os.getloadavg()[0]
    print(f"\n{threads} thread{'s' if threads > 1 else ', pinned'}; load {load:.1f}; cosine {cosines.mean():.6f} in the"
          f" mean, {cosines.min():.6f} at least")  # fmt: skip
    for name, (wall, cpu) in best.items():
        runtime = encoders[name].runtime
        print(
            f"{name:<24}{runtime:<16}{PASSAGES / wall:7.1f} a second {PASSAGES / cpu:7.1f} a second and core"
            f" {best['sentence-transformers'][1] / cpu:6.2f}x"
        )
    print(f"peak memory of both together {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def passages() -> list[str]:
    """Passages of War and Peace of exactly so many word pieces."""
    from bench.deployment import SHARED_NOVELS
    from morpheus_assets.text.chunking.tokens import tokenizer

    text = (SHARED_NOVELS / "war-and-peace-latin1.txt").read_text("latin-1")[20_000:400_000]
    encode = tokenizer().encode
    offsets = encode(text, add_special_tokens=False).offsets
    found: list[str] = []
    for start in range(0, len(offsets) - PIECES, PIECES):
        passage = text[offsets[start][0] : offsets[start + PIECES - 1][1]]
        if len(encode(passage, add_special_tokens=False).ids) == PIECES:
            found.append(passage)
    return found[:PASSAGES]


if __name__ == "__main__":
    main()
