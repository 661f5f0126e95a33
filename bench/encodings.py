"""Right of n by encoding and number of characters beyond ASCII: `python -m bench.encodings [NOVELS_FOLDER]`.

Whole books and paragraphs of them are put into each encoding that can hold them, and read back.
"""

import random
import re
import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

from morpheus_assets.text.encoding.declarations import declared_in_text
from morpheus_assets.text.encoding.decoding import decode
from morpheus_assets_tests.text.encoding.paragraphs import OTHER_SCRIPTS, WESTERN, paragraphs_with

NOVELS = Path(__file__).resolve().parent.parent.parent / "shared/data/novels"
DASHES = str.maketrans({"—": "-", "–": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "œ": "oe", "Œ": "Oe"})


def text_of(path: Path) -> str:
    text = decode(path.read_bytes(), declared_in_text(path.read_bytes())).text
    return unicodedata.normalize("NFC", text)


def in_encoding(text: str, encoding: str) -> bytes | None:
    """The bytes, plain marks in the place of typographic ones that the encoding lacks; None where letters are lost."""
    for candidate in (text, text.translate(DASHES)):
        try:
            return candidate.encode(encoding)
        except UnicodeEncodeError:
            continue
    return None


def measure(folder: Path, seed: int = 1) -> tuple[dict[tuple[str, str], list[int]], list[str]]:
    table: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    misses = []

    def case(name: str, kind: str, text: str, encoding: str) -> None:
        data = in_encoding(text, encoding)
        if data is None or data.isascii():
            return
        got = decode(data, declared_in_text(data))
        right = got.text == data.decode(encoding)
        table[encoding, kind][0] += right
        table[encoding, kind][1] += 1
        if not right:
            true = data.decode(encoding)
            at = next((i for i, pair in enumerate(zip(true, got.text, strict=False)) if pair[0] != pair[1]), 0)
            misses.append(
                f"{encoding}/{kind} {name}: {got.encoding} {true[max(at - 12, 0) : at + 12]!r} -> "
                f"{got.text[max(at - 12, 0) : at + 12]!r} {got.repairs}"
            )

    rng = random.Random(seed)
    for path in sorted(folder.glob("*")):
        if path.suffix not in (".txt", ".md") or path.name.startswith("GROUND"):
            continue
        text = text_of(path).replace("\ufeff", "")
        if re.search("[㐀-鿿]", text):
            case(path.name, "book", text, "gb18030")
            case(path.name, "book", text.encode("big5", "ignore").decode("big5"), "big5")
            for piece in re.findall(r"[^\n]{60,}", text)[:400:4]:
                case(path.name, "short", piece, "gb18030")
                case(path.name, "short", piece, "big5")
            continue
        for encoding in WESTERN:
            case(path.name, "book", text, encoding)
        for count in (1, 2, 5, 20):
            for piece in paragraphs_with(count, text, rng, most=40):
                for encoding in WESTERN:
                    case(path.name, str(count), piece, encoding)
    for (name, encodings), sentences in OTHER_SCRIPTS.items():
        for encoding in encodings:
            for sentence in sentences:
                case(name, "short", sentence, encoding)
            case(name, "book", "\n\n".join(sentences * 20), encoding)
    return table, misses


def main() -> None:
    table, misses = measure(Path(sys.argv[1]) if len(sys.argv) > 1 else NOVELS)
    kinds = ["book", "1", "2", "5", "20", "short"]
    print(f"{'encoding':12}" + "".join(f"{kind:>12}" for kind in kinds))
    for encoding in dict.fromkeys(encoding for encoding, _ in table):
        cells = (table.get((encoding, kind)) for kind in kinds)
        print(f"{encoding:12}" + "".join(f"{f'{c[0]}/{c[1]}' if c else '':>12}" for c in cells))
    right, total = (sum(cell[i] for cell in table.values()) for i in (0, 1))
    print(f"{right:,} of {total:,} ({total - right} wrong)")
    print("\n".join(misses[: int(sys.argv[2]) if len(sys.argv) > 2 else 60]))


if __name__ == "__main__":
    main()
