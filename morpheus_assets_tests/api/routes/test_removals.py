from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Engine

from morpheus_assets.domain.content import PanelRecord, SourceFile
from morpheus_assets.store.content.panels import load_panels, replace_panels
from morpheus_assets.store.content.source_files import load_source_files, save_source_files
from morpheus_assets_tests.api.conftest import Api

WRITING, READING = "a-key-that-writes-1", "a-key-that-reads-12"


@pytest.fixture
def there(api: Api, engine: Engine, add_embedded: Callable[..., Sequence[bytes]]) -> Callable[..., None]:
    """A stored text of one passage, with files of its own in the content folder."""
    for half in ("novels", "panels"):
        (api.settings.content / half).mkdir(parents=True, exist_ok=True)

    def add(novel: str, **files: str) -> None:
        add_embedded(novel, ["The lamp burns at night."])
        for kind, path in files.items():
            file = api.settings.content / ("novels" if kind == "text" else "panels") / path
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"x")
            save_source_files(engine, [SourceFile(kind, path, novel, 1, 1, "a" * 64)])

    return add


def stored(api: Api) -> list[str]:
    return [each["novel"] for each in api.client.get("/api/novels").json()["novels"]]


def test_a_novel_whose_files_are_gone_is_deleted_with_all_that_is_its_own(api: Api, there: Callable[..., None]):
    there("emma")
    there("dracula")
    answer = api.client.delete("/api/novels/emma")
    assert answer.status_code == 200
    assert answer.json() == {
        "novel": "emma", "only_panels": False, "only_text": False, "files": [],
        "detail": "emma is deleted. Dagster does not answer: its sensors drop the partition once it runs.",
    }  # fmt: skip
    assert stored(api) == ["dracula"]
    assert api.client.delete("/api/novels/emma").status_code == 404


def test_a_file_that_would_bring_it_back_is_named_and_deleted_only_if_so_asked_for(
    api: Api, engine: Engine, there: Callable[..., None]
):
    there("emma", text="Emma.txt", panel="emma/1.png")
    refused = api.client.delete("/api/novels/emma")
    assert refused.status_code == 409
    assert "Emma.txt and 1 more would bring emma back at once" in refused.json()["detail"]
    assert stored(api) == ["emma"]
    assert (api.settings.novels_folder / "Emma.txt").exists()

    answer = api.client.delete("/api/novels/emma", params={"files": True})
    assert (answer.status_code, answer.json()["files"]) == (200, ["Emma.txt", "emma/1.png"])
    assert not list(api.settings.novels_folder.iterdir())
    assert not list((api.settings.content / "panels").iterdir()), "nor is the empty folder left"
    assert not load_source_files(engine, "text") | load_source_files(engine, "panel")
    assert stored(api) == []


def test_the_panels_are_deleted_alone(api: Api, there: Callable[..., None]):
    there("emma", text="Emma.txt", panel="emma/1.png")
    assert api.client.delete("/api/novels/emma/panels").status_code == 409
    answer = api.client.delete("/api/novels/emma/panels?files=true").json()
    assert (answer["only_panels"], answer["files"]) == (True, ["emma/1.png"])
    assert stored(api) == ["emma"]
    assert (api.settings.novels_folder / "Emma.txt").exists()
    again = api.client.delete("/api/novels/emma/panels")
    assert (again.status_code, again.json()["detail"]) == (404, "No panels of emma are stored.")


def test_the_text_is_deleted_alone(api: Api, engine: Engine, there: Callable[..., None]):
    # so that no page has the number of a novel by chance
    there("dracula")
    there("emma", text="Emma.txt", panel="emma/1.png")
    page = PanelRecord("emma/1.png", "refused", 1, "No picture.")
    replace_panels(engine, "emma", [page])
    assert api.client.delete("/api/novels/emma/text").status_code == 409
    answer = api.client.delete("/api/novels/emma/text?files=true").json()
    assert (answer["only_text"], answer["files"]) == (True, ["Emma.txt"])
    assert answer["detail"].startswith("The text of emma is deleted.")
    assert not (api.settings.novels_folder / "Emma.txt").exists()
    assert (api.settings.content / "panels" / "emma" / "1.png").exists()
    assert [each.path for each in load_panels(engine, "emma")] == ["emma/1.png"]
    again = api.client.delete("/api/novels/emma/text")
    assert (again.status_code, again.json()["detail"]) == (404, "No text of emma is stored.")


def test_what_is_not_of_the_novel_stays_in_its_folder(api: Api, there: Callable[..., None]):
    there("emma", panel="emma/1.png")
    notes = api.settings.content / "panels" / "emma" / "regions.tsv"
    notes.write_text("page\n")
    assert api.client.delete("/api/novels/emma/panels?files=true").status_code == 200
    assert notes.exists()


def test_a_key_that_only_reads_deletes_nothing(start_api: Callable[..., Api], there: Callable[..., None]):
    there("emma")
    guarded = start_api(api_keys=WRITING, api_read_keys=READING)
    url = "/api/novels/emma"
    assert guarded.client.delete(url).status_code == 401
    assert guarded.client.delete(url, headers={"X-API-Key": READING}).status_code == 403
    assert guarded.client.delete(url, headers={"X-API-Key": WRITING}).status_code == 200
