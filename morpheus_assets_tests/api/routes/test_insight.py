from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from morpheus_assets.cli.main import main
from morpheus_assets.settings import load_settings
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.defs.assets.test_insight import tale
from morpheus_assets_tests.defs.assets.test_scenes import ASSETS, NOVEL
from morpheus_assets_tests.fixtures.deployment import Deployment, story


def test_cast_looks_similar_novels_and_pairs_are_shown_where_a_person_looks(
    start_api: Callable[..., Api], deployment: Deployment, tmp_path, database_url: str, monkeypatch
):
    for name, text in (("anna", tale(story(chapters=1, seed=5))), ("emma", tale()), ("zoe", story(seed=9))):
        deployment.drop(f"{name}.txt", text)
    deployment.ingest("anna", "emma", "zoe")
    for asset in ("characters", "character_sheets", "similar_novels", "training_pairs"):
        assert deployment.materialize(asset, "anna", "emma", "zoe").success
    client = start_api().client
    answer = client.get("/api/novels/emma/characters").json()
    assert answer["notes"] == []
    cast = answer["characters"]
    harrow = next(one for one in cast if one["name"] == "Mr. Harrow")
    assert harrow["forms"]["Mr. Harrow"] == harrow["mentions"] - harrow["forms"]["Harrow"]
    assert [look["contradicts"] for look in harrow["looks"]] == ["brown", "fair"]
    look = harrow["looks"][0]
    piece = client.get("/api/novels/emma/text", params={"start": look["char_start"], "end": look["char_end"]}).json()
    assert " ".join(piece["text"].split()) == look["sentence"]
    places = client.get("/api/novels/emma/characters", params={"kind": "place"}).json()["characters"]
    assert {one["kind"] for one in places} == {"place"}
    paged, after = [], {}
    while after is not None:
        page = client.get("/api/novels/emma/characters", params={"limit": 1, **after}).json()
        paged += page["characters"]
        after = {"after": page["next"]} if page["next"] else None
    assert paged == cast
    assert client.get("/api/novels/emma/characters", params={"after": "Nobody"}).status_code == 422
    similar = client.get("/api/novels/emma/similar", params={"k": 2}).json()["similar"]
    assert next(each["novel"] for each in similar) == "anna"
    reason = similar[0]["reasons"][0]
    assert reason["similarity"] > 0.9
    assert reason["text"]
    assert client.get("/api/novels/zoe/characters").json()["characters"] == []
    for path in ("characters", "similar"):
        answer = client.get(f"/api/novels/nobody/{path}")
        assert answer.status_code == 404
        assert "nobody" in answer.text

    monkeypatch.setenv("MORPHEUS_DATABASE_URL", database_url)
    load_settings.cache_clear()
    done = CliRunner().invoke(main, ["export", "pairs", str(tmp_path / "out"), "--format", "jsonl", "--novel", "emma"])
    unknown = CliRunner().invoke(main, ["export", "pairs", str(tmp_path / "none"), "--novel", "nobody"])
    pictures = CliRunner().invoke(main, ["export", "pairs", str(tmp_path / "none"), "--format", "open_clip"])
    load_settings.cache_clear()
    assert done.exit_code == 0, done.output
    assert sum(1 for file in (tmp_path / "out").iterdir() for _ in file.open()) > 5
    assert (unknown.exit_code, "nobody" in unknown.output) == (1, True)
    assert (pictures.exit_code, "`scene_panel_match`" in pictures.output) == (1, True)


def test_what_panels_show_and_pictures_of_a_character_are_answered_by_chapter(
    start_api: Callable[..., Api], samples: Deployment
):
    casts = Path(str(samples.settings.content)) / "characters"
    casts.mkdir()
    (casts / f"{NOVEL}.toml").write_text('[[character]]\nname = "Tock"\npanels = ["chapter1-panel1.png"]\n')
    for asset in ("characters", *ASSETS):
        assert samples.materialize(asset, NOVEL).success
    client = start_api().client
    answer = client.get(f"/api/novels/{NOVEL}/panels-of-scene").json()
    assert (answer["in_reading_order"], answer["chapters"]) == (True, [1, 2, 3, 4, 5, 6])
    assert len(answer["panels"]) == 12
    assert all(panel["scores"] is None for panel in answer["panels"])
    shown = {panel["chapter"] for panel in answer["panels"]}
    assert shown | set(answer["chapters_without_a_panel"]) == set(answer["chapters"])
    desert = client.get(f"/api/novels/{NOVEL}/panels-of-scene", params={"chapter": 3, "scores": True}).json()["panels"]
    assert {panel["path"] for panel in desert} == {f"{NOVEL}/chapter3-panel{number}.png" for number in (1, 2)}
    fits = [panel["scores"][2] for panel in desert]
    assert fits == sorted(fits, reverse=True)
    cat = next(panel for panel in desert if panel["path"].endswith("panel1.png"))
    piece = client.get(f"/api/novels/{NOVEL}/text", params={"start": cat["char_start"], "end": cat["char_end"]}).json()
    assert " ".join(piece["text"].split()) == cat["sentence"] == "It was an orange cat, and it was asleep."
    assert client.get(cat["thumbnail_url"]).status_code == 200
    tock = client.get(f"/api/novels/{NOVEL}/characters").json()["characters"][0]
    assert [each["reference"] for each in tock["pictures"]].count(True) == 1
    assert client.get("/api/novels/nobody/panels-of-scene").status_code == 404
    samples.drop("emma.txt", story())
    samples.ingest("emma")
    assert client.get("/api/novels/emma/panels-of-scene").json()["panels"] == []
