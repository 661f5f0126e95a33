import ast
import re
from pathlib import Path

import morpheus_assets
from morpheus_assets.store.content.chunks import iter_chunks
from morpheus_assets.store.content.novels import list_novels, refuse_novel
from morpheus_assets.store.search import hits as search
from morpheus_assets.store.spaces.refusals import list_refusals

PACKAGE = Path(morpheus_assets.__file__).parent
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE|ALTER|DROP|EXISTS)\b")
# Column lists of our own, and tables named after a number of ours: nothing that a person can write.
OURS = {
    "_CHAPTER_ROWS",
    "_CHUNK_COLUMNS",
    "_COLUMNS",
    "_MOVES",
    "_ORPHANS[space.purpose]",
    "DAGSTER_DATABASE",
    "changes",
    "content",
    "database",
    "new",
    "old",
    "self._space.table",
    "space.table",
    "', '.join(names)",
    "', '.join((f'%({name})s' for name in names))",
}
HOSTILE = "x'); DROP TABLE chunks; -- %s {} \\ \" $$"


def interpolated(tree: ast.AST) -> set[str]:
    """Everything that is put into a text that looks like SQL."""
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if SQL.search(text):
            found |= {ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue)}
    return found


def test_nothing_but_names_of_our_own_is_put_into_sql():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        for expression in interpolated(ast.parse(path.read_text())) - OURS:
            found[expression] = path.name
    assert found == {}


def test_hostile_words_are_values_and_never_sql(engine, make_space, add_novel):
    from morpheus_assets.store.spaces.spaces import register_space

    row = register_space(engine, make_space())
    add_novel("the-tide", ["The tide came in. ", "It went out. "])
    assert search.search_text(engine, None, HOSTILE, mode="text", space=row) == []
    assert search.search_text(engine, None, "tide", mode="text", space=row, novel=HOSTILE) == []
    assert list_refusals(engine, row, novel=HOSTILE) == []
    assert list_novels(engine, [HOSTILE]) == []
    refuse_novel(engine, HOSTILE, HOSTILE, None, HOSTILE)
    assert list_novels(engine, [HOSTILE])[0].refused_reason == HOSTILE
    assert len(list(iter_chunks(engine, "the-tide"))) == 2
