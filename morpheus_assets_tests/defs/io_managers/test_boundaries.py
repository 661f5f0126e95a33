"""IO managers store, load and report: they cannot reach what reads, cuts, decodes or sends."""

import subprocess
import sys
from pathlib import Path

import pytest

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests.test_floors import PACKAGE, imports

COMPUTES = (
    "embedding.providers",
    "embedding.queries",
    "embedding.requests",
    "embedding.stream",
    "images.decoding",
    "images.previews",
    "services.embed_novels",
    "services.novels",
    "text.chapters",
    "text.chunking",
    "text.formats",
    "text.novel_files",
    "text.readers",
)
IO_MANAGERS = sorted((PACKAGE / "defs" / "io_managers").glob("*.py"))


def computing(names: set[str]) -> set[str]:
    """Those of the modules that compute."""
    return {name for name in names if f"{name}.".startswith(tuple(f"morpheus_assets.{each}." for each in COMPUTES))}


@pytest.mark.parametrize("path", IO_MANAGERS, ids=lambda path: path.stem)
def test_no_io_manager_imports_what_computes_not_even_when_it_is_called(path: Path):
    assert computing(imports(path)) == set()


def test_io_managers_are_loaded_without_anything_that_computes():
    modules = [f"morpheus_assets.defs.io_managers.{path.stem}" for path in IO_MANAGERS if path.stem != "__init__"]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True)
    # prices stand in the providers' specs, which can send nothing by themselves
    assert {name for name in computing(set(done.stdout.split())) if ".providers" not in name} == set()
    assert not {"openai", "voyageai", "httpx", "torch"} & set(done.stdout.split())
