import numpy as np

from morpheus_assets.insight.training_pairs import (
    TOO_ALIKE,
    PairPassage,
    make_pairs,
    split_of,
    without_sentence,
    work_of,
)


def passage(number: int, chapter: int, body: str | None = None) -> PairPassage:
    text = body or (
        f"The first sentence of passage {number} tells of a lighthouse far away. "
        f"A second sentence of passage {number} speaks of the winter and of the sea."
    )
    return PairPassage(bytes([number]) * 32, chapter, text, number)


VECTORS = np.array([[1, 0, 0], [0.99, 0.14, 0], [0.8, 0.6, 0], [0.7, 0, 0.7], [0.6, 0, 0.8]], dtype=np.float32)
PASSAGES = [passage(0, 1), passage(1, 1), passage(2, 2), passage(3, 2), passage(4, 3)]


def test_a_question_is_a_sentence_of_its_passage_and_negatives_are_near_ones_of_other_chapters():
    pairs = make_pairs(PASSAGES, VECTORS)
    assert [pair.positive for pair in pairs] == [each.content_hash for each in PASSAGES]
    for pair, held in zip(pairs, PASSAGES, strict=True):
        assert pair.question in held.body
    first = pairs[0]
    assert first.negatives == (PASSAGES[2].content_hash, PASSAGES[3].content_hash, PASSAGES[4].content_hash)
    chapters = {each.content_hash: each.chapter for each in PASSAGES}
    assert all(chapters[negative] != pair.chapter for pair in pairs for negative in pair.negatives)


def test_a_passage_that_is_too_alike_is_no_negative():
    vectors = np.array([[1, 0, 0], [0.3, 0.9, 0], [1, 0.01, 0], [0.5, 0, 0.8], [0, 1, 0]], dtype=np.float32)
    [first, *_] = make_pairs(PASSAGES, vectors)
    assert PASSAGES[2].content_hash not in first.negatives
    assert TOO_ALIKE == 0.95


def test_questions_of_an_evaluation_and_sentences_that_occur_twice_are_never_asked():
    every = [" ".join(half.split()) + "." for each in PASSAGES for half in each.body.split(".") if half.strip()]
    pairs = make_pairs(PASSAGES, VECTORS, [every[0].upper(), every[1]])
    assert PASSAGES[0].content_hash not in {pair.positive for pair in pairs}
    assert len(pairs) == 4
    same = [passage(0, 1), passage(1, 2, PASSAGES[0].body)]
    assert make_pairs(same, VECTORS) == []
    assert make_pairs([passage(0, 1, "Only one sentence stands here and nothing else at all.")], VECTORS) == []


def test_the_passage_is_trained_without_the_sentence_that_asks_for_it():
    [pair, *_] = make_pairs(PASSAGES, VECTORS)
    rest = without_sentence(PASSAGES[0].body, pair.question)
    assert pair.question not in rest
    assert rest
    assert without_sentence("Something else.", pair.question) == "Something else."


def test_a_novel_belongs_to_one_split_and_many_novels_fill_all_of_them():
    shares = {"train": 80, "validation": 10, "test": 10}
    found = [split_of(f"novel-{number}", shares) for number in range(1000)]
    assert found == [split_of(f"novel-{number}", shares) for number in range(1000)]
    assert 740 < found.count("train") < 860
    assert found.count("test") > 60
    assert found.count("validation") > 60


def test_two_files_of_one_work_are_one_work():
    frankenstein = work_of("frankenstein", "Frankenstein; Or, The Modern Prometheus", "Mary Wollstonecraft Shelley")
    assert work_of("frankenstein-epub", "Frankenstein", "Mary Shelley") == frankenstein
    assert work_of("other", "Frankenstein", "Somebody Else") != frankenstein
    assert work_of("nameless", None, None) == "nameless"


def test_half_a_sentence_is_no_question_and_a_passage_that_is_hardly_more_has_none():
    whole = "The bride waited with her mother in the cold church for an hour."
    body = (
        f"and I hazard the guess that nobody will ever know of it. The wedding day had come at last, on the 3. {whole}"
    )
    for number in range(12):
        others = [passage(1, 2), passage(2, 3)]
        [pair, *_] = make_pairs([PairPassage(bytes([90 + number]) * 32, 1, body, 0), *others], VECTORS)
        assert pair.question == whole
    short = [passage(0, 1, f"Oh, no. {whole}"), passage(1, 2), passage(2, 3)]
    assert passage(0, 1).content_hash not in {pair.positive for pair in make_pairs(short, VECTORS)}
