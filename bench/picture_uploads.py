"""Memory of the API while many small files arrive that decode to gigantic pictures, and how searches fare meanwhile.

python -m bench.picture_uploads --uploads 100      (each 79 kB, 8000 × 8000 pixels, all sent at once)
"""

import argparse
import io
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from PIL import Image

from bench.serving_setup import percentile, serving

NOVEL = Path(__file__).resolve().parents[1] / "morpheus_assets" / "samples" / "novels"
SIDE = 8000


@dataclass(frozen=True)
class Measured:
    """Bytes of memory before, at the most, and after; statuses of the uploads; seconds of each search."""

    before: int
    most: int
    after: int
    statuses: Counter[int]
    searches: list[float]
    seconds: float


def grey(number: int) -> bytes:
    """A grey PNG, no two alike."""
    picture, data = Image.new("L", (SIDE, SIDE), 200), io.BytesIO()
    picture.putpixel((number, 0), 0)
    picture.save(data, "PNG")
    return data.getvalue()


def measure(url: str, pid: int, uploads: int) -> Measured:
    """Send all uploads at once to the API at `url`, and two searches a second until the last is answered."""
    process, ended = psutil.Process(pid), threading.Event()
    sizes, searches = [process.memory_info().rss], []
    files = [grey(number) for number in range(uploads)]

    def watch() -> None:
        while not ended.wait(0.02):
            sizes.append(process.memory_info().rss)

    def search() -> None:
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            while not ended.wait(0.5):
                begun = time.perf_counter()
                asked = {"q": f"the lamp at night {len(searches)}", "kind": "text"}
                client.get("/api/embeddings/search", params=asked).raise_for_status()
                searches.append(time.perf_counter() - begun)

    def upload(data: bytes) -> int:
        sent = {"file": ("page.png", data)}
        with httpx.Client(timeout=300, trust_env=False) as client:
            return client.post(f"{url}/api/embeddings/image", files=sent).status_code

    beside = [threading.Thread(target=each) for each in (watch, search)]
    for thread in beside:
        thread.start()
    begun = time.perf_counter()
    with ThreadPoolExecutor(uploads) as pool:
        statuses = Counter(pool.map(upload, files))
    seconds = time.perf_counter() - begun
    ended.set()
    for thread in beside:
        thread.join()
    return Measured(sizes[0], max(sizes), process.memory_info().rss, statuses, searches, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=100)
    parser.add_argument("--port", type=int, default=8197)
    parser.add_argument("--space", default="openai/text-embedding-3-small@256")
    options = parser.parse_args()
    [novel, *_] = sorted(NOVEL.iterdir())
    with serving(novel, options.space, 20, options.port) as bench:
        httpx.get(f"{bench.api_url}/api/embeddings/search", params={"q": "the lamp"}, timeout=30).raise_for_status()
        # the model is loaded once, which is not what is measured
        with httpx.Client(timeout=120, trust_env=False) as client:
            client.post(f"{bench.api_url}/api/embeddings/image", files={"file": ("page.png", grey(SIDE - 1))})
        own = [child.pid for child in psutil.Process().children() if "serve" in child.cmdline()]
        found = measure(bench.api_url, own[0], options.uploads)
    sizes = " / ".join(f"{size / 1e6:,.0f}" for size in (found.before, found.most, found.after))
    print(f"memory before / most / after: {sizes} MB; {found.seconds:.1f} s; statuses {dict(found.statuses)}")
    print(f"{len(found.searches)} searches: p50 {percentile(found.searches, 0.5):.3f} s,", end=" ")
    print(f"p95 {percentile(found.searches, 0.95):.3f} s, longest {max(found.searches):.3f} s")


if __name__ == "__main__":
    main()
