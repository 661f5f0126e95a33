from morpheus_assets.defs.jobs.catch_up import choose, launch
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.content import SourceFile
from morpheus_assets.store.content.novels import ingested_digests, refuse_novel
from morpheus_assets.store.content.source_files import forget_source_files, save_source_files
from morpheus_assets_tests.defs.model_change import count_runs
from morpheus_assets_tests.fixtures.deployment import Deployment, story


def library(deployment: Deployment, count: int) -> list[str]:
    """Small novels, ingested and known to the sensor."""
    names = [f"novel-{number:02}" for number in range(count)]
    for number, name in enumerate(names):
        deployment.drop(f"{name}.txt", story(chapters=1, paragraphs=2, seed=number))
    assert deployment.ingest(*names).success
    digests = ingested_digests(deployment.engine)
    files = [SourceFile("text", f"{name}.txt", name, 1, 1, digests[name].text) for name in names]
    save_source_files(deployment.engine, files)
    return names


def lose_vectors(deployment: Deployment, *novels: str) -> None:
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM embeddings_1 WHERE content_hash IN (SELECT content_hash FROM chunks c"
            " JOIN novels n ON n.id = c.novel_id WHERE n.novel = ANY(%s))",
            (list(novels),),
        )


def say_launch(deployment: Deployment) -> str:
    graph = deployment.definitions.resolve_asset_graph()
    return launch(deployment.instance, graph, DatabaseResource(deployment.settings))


def test_scattered_novels_that_lack_something_make_few_runs_with_whole_ones_taken_along(deployment: Deployment):
    names = library(deployment, 9)
    lose_vectors(deployment, *names[::2])
    wanted, taken = choose(DatabaseResource(deployment.settings), names, busy=(), most_runs=2)
    assert wanted == names[::2]
    assert set(wanted) <= set(taken)
    assert (count_runs(wanted, names), count_runs(taken, names)) == (5, 2)


def test_a_novel_that_is_refused_gone_or_at_work_is_never_taken_along(deployment: Deployment):
    names = library(deployment, 9)
    lose_vectors(deployment, *names[::2])
    refused, gone, busy = names[1], names[3], names[5]
    refuse_novel(deployment.engine, refused, f"{refused}.txt", "0" * 64, "It cannot be read.")
    save_source_files(deployment.engine, [SourceFile("text", f"{refused}.txt", refused, 2, 2, "0" * 64)])
    forget_source_files(deployment.engine, "text", [f"{gone}.txt"])
    wanted, taken = choose(DatabaseResource(deployment.settings), names, busy={busy}, most_runs=1)
    assert set(taken) - set(wanted) == {names[7]}


def test_one_backfill_of_the_whole_chain_is_launched_and_none_beside_it(deployment: Deployment):
    names = library(deployment, 3)
    lose_vectors(deployment, names[0], names[2])
    said = [say_launch(deployment), say_launch(deployment)]
    [backfill] = deployment.instance.get_backfills()
    assert backfill.title == "2 novels that are not whole"
    assert backfill.asset_selection is not None
    assert {key.path[0] for key in backfill.asset_selection} == {"novels", "chapters", "chunks", "text_embeddings"}
    assert said[0] == f"2 novels are not whole: backfill {backfill.backfill_id}."
    assert said[1] == f"The backfill {backfill.backfill_id} is still running, so none is added."


def test_nothing_is_launched_when_every_novel_is_whole(deployment: Deployment):
    library(deployment, 2)
    assert say_launch(deployment) == "Every novel is whole, refused, or at work."
    assert not deployment.instance.get_backfills()
