import pytest

from morpheus_assets.domain.content import Chapter
from morpheus_assets.insight.characters import Character
from morpheus_assets.insight.looks import find_looks

NAMES = {
    "Anna Lowe": ("f", ("Anna", "Anna Lowe")),
    "Mr. Brand": ("m", ("Mr. Brand", "Brand")),
    "Peter": ("m", ("Peter",)),
}


def looks(text: str, language: str = "en") -> list[tuple[str, str, str, bool]]:
    cast = [
        Character(
            name, "person", gender, {name: 1}, {1: 1},
            tuple((at, at + len(form)) for form in forms for at in range(len(text)) if text.startswith(form, at)),
        )
        for name, (gender, forms) in NAMES.items()
    ]  # fmt: skip
    found = find_looks(text, [Chapter(1, "One", 0, len(text), 1)], language, cast)
    for look in found:
        assert " ".join(text[look.char_start : look.char_end].split()) == look.sentence
    return [(look.character, look.part, look.attribute, look.sure) for look in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We saw Mr. Brand's long white beard.", [("Mr. Brand", "beard", "long white", True)]),
        ("Anna came in, and her dark eyes shone.", [("Anna Lowe", "eyes", "dark", False)]),
        ("Anna had a pale face.", [("Anna Lowe", "face", "pale", True)]),
        ("Anna's hair was very fair.", [("Anna Lowe", "hair", "fair", True)]),
        ("Mr. Brand was a tall, thin man of forty.", [("Mr. Brand", "build", "tall thin", True)]),
        ("Peter sat down. He wore a black coat.", [("Peter", "coat", "black", False)]),
        ("Anna took her hat and put it on her dark hair.", [("Anna Lowe", "hair", "dark", False)]),
        ("After his breakfast Peter flattened his flaxen wig.", [("Peter", "wig", "flaxen", False)]),
        ("Peter had his leather apron on.", [("Peter", "apron", "leather", False)]),
        ("Anna stood by the door. Her grey dress was torn.", [("Anna Lowe", "dress", "grey", False)]),
    ],
)
def test_parts_and_attributes_are_read_with_whose_they_are(text: str, expected: list[tuple[str, str, str, bool]]):
    assert looks(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Brand looked at Peter. His dark eyes shone.",  # two of them can be meant
        "Anna stood there. A man came in, and his red beard was wet.",
        "Our visitor looked at Peter with his bright little eyes.",
        "Anna was angry. “Where is he?” asked somebody. Her pale face was wet.",
        "Peter laughed. Her blue eyes shone.",
        "The long road was white, and the night was dark.",
        "Anna's eyes were not blue.",
        "Peter had high cheek bones.",
        "He gave the reins to Peter and took off his black coat.",  # he is another
        "As he came to Peter, he touched his grey hat.",
        "Mr. Brand took him by the front of his red shirt.",
        "Anna beckoned her to come, and held it against her brown hair.",
        "Anna’s a great hand at it.",
    ],
)
def test_where_it_is_not_told_whose_look_it_is_nothing_is_said(text: str):
    assert looks(text) == []


def test_two_colours_of_one_wig_contradict_each_other_and_come_first():
    text = (
        "Mr. Brand's pale face was wet. Peter had a flaxen wig. Nobody spoke. Peter's brown wig was gone. "
        "Peter's eyes were blue. Peter's large blue eyes shone. "
    )
    chapter = [Chapter(1, "One", 0, len(text), 1)]
    places = {name: [at for at in range(len(text)) if text.startswith(name, at)] for name in ("Peter", "Mr. Brand")}
    cast = [
        Character(name, "person", "m", {name: 1}, {1: 1}, tuple((at, at + len(name)) for at in found))
        for name, found in places.items()
    ]
    found = find_looks(text, chapter, "en", cast)
    assert [(look.attribute, look.contradicts) for look in found[:2]] == [("flaxen", "brown"), ("brown", "fair")]
    assert all(not look.contradicts for look in found[2:])


def test_another_language_says_nothing():
    assert looks("Annas Haar war blond.", "de") == []
