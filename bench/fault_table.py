"""The table of faults: runs the tests that cause them, and prints what they noted of each.

    python -m bench.fault_table [--times 2] [-k pooler]

Each row names the test, which is the command that causes the fault again: `pytest FILE::TEST`. With `--times` a number
is the highest that any turn had. The exit code is 1 when a test fails.
"""

import argparse
import json
import sys
from typing import Any

import pytest

from morpheus_assets.settings import PROJECT_FOLDER

TESTS = PROJECT_FOLDER / "morpheus_assets_tests"
# As fixtures/faults.py names it, which pytest is to import first.
PROPERTY = "fault"
NUMBERS = ("lost", "paid_twice", "wrong", "seconds")


class Rows:
    """A pytest plugin: of all tests it keeps those that note a fault, and collects what they note."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.failed: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if "fault_row" in getattr(item, "fixturenames", ())]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
        if report.when == "call" and report.passed:
            for name, value in report.user_properties:
                if name == PROPERTY:
                    self._add(report.nodeid, json.loads(str(value)))

    def _add(self, test: str, row: dict[str, Any]) -> None:
        known = self.rows.setdefault((test, row["fault"]), {**row, "times": 0})
        known["times"] += 1
        for name in NUMBERS:
            values = [each[name] for each in (known, row) if each.get(name) is not None]
            known[name] = max(values, default=None)


def table(rows: Rows) -> str:
    """In Markdown, with a dash where nothing was at stake."""
    lines = [
        "| fault | caused by `pytest morpheus_assets_tests/…` | lost | paid twice | wrong | s until whole | sentence |",
        "|---|---|---|---|---|---|---|",
    ]
    for (test, fault), row in rows.rows.items():
        numbers = [_number(row[name]) for name in NUMBERS]
        sentence = row["sentence"].replace("|", "\\|")
        place = test.removeprefix(f"{TESTS.name}/").replace("|", "\\|")
        lines.append(f"| {fault} | `{place}` | {' | '.join(numbers)} | {sentence} |")
    times = {row["times"] for row in rows.rows.values()}
    return "\n".join([*lines, "", f"{len(rows.rows)} faults, each caused {min(times, default=0)} times or more"])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("-k", default="", help="only tests whose names match, as pytest's -k")
    arguments = parser.parse_args()
    files = sorted(str(path) for path in TESTS.rglob("test_*.py") if "fault_row" in path.read_text(encoding="utf-8"))
    rows = Rows()
    for _ in range(arguments.times):
        pytest.main(["-q", "-n", "0", "--no-header", "-k", arguments.k, *files], plugins=[rows])
    print(table(rows))
    for test in rows.failed:
        print(f"failed: {test}")
    return 1 if rows.failed else 0


if __name__ == "__main__":
    sys.exit(main())
