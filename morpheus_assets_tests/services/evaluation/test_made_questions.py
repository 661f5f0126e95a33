import hashlib

from morpheus_assets.domain.questions import StoredPassage
from morpheus_assets.services.evaluation.made_questions import made_questions

NOUNS = "lantern harbour captain garden winter music river stone bread orchard whistle thunder".split()  # noqa: SIM905


def passage(number: int, body: str) -> StoredPassage:
    return StoredPassage("one", hashlib.sha256(body.encode()).digest(), body)


def story(count: int = 40) -> list[StoredPassage]:
    return [
        passage(
            number,
            f"Short one. The {NOUNS[number % 12]} of number{number} stood beside the {NOUNS[(number * 5 + 1) % 12]}"
            f" while every sailor{number} sang about\nthe {NOUNS[(number * 7 + 2) % 12]} until morning{number}."
            " Then it ended.",
        )
        for number in range(count)
    ]


def test_each_passage_gives_a_sentence_and_five_of_its_rarer_words() -> None:
    questions = made_questions(story(), 10)
    assert [question.kind for question in questions] == ["sentence", "five words"] * 10
    bodies = {each.content_hash: " ".join(each.body.split()) for each in story()}
    for sentence, words in zip(questions[::2], questions[1::2], strict=True):
        assert sentence.passage == words.passage
        assert sentence.question in bodies[sentence.passage]
        assert len(words.question.split()) == 5
        assert set(words.question.split()) <= set(sentence.question.lower().replace(".", "").split())
        # "while", "every" and "beside" are in all of them
        assert "while" not in words.question


def test_the_same_passages_give_the_same_questions_and_an_edit_leaves_most_of_them() -> None:
    before = made_questions(story(), 15)
    assert made_questions(list(reversed(story())), 15) == before
    edited = [*story()[1:], passage(99, "Something else was written here and it is long enough to be asked about too.")]
    sentences, after = ({each.question for each in made[::2]} for made in (before, made_questions(edited, 15)))
    assert len(sentences & after) >= 13


def test_a_sentence_that_stands_twice_is_no_question() -> None:
    refrain = "And all the bells of the city rang for the king who never came home again."
    passages = [passage(n, f"{refrain} Number {n}. {each.body}") for n, each in enumerate(story())]
    assert refrain not in {each.question for each in made_questions(passages, 40)}


def test_a_language_without_spaces_gives_questions_too() -> None:
    bodies = [f"那年冬天第{n}個船長在港口看見一盞燈。他想念遠方的花園和第{n}條河。" for n in range(20)]
    questions = made_questions([passage(n, body) for n, body in enumerate(bodies)], 5)
    assert len(questions) == 10
    assert all(len(each.question.split()) == 5 for each in questions[1::2])
