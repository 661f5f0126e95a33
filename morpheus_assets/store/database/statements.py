"""The SQL of a room: every statement stands by name in the room's `queries.sql`, and nowhere in Python.

A statement begins behind a line `-- name: its_name`; other lines of comment are for its readers and are not sent.
"""

import re
from functools import cache
from pathlib import Path
from typing import LiteralString, cast

from psycopg.sql import SQL

_STATEMENT = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)


class Queries:
    """The statements of one `queries.sql`, and the parts of statements, as attributes.

    Values are parameters, `%(novel)s`. What no parameter can be, such as the table of a space, stands in braces and is
    put in by `format(table=Identifier(...))`, which quotes it; `format(rows=3)` writes a number or text as a literal.
    """

    def __init__(self, path: Path) -> None:
        found = _STATEMENT.findall(path.read_text(encoding="utf-8"))
        self._path = path
        self._statements = {name: SQL(cast(LiteralString, _COMMENT.sub("", body).strip())) for name, body in found}
        if len(self._statements) != len(found):
            raise ValueError(f"Two statements in {path} have the same name.")

    def __getattr__(self, name: str) -> SQL:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"{self._path} has no statement named {name}.") from None


@cache
def _read(path: Path) -> Queries:
    return Queries(path)


def load_queries(module: str) -> Queries:
    """The statements of the room that a module stands in; `module` is its `__file__`."""
    return _read(Path(module).with_name("queries.sql"))
