"""How near a quote, a close paraphrase and a free question come: cosine of the passage, and of its best sentence.

    python -m bench.quotes http://127.0.0.1:8000 NOVELS_FOLDER [--questions queries.tsv]

Needs a running API that has the novels of paraphrases.tsv; the folder holds their text files.
"""

import argparse
import csv
import random
import time
from pathlib import Path

import httpx

from bench.serving_setup import percentile
from morpheus_assets.text.formats import read_document
from morpheus_assets.text.sentences import sentence_spans


def ask(client: httpx.Client, question: str, novel: str, sentences: bool) -> tuple[list[dict], float]:
    started = time.perf_counter()
    options = {"q": question, "novel": novel, "kind": "text", "sentences": sentences}
    answer = client.get("/api/embeddings/search", params=options).raise_for_status().json()
    return answer["passages"], time.perf_counter() - started


def report(name: str, client: httpx.Client, asked: list[tuple[str, str, str]]) -> None:
    """`asked`: (novel, question, a piece of the sentence that is meant, or "")."""
    passage, best, ranks, plain, full = [], [], [], [], []
    for novel, question, meant in asked:
        plain.append(ask(client, question, novel, False)[1])
        hits, seconds = ask(client, question, novel, True)
        full.append(seconds)
        own = [hit for hit in hits if " ".join(meant.split()) in " ".join(hit["passage"].split())]
        ranks.append(own[0]["rank"] if own else 99)
        chosen = (own or hits)[0]
        passage.append(chosen["passage_similarity"] or 0.0)
        best.append(max(hit["similarity"] or 0.0 for hit in hits))
    many = len(asked)
    print(
        f"{name:26}{many:5}  passage p50 {percentile(passage, 0.5):.2f} >.8 {sum(v > 0.8 for v in passage) / many:4.0%}"
        f"   best sentence p10 {percentile(best, 0.1):.2f} p50 {percentile(best, 0.5):.2f}"
        f" >.8 {sum(v > 0.8 for v in best) / many:4.0%}   rank 1 {sum(r == 1 for r in ranks) / many:4.0%}"
        f" top 10 {sum(r <= 10 for r in ranks) / many:4.0%}"
        f"   ms p50 {1000 * percentile(plain, 0.5):.0f} -> {1000 * percentile(full, 0.5):.0f}",
        flush=True,
    )


def quotes(folder: Path, novel: str, count: int) -> list[tuple[str, str, str]]:
    text = (folder / f"{novel}.txt").read_text(encoding="utf-8-sig")
    body = text[len(text) // 10 : len(text) * 8 // 10]
    found = [" ".join(body[start:end].split()) for start, end in sentence_spans(body)]
    found = [sentence for sentence in found if 6 <= len(sentence.split()) <= 40]
    return [(novel, sentence, sentence) for sentence in random.Random(7).sample(found, count)]


def meant(folder: Path, row: dict[str, str]) -> str:
    """The sentence that a paraphrase means, by its place in the novel's text with single spaces."""
    name = f"{row['novel']}.txt"
    text = " ".join(read_document((folder / name).read_bytes(), name).text.split())
    start = int(row["start"])
    return text[start : start + int(row["length"])].strip("“”")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("api")
    parser.add_argument("novels", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--count", type=int, default=60)
    options = parser.parse_args()
    with (Path(__file__).parent / "paraphrases.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    with httpx.Client(base_url=options.api, timeout=60, trust_env=False) as client:
        for novel in sorted({row["novel"] for row in rows}):
            report(f"quote, {novel}"[:26], client, quotes(options.novels, novel, options.count // 2))
        close = [(row["novel"], row["paraphrase"], meant(options.novels, row)) for row in rows]
        report("close paraphrase", client, close)
        if options.questions:
            with options.questions.open(encoding="utf-8", newline="") as file:
                free = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
            known = {row["novel"] for row in rows}
            asked = [
                (row["novel_file"].removesuffix(".txt"), row["query"], row["evidence"])
                for row in free
                if row["novel_file"].removesuffix(".txt") in known
            ]
            report("free question", client, asked)


if __name__ == "__main__":
    main()
