"""The scenes of panels over the samples, whose truth is in the panels' names, and what a run of them pays for."""

import re
import shutil
from pathlib import Path

from morpheus_assets.services.space_retention import collect_sentences
from morpheus_assets.store.insight.casts import load_characters
from morpheus_assets.store.insight.scenes import SceneMatch, load_character_panels, load_scenes, load_sentences
from morpheus_assets_tests.fixtures.deployment import Deployment, metadata_of, story

NOVEL = "the-last-lamp"
ASSETS = ("scene_sentences", "scene_panel_match", "character_panels")
ROWS = {
    "scene_sentences": "SELECT *, xmin::text FROM scene_sentences ORDER BY ordinal",
    "sentence_vectors": "SELECT content_hash, xmin::text FROM sentence_vectors ORDER BY content_hash",
    "panel_scenes": "SELECT *, xmin::text FROM panel_scenes ORDER BY ordinal",
    "spending": "SELECT id FROM spending",
}


def match_of(deployment: Deployment, novel: str = NOVEL) -> SceneMatch:
    for asset in ("scene_sentences", "scene_panel_match"):
        assert deployment.materialize(asset, novel).success
    match = load_scenes(deployment.engine, novel)
    assert match is not None
    return match


def right(match: SceneMatch) -> int:
    """How many panels have the chapter that their name says."""
    return sum(int(re.findall(r"chapter(\d)", panel.path)[0]) == panel.chapter for panel in match.panels)


def test_sample_panels_find_their_chapter_and_a_second_run_embeds_and_writes_nothing(samples: Deployment):
    match = match_of(samples)
    assert match.aligned
    assert right(match) >= 10, "of 12, with the demo model, which was trained on panels drawn like these"
    assert len(match.panels) == 12
    [(body,)] = samples.rows("SELECT body FROM novels")
    assert all(" ".join(body[p.char_start : p.char_end].split()) == p.sentence for p in match.panels)
    cat = next(panel for panel in match.panels if panel.path.endswith("chapter3-panel1.png"))
    assert cat.sentence == "It was an orange cat, and it was asleep."
    before = {name: samples.rows(query) for name, query in ROWS.items()}
    assert all(before.values())
    results = {asset: samples.materialize(asset, NOVEL) for asset in ASSETS}
    assert {name: samples.rows(query) for name, query in ROWS.items()} == before
    said = metadata_of(results["scene_sentences"], "scene_sentences")
    assert (said["embedded"], said["reused"], said["requests"]) == (0, len(load_sentences(samples.engine, NOVEL)), 0)
    shown = metadata_of(results["scene_panel_match"], "scene_panel_match")
    assert str(shown["heat_map"]).startswith("![")
    assert shown["chapters_without_a_panel"] == ", ".join(map(str, match.without_panel)) or "none"
    assert (
        said["dagster/row_count"] == said["dagster/partition_row_count"] == len(load_sentences(samples.engine, NOVEL))
    )
    assert shown["dagster/row_count"] == shown["dagster/partition_row_count"] == 12


def test_an_edited_sentence_is_embedded_alone_and_the_old_one_is_collected_once_announced(samples: Deployment):
    match_of(samples)
    vectors = len(samples.rows(ROWS["sentence_vectors"]))
    path = samples.settings.novels_folder / f"{NOVEL}.txt"
    path.write_text(path.read_text("utf-8").replace("It was an orange cat,", "It was a ginger cat,"), "utf-8")
    assert samples.run("ingest_novels", NOVEL).success
    done = samples.materialize("scene_sentences", NOVEL)
    assert metadata_of(done, "scene_sentences")["embedded"] == 1
    assert len(samples.rows(ROWS["sentence_vectors"])) == vectors + 1
    assert "1 vectors of sentences are needed by nothing" in str(list(collect_sentences(samples.engine)))
    assert "are deleted" in str(list(collect_sentences(samples.engine)))
    assert list(collect_sentences(samples.engine)) == []
    assert len(samples.rows(ROWS["sentence_vectors"])) == vectors
    spent = samples.rows("SELECT inputs FROM spending WHERE starts_with(space_key, 'open-clip') ORDER BY id")
    assert spent[-1] == (1,), "booked under the space whose model embedded it"


def test_what_a_person_confirmed_decides_and_a_line_that_fits_nothing_is_named(samples: Deployment):
    folder = Path(str(samples.settings.content)) / "panels" / NOVEL
    (folder / "scenes.tsv").write_text(
        "page\tchapter\tquotation\n"
        "chapter6-panel1.png\t6\tthere in outer space the red robot jumped\nnobody.png\t2\nchapter1-panel1.png\t40\n",
        "utf-8",
    )
    assert samples.ingest_panels(NOVEL).success, "a file of scenes is no page at fault"
    samples.materialize("scene_sentences", NOVEL)
    done = samples.materialize("scene_panel_match", NOVEL)
    notes = str(metadata_of(done, "scene_panel_match")["notes"])
    assert "names the page nobody.png, which is not stored" in notes
    assert "names chapter 40 for chapter1-panel1.png" in notes
    match = load_scenes(samples.engine, NOVEL)
    assert match is not None
    [said] = [panel for panel in match.panels if panel.confirmed]
    assert (said.chapter, said.path) == (6, f"{NOVEL}/chapter6-panel1.png")
    assert said.sentence.startswith("But there in outer space the red robot jumped")
    assert right(match) >= 11, "and the panel behind it cannot show an earlier chapter any more"


def test_panels_without_a_text_and_texts_without_panels_are_no_failure(samples: Deployment):
    content = Path(str(samples.settings.content))
    shutil.copytree(content / "panels" / NOVEL, content / "panels" / "alone")
    samples.drop("emma.txt", story())
    assert samples.ingest_panels("alone").success
    assert samples.ingest("emma").success
    for novel in ("alone", "emma"):
        for asset in ASSETS if novel == "alone" else ():
            assert samples.materialize(asset, novel).success
        assert load_scenes(samples.engine, novel) is None
    assert samples.rows("SELECT count(*) FROM spending WHERE novel = 'alone' AND tokens > 0") == [(0,)]


def test_panels_like_a_characters_reference_pictures_come_with_the_least_like_ones_first(samples: Deployment):
    folder = Path(str(samples.settings.content)) / "characters"
    folder.mkdir()
    (folder / f"{NOVEL}.toml").write_text(
        '[[character]]\nname = "Tock"\npanels = ["chapter1-panel1.png", "chapter3-panel2.png", "chapter3-panel1.png"]\n'
    )
    assert samples.materialize("characters", NOVEL).success
    assert load_characters(samples.engine, NOVEL)[0].name == "Tock"
    assert samples.materialize("character_panels", NOVEL).success
    found = load_character_panels(samples.engine, NOVEL)
    assert {each.character for each in found} == {"Tock"}
    assert [each.likeness for each in found] == sorted(each.likeness for each in found)
    references = [each.path.partition("/")[2] for each in found if each.reference]
    assert references[0] == "chapter3-panel1.png", "the sleeping cat is no picture of the robot"
    before = samples.rows("SELECT *, xmin::text FROM character_panels ORDER BY ordinal")
    assert samples.materialize("character_panels", NOVEL).success
    assert samples.rows("SELECT *, xmin::text FROM character_panels ORDER BY ordinal") == before
