from pathlib import Path

from morpheus_assets.defs.sensors.new_casts import new_casts_sensor
from morpheus_assets.store.insight.casts import load_characters
from morpheus_assets_tests.defs.assets.test_insight import tale
from morpheus_assets_tests.defs.sensors.test_new_content import Watcher
from morpheus_assets_tests.fixtures.deployment import Deployment


def test_a_file_of_corrections_is_asked_for_when_it_is_new_changed_or_gone(deployment: Deployment):
    folder = Path(str(deployment.settings.content)) / "characters"
    watcher = Watcher(deployment, new_casts_sensor)
    assert "nothing new" in watcher.skipped()
    folder.mkdir()
    (folder / "emma.toml").write_text('[[character]]\nname = "Anna"\naliases = ["Anna Harrow"]\n')
    assert "1 file of corrections, nothing new" in watcher.skipped()
    deployment.drop("emma.txt", tale())
    deployment.ingest("emma")
    assert watcher.asked_for() == ["emma"]
    assert deployment.materialize("characters", "emma").success
    assert load_characters(deployment.engine, "emma")[0].name == "Anna"
    assert "nothing new" in watcher.skipped()
    (folder / "emma.toml").write_text('[[character]]\nname = "Anna Harrow"\n')
    assert watcher.asked_for() == ["emma"]
    (folder / "emma.toml").unlink()
    assert watcher.asked_for() == ["emma"]
    assert "0 files of corrections, nothing new" in watcher.skipped()


def test_a_file_of_questions_for_training_asks_for_the_pairs_alone(deployment: Deployment):
    folder = Path(str(deployment.settings.content)) / "training"
    folder.mkdir()
    watcher = Watcher(deployment, new_casts_sensor)
    deployment.drop("emma.txt", tale())
    deployment.ingest("emma")
    assert "0 files of corrections, nothing new" in watcher.skipped()
    (folder / "emma.tsv").write_text("question\tquotation\nWho had a wig?\tMr. Harrow had a flaxen wig\n")
    [request] = watcher.tick().run_requests
    assert request.partition_key == "emma"
    assert [key.to_user_string() for key in request.asset_selection or ()] == ["training_pairs"]
    assert "1 file of corrections, nothing new" in watcher.skipped()
