"""The house has floors: a module imports from its own folder or from a floor below. Lazy imports count too.

Printed with `python -m morpheus_assets_tests.test_floors`: rooms, arrows between them, and which lead upward.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "morpheus_assets"
# From the ground up; folders of one line are neighbours and know nothing of each other.
FLOORS = [
    {"domain", "tracing"},
    {"embedding"},
    {"text", "images"},
    {"sources", "insight"},
    {"store"},
    {"settings"},
    {"services"},
    {"defs", "api"},
    {"cli", "definitions"},
]
RANKS = {name: rank for rank, names in enumerate(FLOORS) for name in names}
AT_THE_ROOT = {"__init__", "definitions", "settings"}
# The former name of a module that users' own dagster.yaml files hold; gone with the next release.
ALIASES = {"dagster_storage"}
KNOWS_DAGSTER = {"defs", "definitions"}
HEAVY = {
    "torch",
    "openvino",
    "pandas",
    "openai",
    "voyageai",
    "open_clip",
    "sentence_transformers",
    "transformers",
    "torchvision",
}
# Local folder and bucket differ inside sources/ alone; in settings a written value becomes a path.
TELLS_SOURCES_APART = {"sources", "settings"}
KINDS_OF_SOURCES = {"LocalSource", "ObjectSource", "Path", "PurePath", "PosixPath", "PurePosixPath"}
CHOOSES_A_SOURCE = "services.content_location"
SQL = re.compile(
    r"\b(SELECT\b.+\bFROM|INSERT INTO|UPDATE \S+ SET|DELETE FROM|CREATE (TABLE|INDEX|DATABASE|EXTENSION)|ALTER TABLE"
    r"|DROP (TABLE|DATABASE|INDEX)|pg_advisory|LISTEN|NOTIFY) ?\b",
    re.DOTALL,
)


def modules(package: Path = PACKAGE) -> list[Path]:
    return [path for path in sorted(package.rglob("*.py")) if path.stem not in ALIASES or path.parent != package]


def name_of(path: Path, package: Path = PACKAGE) -> str:
    """`store.content.novels` for its file; a folder's own name for its `__init__`."""
    return ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    return module.partition(".")[0]


@cache
def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by a relative name"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def arrows(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Which of our modules each module imports."""
    ours = {name_of(path, package): path for path in modules(package)}
    return {
        name: {
            target
            for found in imports(path)
            if found.startswith("morpheus_assets.")
            and found != "morpheus_assets.embedding.providers"
            and (target := found.partition(".")[2]) in ours
            and target != name
        }
        for name, path in ours.items()
    }


def faults(package: Path = PACKAGE) -> Iterator[str]:
    """Everything that is not as the house wants it, a sentence each."""
    for path in modules(package):
        name = name_of(path, package)
        if path.parent == package and path.stem not in AT_THE_ROOT:
            yield f"{name} stands at the root"
        elif room_of(name) not in RANKS and path.stem != "__init__":
            yield f"{name} stands on no floor"
        if any(room_of(found) == "dagster" for found in imports(path)) and room_of(name) not in KNOWS_DAGSTER:
            yield f"{name} imports dagster"
        if room_of(name) != "store" and (said := sql_in(path)):
            yield f"{name} holds SQL: {said}"
        if room_of(name) not in TELLS_SOURCES_APART and (kinds := kinds_told_apart(path)):
            yield f"{name} tells sources apart: {', '.join(sorted(kinds))}"
        if room_of(name) != "sources" and name != CHOOSES_A_SOURCE:
            chosen = {found.rpartition(".")[2] for found in imports(path)} & {"LocalSource", "ObjectSource"}
            yield from (f"{name} chooses a source itself: {kind}" for kind in sorted(chosen))
    for name, targets in arrows(package).items():
        for target in targets:
            own, other = room_of(name), room_of(target)
            if own != other and RANKS.get(other, 0) >= RANKS.get(own, 0) and own in RANKS:
                yield f"{name} imports {target}, which is not below it"
    try:
        TopologicalSorter(arrows(package)).prepare()
    except CycleError as circle:
        yield f"a circle: {' → '.join(circle.args[1])}"


def sql_in(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or node.value in docstrings:
            continue
        if found := SQL.search(node.value):
            return found.group(0)
    return ""


def kinds_told_apart(path: Path) -> set[str]:
    """The kinds of sources that `isinstance`, `issubclass` or a `match` asks for."""
    asked: list[ast.AST] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asked += node.args[1:] if node.func.id in ("isinstance", "issubclass") else []
        elif isinstance(node, ast.MatchClass):
            asked.append(node.cls)
    inside = [part for node in asked for part in ast.walk(node)]
    names = {part.id for part in inside if isinstance(part, ast.Name)}
    return KINDS_OF_SOURCES & (names | {part.attr for part in inside if isinstance(part, ast.Attribute)})


def imported_at_load(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_every_module_stands_on_a_floor_and_imports_from_below():
    assert sorted(faults()) == []


@pytest.mark.parametrize(
    ("path", "source", "said"),
    [
        ("text/reader.py", "from morpheus_assets.services import words", "text.reader imports services.words"),
        ("text/reader.py", "def read():\n    import morpheus_assets.services.words", "text.reader imports services"),
        ("images/pixels.py", "import morpheus_assets.text.words", "images.pixels imports text.words"),
        ("services/words.py", "import morpheus_assets.services.plans", "a circle: "),
        ("attic/words.py", "", "attic.words stands on no floor"),
        ("words.py", "", "words stands at the root"),
        ("services/runs.py", "def run():\n    from dagster import Definitions", "services.runs imports dagster"),
        ("api/words.py", 'ROWS = "SELECT body FROM chunks"', "api.words holds SQL"),
        ("cli/words.py", 'ROWS = f"DELETE FROM {1}"', "cli.words holds SQL"),
        ("defs/words.py", "def at(x):\n    return isinstance(x, ObjectSource)", "defs.words tells sources apart: Obj"),
        ("api/words.py", "def at(x):\n    return isinstance(x, (str, pathlib.Path))", "api.words tells sources apart"),
        ("api/words.py", "def at(x):\n    return isinstance(x, LocalSource | None)", "api.words tells sources apart"),
        (
            "cli/words.py",
            "match 1:\n    case LocalSource():\n        pass",
            "cli.words tells sources apart: LocalSource",
        ),
        ("api/words.py", "from morpheus_assets.sources.local import LocalSource", "api.words chooses a source itself"),
    ],
)
def test_what_does_not_belong_is_named(tmp_path: Path, path: str, source: str, said: str):
    house = {
        "services/plans.py": "import morpheus_assets.services.words",
        "services/words.py": "",
        "text/words.py": "",
        path: source,
    }
    for name, text in house.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert any(fault.startswith(said) for fault in faults(tmp_path)), list(faults(tmp_path))


def test_no_module_imports_a_model_library_or_an_sdk_while_it_is_loaded():
    heavy = {name_of(path): imported_at_load(path) & HEAVY for path in modules()}
    assert {name: found for name, found in heavy.items() if found} == {}


def test_every_module_says_in_a_few_lines_what_belongs_in_it():
    docstrings = {
        name_of(path): ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in modules()
    }
    assert [name for name, said in docstrings.items() if not 1 <= len(said.splitlines()) <= 8] == []


def main() -> None:
    """Print the rooms, and the arrows between them with the number of imports behind each."""
    rooms: Counter[tuple[str, str]] = Counter()
    for name, targets in arrows().items():
        for target in targets:
            own, other = ".".join(name.split(".")[:-1]) or name, ".".join(target.split(".")[:-1]) or target
            if own != other:
                rooms[own, other] += 1
    folders = sorted({folder for pair in rooms for folder in pair})
    print(f"{len(modules())} modules in {len(folders)} rooms on {len(FLOORS)} floors, {len(rooms)} arrows")
    for (own, other), count in sorted(rooms.items(), key=lambda row: (-RANKS[room_of(row[0][0])], row[0])):
        print(f"  {own} → {other} ({count})")
    print(f"faults: {len(list(faults()))}")


if __name__ == "__main__":
    main()
