"""The house has floors: what a module may import. Read from the source, so that a lazy import counts too."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "morpheus_assets"
LOWER = {"domain", "text", "images", "embedding", "places", "store"}
DAGSTER_FACE = {
    "assets",
    "automation",
    "io_managers",
    "content_io_managers",
    "embedding_io_managers",
    "io_manager_definitions",
    "space_filling",
    "novel_events",
    "dagster_storage",
    "resources",
    "definitions",
    "executors",
    "celery_worker",
    "partitions",
}
HEAVY = {"torch", "pandas", "openai", "voyageai", "open_clip", "sentence_transformers", "transformers", "torchvision"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def floor_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def imported_at_load(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", [path for path in modules() if name_of(path).split("/")[0] in LOWER], ids=name_of)
def test_a_lower_floor_knows_nothing_of_dagster_nor_of_the_other_floors(path: Path):
    floor = name_of(path).split("/")[0]
    allowed = {floor, "domain"} | ({"embedding"} if floor == "store" else set())
    used = imports(path)
    assert not any(name == "dagster" or name.startswith("dagster.") for name in used)
    ours = {floor_of(name) for name in used if name.startswith("morpheus_assets.")}
    assert ours <= allowed, f"{name_of(path)} reaches {sorted(ours - allowed)}"


@pytest.mark.parametrize("path", [path for path in modules() if name_of(path).startswith("serve/")], ids=name_of)
def test_serve_never_imports_the_dagster_face(path: Path):
    used = imports(path)
    assert not any(name == "dagster" or name.startswith("dagster.") for name in used)
    ours = {floor_of(name) for name in used if name.startswith("morpheus_assets.")}
    assert not ours & DAGSTER_FACE, f"{name_of(path)} reaches {sorted(ours & DAGSTER_FACE)}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_module_imports_a_model_library_or_an_sdk_while_it_is_loaded(path: Path):
    assert not imported_at_load(path) & HEAVY


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_every_module_stays_small_and_says_what_belongs_in_it(path: Path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 300
    docstring = ast.get_docstring(ast.parse(source))
    if source.strip():
        assert docstring
        assert len(docstring.splitlines()) <= 8
