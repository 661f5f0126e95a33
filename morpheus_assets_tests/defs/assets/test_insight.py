"""The insight assets over a stored novel: what is written, what a second run changes, and that nothing is paid for."""

import warnings
from pathlib import Path

import pytest

from morpheus_assets.insight.people_words import names_note
from morpheus_assets.insight.training_pairs import split_of
from morpheus_assets.services.similar_novels import similar_novels
from morpheus_assets.services.training_pairs import SPLITS, TRAINED, export_pairs
from morpheus_assets.store.insight.casts import load_characters, load_looks
from morpheus_assets.store.insight.training_pairs import load_pairs
from morpheus_assets.store.spaces.spaces import list_spaces
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, metadata_of, story
from morpheus_assets_tests.insight.test_characters import STORY

ROWS = {
    "characters": "SELECT *, xmin::text FROM characters ORDER BY name",
    "character_looks": "SELECT *, xmin::text FROM character_looks ORDER BY ordinal",
    "novel_means": "SELECT *, xmin::text FROM novel_means",
    "training_pairs": "SELECT *, xmin::text FROM training_pairs ORDER BY ordinal",
}
ASSETS = ("characters", "character_sheets", "similar_novels", "training_pairs")


def tale(extra: str = "") -> str:
    wig = "Mr. Harrow had a flaxen wig. Nobody spoke. Mr. Harrow's brown wig was gone."
    chapters = story(chapters=3, paragraphs=8)
    return f"{chapters}\n\nCHAPTER 4\n\n{STORY}\n\n{wig}{extra}\n"


def rows(deployment: Deployment) -> dict[str, list[tuple]]:
    return {name: deployment.rows(query) for name, query in ROWS.items()}


def test_a_novels_insight_is_stored_made_anew_only_where_it_changed_and_never_paid_for(deployment: Deployment):
    deployment.drop("emma.txt", tale())
    assert deployment.ingest("emma").success
    paid = deployment.requests
    results = {asset: deployment.materialize(asset, "emma") for asset in ASSETS}
    assert all(result.success for result in results.values())
    cast = {one.name: one for one in load_characters(deployment.engine, "emma")}
    assert {"Mr. Harrow", "Mrs. Harrow", "Anna Harrow", "Captain Brand", "Felden"} <= set(cast)
    looks = load_looks(deployment.engine, "emma")
    assert [(look.attribute, look.contradicts) for look in looks] == [("flaxen", "brown"), ("brown", "fair")]
    [(body,)] = deployment.rows("SELECT body FROM novels")
    assert all(" ".join(body[look.char_start : look.char_end].split()) == look.sentence for look in looks)
    assert metadata_of(results["character_sheets"], "character_sheets")["contradictions"] == 2
    for asset, result in results.items():
        said = metadata_of(result, asset)
        assert said["dagster/row_count"] == said["dagster/partition_row_count"] > 0, "the table holds one novel"
    pairs = load_pairs(deployment.engine, "emma")
    assert pairs
    assert all(pair.negatives for pair in pairs[:3])
    before = rows(deployment)
    assert all(before.values())
    for asset in ASSETS:
        assert deployment.materialize(asset, "emma").success
    assert rows(deployment) == before
    assert deployment.requests == paid


def test_a_persons_file_confirms_a_cast_and_one_at_fault_is_a_sentence_that_keeps_what_is_stored(
    deployment: Deployment,
):
    folder = Path(str(deployment.settings.content)) / "characters"
    folder.mkdir()
    deployment.drop("emma.txt", tale())
    deployment.ingest("emma")
    (folder / "emma.toml").write_text('[[character]]\nname = "Anna"\naliases = ["Anna Harrow"]\npanels = ["a.png"]\n')
    assert deployment.materialize("characters", "emma").success
    first = load_characters(deployment.engine, "emma")[0]
    assert (first.name, first.confirmed, first.panels) == ("Anna", True, ("a.png",))
    (folder / "emma.toml").write_text("[[character]]\nnames = 3\n")
    failed = deployment.materialize("characters", "emma")
    assert "emma.toml: character 1 has 'names', which is not known" in failure_of(failed)
    assert load_characters(deployment.engine, "emma")[0] == first


def test_a_novel_in_a_language_that_is_not_read_says_so_instead_of_being_silently_empty(deployment: Deployment):
    german = "Kapitel 1\n\n" + "Der alte Müller ging am Abend nach Hause, und die Nacht war kalt und still. " * 40
    deployment.drop("mueller.txt", german)
    deployment.ingest("mueller")
    said = [metadata_of(deployment.materialize(asset, "mueller"), asset) for asset in ASSETS[:2]]
    assert "note" not in said[0], "German names are proposed"
    assert said[1]["note"] == "Looks are read in English only, and this text is in de."
    known = "de, en, es, fr, it, nl, pt, ru, zh"
    assert names_note("fi").startswith(f"Names are proposed in {known} only, and this text is in fi")


def test_novels_like_a_novel_are_found_with_the_passages_that_say_why(deployment: Deployment):
    shared = story(chapters=3, seed=7)
    deployment.drop("anna.txt", shared)
    deployment.drop("emma.txt", shared + story(chapters=1, seed=8))
    deployment.drop("zoe.txt", story(chapters=3, seed=9))
    deployment.ingest("anna", "emma", "zoe")
    assert deployment.materialize("similar_novels", "anna", "emma", "zoe").success
    [space] = list_spaces(deployment.engine, "text")
    found = similar_novels(deployment.engine, space, "anna", 5)
    assert next(each.novel for each in found) == "emma"
    why = found[0].reasons[0]
    assert why.mine_text == why.other_text
    assert why.similarity == pytest.approx(1, abs=0.01)
    assert similar_novels(deployment.engine, space, "nobody", 5) == []


def test_pairs_are_exported_by_novel_and_leave_out_what_an_evaluation_asks(deployment: Deployment, tmp_path: Path):
    import json

    import pyarrow.parquet as pq

    for seed, name in enumerate(("anna", "emma", "zoe")):
        deployment.drop(f"{name}.txt", story(chapters=3, seed=seed))
    deployment.ingest("anna", "emma", "zoe")
    deployment.materialize("training_pairs", "anna", "emma", "zoe")
    asked = load_pairs(deployment.engine, "anna")[0].question
    questions = Path(str(deployment.settings.content)) / "questions"
    questions.mkdir()
    (questions / "judged.tsv").write_text(f"question\tnovel\tchapters\tquotation\n{asked}\tanna\t1\t\n")
    deployment.materialize("training_pairs", "anna", "emma", "zoe")
    assert asked not in {pair.question for pair in load_pairs(deployment.engine, "anna")}
    done = export_pairs(deployment.engine, tmp_path / "a", "jsonl", licence="CC0")
    lines = [json.loads(line) for file in done.files.values() for line in file.read_text().splitlines()]
    assert {line["novel"]: line["split"] for line in lines} == {
        name: split_of(name, SPLITS) for name in ("anna", "emma", "zoe")
    }
    for line in lines:
        assert line["anchor"] not in line["positive"]
        assert line["licence"] == "CC0"
        assert line["negative_1"] != line["positive"]
        assert line["negative_4"]
    tables = export_pairs(deployment.engine, tmp_path / "b", "parquet")
    assert sum(pq.read_table(file).num_rows for file in tables.files.values()) == len(lines)
    assert tuple(lines[0])[: len(TRAINED)] == TRAINED
    one = export_pairs(deployment.engine, tmp_path / "c", "jsonl", ["emma"])
    assert list(one.rows) == [split_of("emma", SPLITS)]


def test_a_persons_questions_for_training_become_pairs_with_the_passage_that_they_quote(deployment: Deployment):
    text = tale()
    deployment.drop("emma.txt", text)
    deployment.ingest("emma")
    content = Path(str(deployment.settings.content))
    (content / "training").mkdir()
    (content / "questions").mkdir()
    lines = [
        "question\tquotation",
        "Who wore something on the head?\tMr. Harrow had a flaxen wig",
        "What is asked by the evaluation?\tNobody spoke",
        "Where is the dragon?\tThe dragon slept",
    ]
    (content / "training" / "emma.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    asked = "question\tnovel\tchapters\nwhat is asked, by the EVALUATION\temma\t4\n"
    (content / "questions" / "judged.tsv").write_text(asked, "utf-8")
    done = deployment.materialize("training_pairs", "emma")
    assert metadata_of(done, "training_pairs")["judged"] == 1
    [pair] = [pair for pair in load_pairs(deployment.engine, "emma") if pair.kind == "judged"]
    assert pair.question == "Who wore something on the head?"
    [(body,)] = deployment.rows(f"SELECT body FROM passages WHERE content_hash = '\\x{pair.positive.hex()}'")
    assert "Mr. Harrow had a flaxen wig" in " ".join(body.split())


@pytest.mark.slow  # importing torch, transformers and datasets takes seconds
def test_the_trainer_of_sentence_transformers_takes_a_step_with_the_exported_file(
    deployment: Deployment, tmp_path: Path
):
    deployment.drop("emma.txt", story(chapters=3))
    deployment.ingest("emma")
    deployment.materialize("training_pairs", "emma")
    [file] = export_pairs(deployment.engine, tmp_path, "parquet").files.values()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from datasets import Dataset
        from sentence_transformers import (
            SentenceTransformer,
            SentenceTransformerTrainer,
            SentenceTransformerTrainingArguments,
        )
        from sentence_transformers.losses import MultipleNegativesRankingLoss
        from sentence_transformers.models import StaticEmbedding
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from tokenizers.pre_tokenizers import Whitespace

        rows = Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache")).select_columns(list(TRAINED))
        words = sorted({word for row in rows for column in TRAINED for word in row[column].split()})
        tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(["[UNK]", *words])}, "[UNK]"))
        tokenizer.pre_tokenizer = Whitespace()
        model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)], device="cpu")
        before = [weights.detach().clone() for weights in model.parameters()]
        arguments = SentenceTransformerTrainingArguments(
            str(tmp_path / "trained"), max_steps=1, per_device_train_batch_size=8, learning_rate=0.5, use_cpu=True,
            report_to=[], save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        trainer = SentenceTransformerTrainer(model, arguments, rows, loss=MultipleNegativesRankingLoss(model))
        done = trainer.train()
    assert done.global_step == 1
    assert done.training_loss > 0
    assert any(not weights.equal(old) for weights, old in zip(model.parameters(), before, strict=True))
