"""Prints what becomes of each hostile file, in which time and memory: python -m bench.hostile_files"""

from morpheus_assets_tests.hostile.files import IMAGES, TEXTS
from morpheus_assets_tests.hostile.measuring import measure


def main() -> None:
    """One row a file."""
    print(f"{'file':46} {'size':>9} {'outcome':8} {'s':>6} {'MB':>5} {'chapters':>8} {'chunks':>7}  sentence")
    for kind, rows in (("text", TEXTS), ("image", IMAGES)):
        for number, row in enumerate(rows):
            found = measure(kind, number)
            size = f"{found.size / 2**20:.1f}M" if found.size >= 2**20 else f"{found.size / 1024:.1f}K"
            print(
                f"{row.title:46} {size:>9} {found.outcome:8} {found.seconds:6.2f} {found.megabytes:5}"
                f" {found.chapters:8} {found.chunks:7}  {found.said.partition(': ')[2][:110]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
