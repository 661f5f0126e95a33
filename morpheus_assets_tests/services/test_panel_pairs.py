"""Pairs of panels and sentences: which are written, with what beside them, and that open_clip trains with the file."""

import csv
import re
import warnings
from argparse import Namespace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import text

from morpheus_assets.services.panel_pairs import export_panel_pairs, margin
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets.store.insight.scenes import load_scenes
from morpheus_assets_tests.fixtures.deployment import Deployment
from morpheus_assets_tests.fixtures.remembered import Remember

NOVEL = "the-last-lamp"


@pytest.fixture
def matched(samples: Deployment, remember: Remember) -> Deployment:
    def match() -> None:
        for asset in ("scene_sentences", "scene_panel_match"):
            assert samples.materialize(asset, NOVEL).success

    remember("samples with their scenes", samples, match)
    return samples


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_panels_are_written_whose_chapter_fits_better_than_any_other_and_those_a_person_confirmed(
    matched: Deployment, tmp_path: Path
):
    match = load_scenes(matched.engine, NOVEL)
    assert match is not None
    sure = [panel for panel in match.panels if margin(match, panel) > 0]
    doubtful = [panel for panel in match.panels if margin(match, panel) <= 0]
    done = export_panel_pairs(matched.engine, matched.settings, tmp_path / "a", licence="CC0")
    [file] = done.files.values()
    rows = rows_of(file)
    assert 0 < len(rows) == sum(done.rows.values()) <= len(sure)
    right = sum(row["chapter"] in re.findall(r"chapter(\d)", row["page"]) for row in rows)
    assert right / len(rows) >= 0.8
    assert {row["licence"] for row in rows} == {"CC0"}
    assert {row["kind"] for row in rows} == {"matched"}
    assert {row["split"] for row in rows} == {file.stem}
    for row in rows:
        assert Image.open(row["filepath"]).size == Image.open(str(SAMPLES / "panels" / row["page"])).size
    stricter = export_panel_pairs(matched.engine, matched.settings, tmp_path / "b", least_margin=0.1)
    assert sum(stricter.rows.values()) < len(rows)
    page = doubtful[0].path.partition("/")[2]
    folder = Path(str(matched.settings.content)) / "panels" / NOVEL
    (folder / "scenes.tsv").write_text(f"{page}\t{page[7]}\n")
    assert matched.materialize("scene_panel_match", NOVEL).success
    [file] = export_panel_pairs(matched.engine, matched.settings, tmp_path / "c").files.values()
    [said] = [row for row in rows_of(file) if row["kind"] == "confirmed"]
    assert said["page"].endswith(page)
    assert said["chapter"] == page[7]


def test_of_panels_that_follow_no_chapters_only_those_above_a_bound_that_was_given_are_written(
    matched: Deployment, tmp_path: Path
):
    with matched.engine.begin() as connection:
        connection.execute(text("UPDATE scene_matches SET aligned = false"))
    assert export_panel_pairs(matched.engine, matched.settings, tmp_path / "a").files == {}
    given = export_panel_pairs(matched.engine, matched.settings, tmp_path / "b", least_margin=0.01)
    assert sum(given.rows.values()) > 0


def test_a_sentence_that_an_evaluation_asks_is_no_caption_and_a_picture_that_changed_is_left_out(
    matched: Deployment, tmp_path: Path
):
    [file] = export_panel_pairs(matched.engine, matched.settings, tmp_path / "a").files.values()
    first, second, *_ = rows_of(file)
    content = Path(str(matched.settings.content))
    (content / "questions").mkdir()
    (content / "questions" / "mine.tsv").write_text(
        f"question\tnovel\tchapters\n{first['title'].upper()}\t{NOVEL}\t1\n", "utf-8"
    )
    Image.new("RGB", (9, 9)).save(content / "panels" / second["page"])
    [file] = export_panel_pairs(matched.engine, matched.settings, tmp_path / "b").files.values()
    written = {row["page"] for row in rows_of(file)}
    assert first["page"] not in written
    assert second["page"] not in written
    assert written


@pytest.mark.slow  # importing open_clip's training takes seconds
def test_open_clips_own_training_takes_a_step_with_the_exported_file(matched: Deployment, tmp_path: Path):
    [file] = export_panel_pairs(matched.engine, matched.settings, tmp_path).files.values()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from open_clip import ClipLoss, image_transform
        from open_clip_train.data import get_csv_dataset
        from open_clip_train.train import train_one_epoch

        from morpheus_assets.domain.spaces import SpaceName
        from morpheus_assets.embedding.clip.model import load_clip
        from morpheus_assets.embedding.clip.sources import find_clip_source

        clip = load_clip(find_clip_source(SpaceName("open_clip", "demo")), "fp32", 1)
        # what open_clip's own command line gives unless it is told otherwise
        arguments = Namespace(
            train_data=str(file), csv_img_key="filepath", csv_caption_key="title", csv_separator="\t", batch_size=4,
            workers=0, distributed=False, device="cpu", precision="fp32", distill=False, accum_freq=1, horovod=False,
            skip_scheduler=True, grad_clip_norm=None, rank=0, local_rank=0, log_every_n_steps=1, world_size=1,
            save_logs=False, wandb=False,
        )  # fmt: skip
        transform = image_transform(clip.preparation.side, is_train=True)
        data = get_csv_dataset(arguments, transform, is_train=True, tokenizer=clip.tokenizer)
        model = clip.module.train()
        for weights in model.parameters():
            weights.requires_grad_(True)
        model.output_dict = True
        before = [weights.detach().clone() for weights in model.parameters()]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        train_one_epoch(model, {"train": data}, ClipLoss(), 0, optimizer, None, None, None, arguments)
    assert data.dataloader.num_batches >= 1
    assert any(not weights.equal(old) for weights, old in zip(model.parameters(), before, strict=True))
