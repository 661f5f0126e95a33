from collections.abc import Callable

from click.testing import CliRunner

from morpheus_assets.cli.main import main
from morpheus_assets.settings import load_settings
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.defs.assets.test_insight import tale
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
    cast = client.get("/api/novels/emma/characters").json()["characters"]
    harrow = next(one for one in cast if one["name"] == "Mr. Harrow")
    assert harrow["forms"]["Mr. Harrow"] == harrow["mentions"] - harrow["forms"]["Harrow"]
    assert [look["contradicts"] for look in harrow["looks"]] == ["brown", "fair"]
    look = harrow["looks"][0]
    piece = client.get("/api/novels/emma/text", params={"start": look["char_start"], "end": look["char_end"]}).json()
    assert " ".join(piece["text"].split()) == look["sentence"]
    places = client.get("/api/novels/emma/characters", params={"kind": "place"}).json()["characters"]
    assert {one["kind"] for one in places} == {"place"}
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
    nothing = CliRunner().invoke(main, ["export", "pairs", str(tmp_path / "none"), "--novel", "nobody"])
    load_settings.cache_clear()
    assert done.exit_code == 0, done.output
    assert sum(1 for file in (tmp_path / "out").iterdir() for _ in file.open()) > 5
    assert (nothing.exit_code, "No training pairs are stored" in nothing.output) == (1, True)
