from dataclasses import replace

from morpheus_assets.defs.checks.insight import cast_faults, pair_faults
from morpheus_assets.insight.characters import Character
from morpheus_assets.insight.training_pairs import TrainingPair
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets_tests.defs.assets.test_insight import tale
from morpheus_assets_tests.defs.checks.test_rows import evaluated
from morpheus_assets_tests.fixtures.deployment import Deployment, story


def test_a_confirmed_name_that_the_text_never_mentions_is_told_of(deployment: Deployment):
    deployment.drop("emma.txt", tale())
    assert deployment.ingest("emma").success
    found = evaluated(deployment.materialize("characters", "emma"))["names_are_found"]
    assert found.passed, found.description
    file = deployment.settings.novels_folder.parent / "characters" / "emma.toml"
    file.parent.mkdir()
    file.write_text('[[character]]\nname = "Mr. Harrow"\n[[character]]\nname = "Miss Nobody"\n')
    found = evaluated(deployment.materialize("characters", "emma"))["names_are_found"]
    assert not found.passed
    assert found.description == (
        "1 to look at: emma: nobody mentions 'Miss Nobody', whom content/characters/emma.toml names."
    )


def test_a_long_text_without_a_name_is_told_of_where_names_are_known(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=1))
    assert deployment.ingest("emma").success
    [novel] = list_novels(deployment.engine)
    long = replace(novel, characters=20_000, language="en")
    assert cast_faults(long, []) == ["emma: no name was found in 20,000 characters of en."]
    assert cast_faults(replace(long, characters=19_999), []) == []
    assert cast_faults(replace(long, language="fi"), []) == []
    assert cast_faults(long, [Character("Emma", "person", "f", {"Emma": 3}, {1: 3}, [(0, 4)])]) == []


def test_pairs_that_contradict_themselves_are_told_of(deployment: Deployment):
    sound = TrainingPair("Who keeps the lamp?", "sentence", b"one", 1, (b"two", b"three"))
    assert pair_faults("emma", [sound]) == []
    assert pair_faults("emma", [replace(sound, negatives=(b"one",))]) == [
        "emma: 'Who keeps the lamp?' has its answer among its negatives."
    ]
    assert pair_faults("emma", [sound, replace(sound, positive=b"four")]) == [
        "emma: 'Who keeps the lamp?' is asked twice."
    ]
    deployment.drop("emma.txt", story(chapters=3, paragraphs=8))
    assert deployment.ingest("emma").success
    found = evaluated(deployment.materialize("training_pairs", "emma"))["answers_are_their_own"]
    assert found.passed
    assert found.description is not None
    assert found.description.endswith("pairs of 1 novel")
