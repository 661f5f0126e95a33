"""Writes what the documents say of the settings and of a space's options: deploy/settings.md and `.env.example`.

Call it through `make docs`; `--check` writes nothing and exits with 1 where a file is out of date. It lies here, beside
lock.py, because only a developer of the project calls it: the package and its image do not need it.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from morpheus_assets.services.space_tables import SpaceOptions  # noqa: E402
from morpheus_assets.settings import PROJECT_FOLDER, Settings, variable_of  # noqa: E402

START, END = "<!-- settings: written by `make docs` from settings.py -->", "<!-- end of settings -->"
OPTIONS, END_OPTIONS = (
    "<!-- options: written by `make docs` from space_tables.py -->",
    "<!-- end of options -->",
)
HEAD = "# Copy to .env and change what you need: every line shows the default. The environment wins over this file.\n"


def settings() -> Iterator[tuple[str | None, str, str, str]]:
    """Each setting in its order: the section that begins with it, if one does, its variable, default and meaning."""
    for name, field in Settings.model_fields.items():
        marks = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        section = marks.get("section")
        yield str(section) if section else None, variable_of(name), default_of(field), field.description or ""


def default_of(field: FieldInfo) -> str:
    """The default as one writes it into `.env`; empty where there is none."""
    value = field.default
    if value is None:
        return ""
    if isinstance(value, Path):
        return value.relative_to(PROJECT_FOLDER).as_posix()
    return str(value).lower() if isinstance(value, bool) else str(value)


def table() -> str:
    """The table, with a row for each section."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for section, variable, default, meaning in settings():
        lines += [f"| **{section}** | | |"] if section else []
        lines.append(f"| `{variable}` | {f'`{default}`' if default else ''} | {meaning} |")
    return "\n".join(lines)


def options() -> str:
    """The table of the options that a table of spaces.toml may have."""
    fields = SpaceOptions.model_fields.items()
    return "\n".join(
        ["| option | meaning |", "|---|---|", *(f"| `{name}` | {field.description} |" for name, field in fields)]
    )


def example() -> str:
    """The text of `.env.example`."""
    lines = [HEAD]
    for section, variable, default, meaning in settings():
        lines += [f"\n# --- {section} ---"] if section else []
        lines += [f"# {meaning}", f"#{variable}={default}"]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def with_tables(page: str) -> str:
    """The page with each table between its two marks; ends with a sentence where they are missing."""
    for start, made, end in ((START, table(), END), (OPTIONS, options(), END_OPTIONS)):
        before, found, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            sys.exit(f"deploy/settings.md lacks the lines {start} and {end}: put them where the table belongs.")
        page = f"{before}{start}\n{made}\n{end}{after}"
    return page


def main() -> None:
    """Write both files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=PROJECT, help="where deploy/settings.md and .env.example lie"
    )
    arguments = parser.parse_args()
    page, dotenv = arguments.folder / "deploy" / "settings.md", arguments.folder / ".env.example"
    wanted = {page: with_tables(page.read_text(encoding="utf-8")), dotenv: example()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if not arguments.check:
        for path in stale:
            path.write_text(wanted[path], encoding="utf-8")
    elif stale:
        sys.exit(f"{', '.join(path.name for path in stale)}: not what settings.py says; run `make docs`.")


if __name__ == "__main__":
    main()
