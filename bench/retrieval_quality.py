"""recall@10 of vector, full-text and hybrid search on the questions with known answers, with the local model.

    .venv/bin/python -m bench.retrieval_quality

A question counts as answered when one of the ten best passages lies in a chapter that answers it.
"""

import csv
import logging
import shutil
import time
from pathlib import Path

from bench.deployment import SHARED_NOVELS, ingest, throwaway
from morpheus_assets.cli.search import open_search


def main() -> None:
    logging.disable(logging.INFO)
    with (SHARED_NOVELS.parent / "queries.tsv").open(encoding="utf-8") as file:
        questions = list(csv.DictReader(file, delimiter="\t"))
    files = sorted({row["novel_file"] for row in questions})
    with throwaway() as settings:
        for name in files:
            shutil.copy(SHARED_NOVELS / name, settings.novels_folder / name)
        started = time.perf_counter()
        ingest(settings, *(Path(name).stem for name in files))
        print(f"ingested {len(files)} novels in {time.perf_counter() - started:.0f} s")
        with open_search(settings) as searching:
            print(f"{'mode':<8}{'within':<10}{'recall@1':>10}{'recall@10':>11}{'MRR':>8}")
            for within in ("novel", "corpus"):
                for mode in ("vector", "text", "hybrid"):
                    ranks = []
                    for row in questions:
                        novel = Path(row["novel_file"]).stem
                        wanted = {int(ordinal) for ordinal in row["accepted_chapter_ordinals"].split(";")}
                        only = novel if within == "novel" else None
                        hits = searching.passages(row["query"], k=10, novel=only, mode=mode).hits
                        found = [hit.rank for hit in hits if hit.novel == novel and hit.chapter in wanted]
                        ranks.append(min(found, default=0))
                    count = len(ranks)
                    first = sum(rank == 1 for rank in ranks) / count
                    ten = sum(rank > 0 for rank in ranks) / count
                    mrr = sum(1 / rank for rank in ranks if rank) / count
                    print(f"{mode:<8}{within:<10}{first:>10.3f}{ten:>11.3f}{mrr:>8.3f}")


if __name__ == "__main__":
    main()
