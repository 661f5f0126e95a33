"""The pages that people read name files, targets and commands that exist."""

import re

import pytest

from morpheus_assets.settings import PROJECT_FOLDER

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "deploy/README.md",
    "deploy/settings.md",
    "deploy/planning.md",
    "bench/README.md",
]
PACKAGE = PROJECT_FOLDER / "morpheus_assets"


def text_of(page: str) -> str:
    return (PROJECT_FOLDER / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(page))
    missing = [target for target in targets if not ((PROJECT_FOLDER / page).parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_benchmark_and_every_target_of_make_that_is_named_exists(page: str):
    text = text_of(page)
    benchmarks = set(re.findall(r"-m bench\.([a-z_0-9]+)", text))
    assert {name for name in benchmarks if not (PROJECT_FOLDER / "bench" / f"{name}.py").exists()} == set()
    targets = set(re.findall(r"(?m)(?:^|`)make ([a-z]+)", text))
    assert targets <= set(re.findall(r"(?m)^([a-z]+):", text_of("Makefile")))


def test_every_benchmark_of_the_list_exists_and_says_how_it_is_run():
    names = re.findall(r"(?m)^\| `([a-z_0-9]+)` \|", text_of("bench/README.md"))
    assert "growth" in names
    for name in names:
        assert 'if __name__ == "__main__"' in (PROJECT_FOLDER / "bench" / f"{name}.py").read_text(encoding="utf-8")


def test_the_files_of_the_ten_changes_exist():
    section = text_of("CONTRIBUTING.md").partition("## Ten changes")[2].partition("###")[0]
    changes = re.findall(r"(?m)^\| an? .*|^\| the .*", section)
    named = re.findall(r"`([a-z_/<>]+\.(?:py|sql))`", "\n".join(changes))
    assert len(changes) == 10
    assert {"settings.py", "store/spaces/index_types.py", "store/spaces/queries.sql"} <= set(named)
    for name in named:
        place = PACKAGE / name
        assert (place.parent if "<" in name else place).exists(), name


def test_planning_begins_with_what_is_reckoned():
    head = text_of("deploy/planning.md").splitlines()[:10]
    assert head[2] == "<!-- plan -->"
    assert head[4].startswith("| chunks | 10,000,000")


def test_the_paths_of_the_pages_are_of_this_repository():
    for page in PAGES:
        assert not re.findall(r"(?:/home/|/root/|/work/|/Users/)", text_of(page)), page
