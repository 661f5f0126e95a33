import time
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from morpheus_assets.text.chunking.chunks import ChunkerSettings, cut_chunks
from morpheus_assets.text.chunking.tokens import (
    MeasuredText,
    TokenCounter,
    count_tokens,
    tokenizer,
)

WORDS = ["river", "stone", "morning", "whisper", "lantern", "garden", "winter", "soldier", "letter", "window"]


@dataclass(frozen=True)
class Span:
    ordinal: int
    char_start: int
    char_end: int


def prose(paragraphs: int, seed: int = 1, wrap: bool = False) -> str:
    random = Random(seed)
    written = []
    for _ in range(paragraphs):
        sentences = [
            " ".join(random.choices(WORDS, k=random.randint(5, 18))).capitalize() + random.choice(".!?")
            for _ in range(random.randint(1, 9))
        ]
        text = " ".join(sentences)
        written.append("\n".join(text[at : at + 70] for at in range(0, len(text), 70)) if wrap else text)
    return "\n\n".join(written)


def cut(text: str, **settings) -> list:
    return list(cut_chunks(text, [Span(1, 0, len(text))], ChunkerSettings(**settings)))


def real_tokens(text: str) -> int:
    return len(tokenizer().encode(text, add_special_tokens=False))


texts = st.one_of(
    st.text(max_size=3000),
    st.text(st.sampled_from("ab .\n—“”’é가字,。\u0301\u00a0😀"), max_size=3000),
    st.builds(prose, st.integers(1, 30), st.integers(0, 99), st.booleans()),
)


@settings(max_examples=150, deadline=None)
@given(texts, st.sampled_from([16, 40, 254]), st.sampled_from([0, 8]))
@example("x" * 30_000, 254, 0)
@example("!?" * 10_000, 254, 0)
@example("no full stop here " * 2_000, 40, 0)
@example("\n" * 5_000 + "x", 16, 0)
@example("가1A 나2b 豈3c", 16, 0)
def test_chunks_slice_back_keep_the_limit_and_are_deterministic(text, limit, overlap):
    text = text.encode("utf-8", "ignore").decode()
    chunks = cut(text, max_tokens=limit, overlap_tokens=overlap)
    assert chunks == cut(text, max_tokens=limit, overlap_tokens=overlap)
    covered = 0
    for ordinal, chunk in enumerate(chunks, 1):
        assert chunk.ordinal == ordinal
        assert text[chunk.char_start : chunk.char_end] == chunk.body
        assert chunk.body == chunk.body.strip() != ""
        assert chunk.content_hash == sha256(chunk.body.encode()).digest()
        assert chunk.token_count <= limit or len(chunk.body) == 1
        assert real_tokens(chunk.body) <= chunk.token_count
        assert not text[covered : chunk.char_start].strip()
        covered = chunk.char_end
    assert not text[covered:].strip()


def test_the_fast_count_is_the_tokenizers_own_for_ordinary_prose():
    text = prose(20) + " Don’t — “Mr. O’Neill’s” naïve 3,000-word café; 紅樓夢 第一回。 Всё ещё."
    assert count_tokens(text) == real_tokens(text)


@settings(max_examples=100, deadline=None)
@given(texts | st.text(st.characters(max_codepoint=127), max_size=400), st.data())
@example("word " * 40_000 + "x" * 300 + " " * 90 + "한국어" * 80, None)
def test_any_stretch_of_a_measured_text_counts_as_it_does_by_itself(text, data):
    counter = TokenCounter()
    measured = MeasuredText(text, counter)
    places = st.integers(0, len(text))
    pairs = [(0, 200_350), (199_990, 200_333), (65_537, 131_074)] if data is None else None
    for start, end in pairs or data.draw(st.lists(st.tuples(places, places), max_size=20)):
        start, end = min(start, end), max(start, end)
        assert measured.count(start, end) == counter.count(text[start:end])


@pytest.mark.parametrize("written", [str.lower, str.title, str.upper])
def test_every_word_that_the_tokenizer_knows_weighs_what_the_tokenizer_says(written):
    words = [word for word in tokenizer().get_vocab() if word.isalnum() and word.isascii()]
    text = written(" ".join(words))
    assert count_tokens(text) == real_tokens(text) == len(words)


def test_a_long_word_without_a_space_still_counts():
    assert count_tokens("a" * 1000) >= 1000 > real_tokens("a" * 1000)


def test_passages_end_where_sentences_end_though_lines_wrap():
    chunks = cut(prose(60, wrap=True))
    assert all(chunk.body[-1] in ".!?" for chunk in chunks)


def test_a_title_before_a_name_ends_no_passage():
    text = " ".join(f"On day {day} the letter came for Mr. Darcy and for Mrs. Long at home." for day in range(300))
    assert not any(chunk.body.endswith(("Mr.", "Mrs.")) for chunk in cut(text, max_tokens=60))


def test_a_heading_is_not_left_alone():
    long = "The road went on and on without an end in sight for anyone who walked it. " * 40
    chunks = cut(f"CHAPTER XII\n\n\n\n{long}\n\nHe left.")
    assert min(chunk.token_count for chunk in chunks) > 20


def test_chapters_are_cut_one_by_one_and_numbered_through():
    text = prose(40)
    middle = text.index("\n\n", len(text) // 2)
    chunks = list(cut_chunks(text, [Span(1, 0, middle), Span(2, middle, len(text))]))
    assert {chunk.chapter for chunk in chunks} == {1, 2}
    assert [chunk.ordinal for chunk in chunks] == list(range(1, len(chunks) + 1))
    assert all(chunk.char_end <= middle for chunk in chunks if chunk.chapter == 1)


def test_chunks_come_before_the_whole_novel_is_cut():
    class Chapters(list):
        def __iter__(self):
            yield Span(1, 0, len(text))
            raise AssertionError("the second chapter was asked for too early")

    text = prose(30)
    assert next(cut_chunks(text, Chapters())).ordinal == 1


def test_one_edit_changes_few_passages():
    text, random = prose(200, wrap=True), Random(5)
    before = {chunk.content_hash for chunk in cut(text)}
    changed = []
    for _ in range(40):
        at = random.randrange(len(text))
        edited = text[:at] + " lantern " + text[at:]
        changed.append(sum(chunk.content_hash not in before for chunk in cut(edited)))
    assert sorted(changed)[20] == 1
    assert max(changed) <= 12


@pytest.mark.parametrize("text", ["a" * 300_000, "#" * 300_000, ". " * 150_000, "0.51 " * 60_000, "字" * 100_000])
def test_time_grows_with_the_text_and_not_with_its_square(text):
    started = time.process_time()
    assert max(chunk.token_count for chunk in cut(text)) <= 254
    assert time.process_time() - started < 15


def test_overlap_repeats_the_end_of_the_passage_before():
    chunks = cut(prose(30), overlap_tokens=60)
    shared = [after.char_start < before.char_end for before, after in pairwise(chunks)]
    assert any(shared)


def test_settings_that_make_no_sense_are_refused_and_the_version_names_all_of_them():
    with pytest.raises(ValueError, match="too small"):
        ChunkerSettings(max_tokens=3)
    with pytest.raises(ValueError, match="overlap"):
        ChunkerSettings(max_tokens=100, overlap_tokens=60)
    version = ChunkerSettings(max_tokens=100, overlap_tokens=10).version()
    assert "semantic-text-splitter" in version
    assert "max=100; overlap=10" in version
    assert version != ChunkerSettings().version()


SPELLED = {
    "Russian": "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. ",
    "Thai": "ครอบครัวที่มีความสุขทุกครอบครัวเหมือนกัน แต่ครอบครัวที่ไม่มีความสุขต่างก็ไม่มีความสุขในแบบของตน ",
    "Hebrew": "כל המשפחות המאושרות דומות זו לזו, כל משפחה אומללה אומללה בדרכה שלה. ",
    "Korean": "행복한 가정은 모두 모습이 비슷하고, 불행한 가정은 모두 제각각의 불행을 안고 있다. ",
}


@pytest.mark.parametrize("language", SPELLED)
def test_a_passage_whose_letters_are_word_pieces_is_cut_as_long_as_a_model_of_many_languages_reads_it(language):
    text = SPELLED[language] * 60
    spelled, read = cut(text), cut(text, by_script="all")
    assert sum(len(chunk.body) for chunk in read) / len(read) > 1.7 * sum(len(c.body) for c in spelled) / len(spelled)
    for chunk in read:
        assert text[chunk.char_start : chunk.char_end] == chunk.body
        assert chunk.token_count <= 254
        assert sha256(chunk.body.encode()).digest() == chunk.content_hash


def test_chinese_passages_are_a_third_longer_and_english_ones_the_same():
    chinese = "幸福的家庭都是相似的，不幸的家庭各有各的不幸。家里一切都乱了套。" * 60
    short, longer = (max(len(chunk.body) for chunk in cut(chinese, by_script=by)) for by in ("off", "all"))
    assert 1.2 * short < longer < 1.5 * short
    assert cut(prose(60), by_script="all") == cut(prose(60))


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("аб щ.\n—字か각ไ ,ab"), max_size=3000), st.sampled_from([16, 40, 254]))
def test_chunks_by_script_keep_the_limit_too(text, limit):
    chunks = cut(text, max_tokens=limit, by_script="all")
    assert "".join("".join(chunk.body for chunk in chunks).split()) == "".join(text.split())
    assert all(chunk.token_count <= limit for chunk in chunks)


def test_what_was_cut_before_is_cut_by_script_only_when_all_is_to_be():
    plain, new, every = (ChunkerSettings(by_script=by) for by in ("off", "new", "all"))
    assert new.of_novel("ru", None) == every
    assert new.of_novel("ru", every.version()) == every
    assert new.of_novel("ru", plain.version()) == plain
    assert new.of_novel("ru", ChunkerSettings(max_tokens=100).version()) == every
    assert every.of_novel("ru", plain.version()) == every
    for chosen in (plain, new, every):
        assert chosen.of_novel("fr", None) == plain
    assert plain.of_novel("zh", None) == plain
    assert every.version() != plain.version()
