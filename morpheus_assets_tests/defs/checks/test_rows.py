from dataclasses import replace
from hashlib import sha256

import dagster as dg
import pytest
from PIL import Image

from morpheus_assets.defs.checks.rows import chapter_faults, coverage_faults
from morpheus_assets.domain.content import Chapter
from morpheus_assets.store.content.chunks import PlacedChunk
from morpheus_assets_tests.defs.sensors.test_new_content import drop_panels
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, story
from morpheus_assets_tests.text.readers.container_files import epub

CONTENTS = "CONTENTS\n\n" + "\n".join(f"CHAPTER {number}. The {number}th" for number in range(1, 7)) + "\n\n\n"


def evaluated(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def statuses(deployment: Deployment, result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What the UI shows of each check that a run had planned."""
    storage = deployment.instance.event_log_storage
    planned = [
        event.dagster_event.asset_check_planned_data.asset_check_key
        for event in deployment.instance.all_logs(
            result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
        )
    ]
    return {
        f"{key.asset_key.path[0]}:{key.name}": storage.get_asset_check_execution_history(key, limit=1)[0].status.value
        for key in planned
    }


def chunk(chapter: int, ordinal: int, text: str, start: int, end: int) -> PlacedChunk:
    return PlacedChunk(chapter, ordinal, start, end, 3, sha256(text[start:end].encode()).digest())


def test_text_that_no_chunk_holds_is_quoted_and_white_space_is_not_missed():
    text = "One two.\n\n  Three four.\n\nFive six."
    rows = [(1, 0, 25), (2, 25, len(text))]
    whole = [chunk(1, 1, text, 0, 8), chunk(1, 2, text, 12, 23), chunk(2, 3, text, 25, len(text))]
    assert coverage_faults("emma", text, rows, whole) == []
    assert coverage_faults("emma", text, rows, whole[:1] + whole[2:]) == [
        "emma: no chunk holds 'Three four.' in chapter 1."
    ]
    [fault] = coverage_faults("emma", text, rows, [whole[0], whole[1], chunk(2, 3, text, 25, len(text) - 4)])
    assert fault == "emma: no chunk holds 'six.' in chapter 2."
    moved = replace(chunk(1, 1, text, 0, 8), char_start=1, char_end=9)
    assert "chunk 1 is not the text from 1 to 9" in coverage_faults("emma", text, rows, [moved, *whole[1:]])[0]


def test_a_chapter_that_is_a_heading_alone_or_most_of_the_novel_is_named():
    even = [Chapter(number, f"C{number}", number * 1000, (number + 1) * 1000, number) for number in range(4)]
    assert chapter_faults("emma", even) == []
    heading = Chapter(9, "C9", 5000, 5020, 9)
    assert chapter_faults("emma", [*even, heading]) == ["emma: chapter 9, 'C9', has 20 characters."]
    [said] = chapter_faults("emma", [*even, Chapter(9, "C9", 5000, 50_000, 9)])
    assert said == "emma: chapter 9, 'C9', holds 92% of the novel."
    assert chapter_faults("emma", [Chapter(1, "All", 0, 9000, 1)]) == [], "a novel of one chapter is one"


def test_a_healthy_ingest_passes_every_check_of_its_rows(deployment: Deployment):
    deployment.drop("emma.txt", CONTENTS + story(chapters=6, paragraphs=2))
    found = evaluated(deployment.ingest("emma"))
    for name in ("as_many_as_its_contents_name", "chapter_lengths", "text_is_covered", "chunk_sizes"):
        assert found[name].passed, found[name].description


def test_an_epubs_chapters_are_counted_within_the_run(deployment: Deployment):
    titles = {f"c{number}.xhtml": f"Chapter {number}. The {number}th" for number in range(1, 5)}
    pages = {name: f"<h1>{title}</h1><p>{'Rain fell on the roof. ' * 60}</p>" for name, title in titles.items()}
    nav = "".join(f'<li><a href="{name}">{title}</a></li>' for name, title in titles.items())
    deployment.drop("emma.epub", epub(pages, nav=f'<nav epub:type="toc"><ol>{nav}</ol></nav>'))
    check = evaluated(deployment.ingest("emma"))["as_many_as_its_contents_name"]
    assert check.passed
    assert check.description == "as many chapters as the tables of contents of 1 novel name"


def test_chapters_are_counted_against_the_novels_own_contents(deployment: Deployment):
    deployment.drop("emma.txt", CONTENTS + story(chapters=6, paragraphs=2))
    deployment.ingest("emma")
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE chapters SET title = 'Something' WHERE ordinal > 2")
    job = deployment.definitions.get_implicit_global_asset_job_def()
    key = dg.AssetCheckKey(dg.AssetKey("chapters"), "as_many_as_its_contents_name")
    result = job.get_subset(asset_check_selection={key}).execute_in_process(instance=deployment.instance)
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert "its table of contents names 6 numbered chapters, 2 were found" in check.description


def shorten_chunks(deployment: Deployment) -> None:
    """From now on each chunk is stored as ending thirty characters before its end."""
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION shorten() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.char_end := NEW.char_end - 30; RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER shorten BEFORE INSERT ON chunks FOR EACH ROW EXECUTE FUNCTION shorten()"
        )


def test_chunks_that_lack_text_are_not_paid_for(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=2))
    shorten_chunks(deployment)
    result = deployment.ingest("emma")
    assert not result.success
    assert not evaluated(result)["text_is_covered"].passed
    assert deployment.inputs == 0
    shown = statuses(deployment, result)
    assert "PLANNED" not in shown.values(), shown


@pytest.mark.slow  # two ingests, one of them before a provider that is down
def test_a_check_behind_a_step_that_failed_says_so_and_keeps_what_it_said(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=1))
    assert deployment.ingest("emma").success
    deployment.drop("emma.txt", story(chapters=1, seed=5))
    broken = deployment.with_settings(openai_base_url="http://127.0.0.1:9/v1")
    result = broken.ingest("emma")
    assert not result.success
    shown = statuses(deployment, result)
    assert "PLANNED" not in shown.values(), shown
    coverage = evaluated(result)["coverage"]
    assert coverage.passed
    assert coverage.description.startswith("Not evaluated in this run, for text_embeddings/")
    assert "It said before: 3 of 3 distinct chunks have a vector" in coverage.description
    [never] = [each for each in evaluated(broken.ingest("emma")).values() if each.check_name == "coverage"]
    assert never.description.count("It said before") == 1


def test_panels_that_a_model_sees_nothing_of_are_named(deployment: Deployment):
    folder = drop_panels(deployment, "emma", 1)
    Image.new("RGB", (40, 300), "red").save(folder / "thin.png")
    check = evaluated(deployment.ingest_panels("emma"))["panels_are_large_enough"]
    assert not check.passed
    assert "emma/thin.png has 40 × 300 pixels." in check.description


def test_a_sound_novel_does_not_hide_the_fault_of_the_one_before_it(deployment: Deployment):
    most_of_it = "\n\nCHAPTER 4. The Long One\n\n" + "Rain fell on the roof of the old lighthouse. " * 250
    deployment.drop("emma.txt", story(chapters=3, paragraphs=2) + most_of_it)
    deployment.drop("persuasion.txt", story(chapters=3, paragraphs=2, seed=4))
    first = evaluated(deployment.ingest("emma"))["chapter_lengths"]
    assert not first.passed
    second = evaluated(deployment.ingest("persuasion"))["chapter_lengths"]
    assert not second.passed
    assert second.severity == dg.AssetCheckSeverity.WARN
    assert second.description is not None
    assert second.description.startswith("The novels of this run are sound: 3 chapters of ")
    assert "1 to look at: emma: chapter 4, 'CHAPTER 4. The Long One', holds" in second.description
    deployment.drop("emma.txt", story(chapters=3, paragraphs=2))
    assert evaluated(deployment.ingest("emma"))["chapter_lengths"].passed
    assert evaluated(deployment.ingest("persuasion"))["chapter_lengths"].passed


def test_a_fault_of_a_novel_that_was_removed_is_forgotten(deployment: Deployment):
    small = Image.new("RGB", (40, 300), "red")
    for novel, picture in (("emma", small), ("persuasion", Image.new("RGB", (200, 300), "blue"))):
        (deployment.settings.panels_folder / novel).mkdir(parents=True)
        picture.save(deployment.settings.panels_folder / novel / "1.png")
    assert not evaluated(deployment.ingest_panels("emma"))["panels_are_large_enough"].passed
    warned = evaluated(deployment.ingest_panels("persuasion"))["panels_are_large_enough"]
    assert warned.metadata["by_novel"].value == {"emma": ["emma/1.png has 40 × 300 pixels."]}
    deployment.instance.delete_dynamic_partition("panels", "emma")
    assert evaluated(deployment.ingest_panels("persuasion"))["panels_are_large_enough"].passed


def test_what_a_run_left_uncovered_does_not_keep_the_next_novel_from_its_vectors(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=2))
    deployment.drop("persuasion.txt", story(chapters=2, seed=4))
    shorten_chunks(deployment)
    assert not deployment.ingest("emma").success
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER shorten ON chunks")
    result = deployment.ingest("persuasion")
    assert result.success, failure_of(result)
    check = evaluated(result)["text_is_covered"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert deployment.inputs > 0
