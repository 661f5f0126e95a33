"""What a person writes is never SQL: statements stand in `queries.sql`, values are parameters, names are quoted."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import morpheus_assets
from morpheus_assets.store.content.chunks import iter_chunks
from morpheus_assets.store.content.novels import list_novels, refuse_novel
from morpheus_assets.store.search.hits import SearchFilter, search_text
from morpheus_assets.store.spaces.refusals import list_refusals

PACKAGE = Path(morpheus_assets.__file__).parent
STORE = PACKAGE / "store"
ROOMS = sorted(path.parent for path in STORE.glob("*/queries.sql"))
SQL = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE \S+ SET|DELETE FROM|CREATE|ALTER|DROP|EXISTS|COPY|SHOW|RESET|ANALYZE|UNION|LIMIT \S+"
    r"|ORDER BY|GROUP BY|WHERE|JOIN)\b"
)
# Where the text of a statement becomes a statement, and where a file of sql/ is run.
MAKES_SQL = {"store/database/statements.py"}
RUNS_FILES = {"store/database/migrations.py": {"files[name].encode()"}}
HOSTILE = "x'); DROP TABLE chunks; -- %s {} \\ \" $$"


def modules(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def spoken(tree: ast.Module) -> set[int]:
    """Where docstrings and the sentences of errors and logs stand: texts that are for people."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr | ast.Raise) or (
            isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Error", "Missing"))
        ):
            found |= {id(child) for child in ast.walk(node)}
    return found


def test_no_sql_is_written_in_python() -> None:
    found = {}
    for name, tree in modules(STORE):
        for_people = spoken(tree)
        for node in ast.walk(tree):
            said = node.value if isinstance(node, ast.Constant) and id(node) not in for_people else None
            if isinstance(said, str) and SQL.search(said):
                found[said] = name
    # what a migration makes is read from its file
    made = [said for said, name in found.items() if name == "store/database/dumps.py"]
    assert [found.pop(said) for said in made if said.startswith("^CREATE")] == ["store/database/dumps.py"]
    remedies = ("run ALTER EXTENSION vector UPDATE", ", then ALTER EXTENSION vector UPDATE.")
    assert found == dict.fromkeys(remedies, "store/database/server_checks.py"), "remedies, and nothing else"


def test_a_text_becomes_a_statement_in_one_place() -> None:
    found = set()
    for name, tree in modules(PACKAGE):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "SQL",
                "sql.SQL",
                "psycopg.sql.SQL",
                "Composed",
            ):
                found.add(name)
    assert found == MAKES_SQL


def test_what_is_sent_is_a_statement_and_not_a_text() -> None:
    for name, tree in modules(STORE):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            assert node.func.attr not in ("exec_driver_sql", "text"), f"{name} sends in another way"
            sent = ast.unparse(node.args[0])
            if node.func.attr in ("execute", "executemany", "copy") and sent not in RUNS_FILES.get(name, ()):
                own = r"(queries\.\w+(\.format\(.*\)|\.as_string\(\))?|query|write|delete_others|_over\(.*\))"
                own = rf"({own}|(create|statement)\.format\(.*\))"
                assert re.fullmatch(own, sent, re.DOTALL), f"{name} sends {sent}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_statement_of_a_room_is_used_there_and_every_one_used_is_there(room: Path) -> None:
    written = re.findall(r"^-- name: (\w+)$", (room / "queries.sql").read_text(encoding="utf-8"), re.MULTILINE)
    used = set()
    for path in room.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "queries":
                used.add(node.attr)
    assert used == set(written)


def test_hostile_words_are_values_and_never_sql(engine, make_space, add_novel) -> None:
    from morpheus_assets.store.spaces.spaces import register_space

    row = register_space(engine, make_space())
    add_novel("the-tide", ["The tide came in. ", "It went out. "])
    assert search_text(engine, None, HOSTILE, mode="text", space=row) == []
    assert search_text(engine, None, "tide", mode="text", space=row, within=SearchFilter(novels=(HOSTILE,))) == []
    assert list_refusals(engine, row, novel=HOSTILE) == []
    assert list_novels(engine, [HOSTILE]) == []
    refuse_novel(engine, HOSTILE, HOSTILE, None, HOSTILE)
    assert list_novels(engine, [HOSTILE])[0].refused_reason == HOSTILE
    assert len(list(iter_chunks(engine, "the-tide"))) == 2
