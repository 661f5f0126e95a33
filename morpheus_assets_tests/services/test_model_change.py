"""A provider that serves another model under the same name, and what is stored then: nothing."""

from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, story
from morpheus_assets_tests.fixtures.faults import FaultRow

REFERENCES = 3


def an_hour_passes(deployment: Deployment) -> None:
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE embedding_spaces SET created_at = created_at - interval '2 hours'")
        connection.exec_driver_sql("UPDATE model_checks SET checked_at = checked_at - interval '2 hours'")


def vectors(deployment: Deployment) -> list[tuple]:
    return deployment.rows("SELECT content_hash, embedding::text FROM embeddings_1 ORDER BY 1")


def begun(deployment: Deployment) -> Deployment:
    deployment.drop("emma.txt", story(chapters=2))
    assert deployment.ingest("emma").success
    return deployment


def test_a_changed_model_is_noticed_before_the_first_write_and_both_ways_out_are_named(
    deployment: Deployment, fault_row: FaultRow
):
    stored = vectors(begun(deployment))
    an_hour_passes(deployment)
    changed = deployment.with_settings(openai_base_url=deployment.server.base_url("changed_model"))
    changed.drop("dracula.txt", story(chapters=1, seed=7))
    result = changed.ingest("dracula")
    assert not result.success
    said = failure_of(result)
    assert "openai/text-embedding-3-small gives other vectors than those stored in" in said
    assert "Nothing was stored" in said
    assert "wait, the next run asks again" in said
    assert "`openai/text-embedding-3-small@256#2`, first in MORPHEUS_TEXT_SPACES" in said
    assert vectors(deployment) == stored
    lost, wrong = set(stored) - set(vectors(deployment)), set(vectors(deployment)) - set(stored)
    what = "the provider serves another model under the same name"
    fault_row(what, sentence=said, lost=len(lost), wrong=len(wrong))
    assert not changed.ingest("dracula").success, "and it is asked again by the next run"

    revised = changed.with_settings(
        text_spaces="openai/text-embedding-3-small@256#2, openai/text-embedding-3-small@256"
    )
    found = revised.definitions.resolve_asset_graph().get_all_asset_keys()
    name = "openai-3-small-256-"
    [revision] = [key for key in found if key.path[0] == "text_embeddings" and key.path[-1].startswith(name)]
    assert revised.materialize("/".join(revision.path), "emma").success
    assert vectors(deployment) == stored


def test_an_unchanged_model_is_asked_at_most_once_an_hour_and_only_before_something_is_written(deployment: Deployment):
    begun(deployment)
    sent = deployment.inputs
    an_hour_passes(deployment)
    assert deployment.ingest("emma").success
    assert deployment.inputs == sent, "nothing is missing, so nothing is asked"
    for seed, extra in ((3, REFERENCES), (4, 0)):
        deployment.drop("dracula.txt", story(chapters=1, seed=seed))
        before = deployment.inputs
        assert deployment.ingest("dracula").success
        [(needed,)] = deployment.rows(
            "SELECT count(DISTINCT content_hash) FROM chunks c JOIN novels n ON n.id = novel_id WHERE novel = 'dracula'"
        )
        assert deployment.inputs - before == needed + extra
    [(lowest,)] = deployment.rows("SELECT lowest_cosine FROM model_checks")
    assert lowest > 0.999


def test_what_the_references_cost_is_booked_without_a_novel(deployment: Deployment):
    begun(deployment)
    an_hour_passes(deployment)
    deployment.drop("dracula.txt", story(chapters=1, seed=7))
    assert deployment.ingest("dracula").success
    [(inputs, tokens)] = deployment.rows("SELECT inputs, tokens FROM spending WHERE novel IS NULL")
    assert (inputs, tokens > 0) == (REFERENCES, True)


def test_a_local_model_whose_weights_are_part_of_its_space_is_not_asked(deployment: Deployment):
    local = deployment.with_settings(text_spaces="sentence-transformers/all-MiniLM-L6-v2")
    local.drop("emma.txt", "CHAPTER 1\n\nOne.\n")
    assert local.ingest("emma").success
    an_hour_passes(local)
    local.drop("emma.txt", "CHAPTER 1\n\nTwo.\n")
    assert local.ingest("emma").success
    assert local.rows("SELECT count(*) FROM model_checks") == [(0,)]
