"""The cast proposed from a text, on a story of our own and on shared novels."""

from pathlib import Path

import pytest

from morpheus_assets.domain.content import Chapter
from morpheus_assets.insight.characters import Character, propose_cast
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.formats import read_document

STORY = """Mr. Harrow came down to the mill at dawn. Nobody had seen Anna Harrow since Sunday, and Harrow said that he
would wait. "She is in Felden," said Peter Lowe, who had walked from Felden in the night. Mrs. Harrow looked at Peter.
The miller of Felden laughed. Then Anna's cloak was found by the river in Felden, and Captain Brand asked for Anna.

In Felden they told Captain Brand nothing. "I knew her," Peter said. Mr. Harrow gave Captain Brand his hand; the Captain
took it, and Mrs. Harrow cried. Anna Harrow had gone to Felden with Peter Lowe, said Mrs. Harrow, and Captain Brand knew
it. Anna laughed at Peter when Mr. Harrow came. Peter replied that Anna was tired. Mrs. Harrow asked Captain Brand in.

Mr. Harrow, Mrs. Harrow, Anna and Peter stayed in Felden until winter. Captain Brand said that Anna Harrow had told him
all. Peter cried out, and Mr. Harrow said nothing. "Anna," Mrs. Harrow said, "is at Felden." The Captain smiled.
"""


def cast_of(text: str, language: str = "en") -> dict[str, Character]:
    chapter = Chapter(1, "One", 0, len(text), 1)
    return {one.name: one for one in propose_cast(text, [chapter], language)}


def test_names_with_and_without_titles_are_joined_and_a_family_is_told_apart():
    cast = cast_of(STORY)
    assert set(cast) == {"Mr. Harrow", "Mrs. Harrow", "Anna Harrow", "Peter Lowe", "Captain Brand", "Felden"}
    assert cast["Anna Harrow"].aliases.keys() == {"Anna", "Anna Harrow"}
    assert cast["Mr. Harrow"].aliases.keys() == {"Mr. Harrow", "Harrow"}
    assert cast["Peter Lowe"].aliases["Peter"] == 6
    assert {one.name for one in cast.values() if one.kind == "place"} == {"Felden"}
    assert {one.name for one in cast.values() if one.kind == "person"} == set(cast) - {"Felden"}
    assert (cast["Mrs. Harrow"].gender, cast["Mr. Harrow"].gender) == ("f", "m")


def test_every_mention_slices_back_to_one_of_the_forms():
    for one in cast_of(STORY).values():
        assert len(one.places) == one.mentions == sum(one.chapters.values())
        found = {" ".join(STORY[start:end].split()).lower() for start, end in one.places}
        assert found == {form.lower() for form in one.aliases}


@pytest.mark.parametrize(
    ("text", "language"),
    [("", "en"), ("nothing is named here. " * 50, "en"), ("他走了。" * 100, "zh"), ("x", "und")],
)
def test_a_text_that_names_nobody_or_has_no_capitals_gives_nobody(text: str, language: str):
    assert cast_of(text, language) == {}


def test_the_first_words_of_sentences_and_words_that_stand_without_a_capital_too_are_no_names():
    text = (
        "Winter came. Nothing moved. However, the Winter of their lives came in winter, and however long it was. " * 9
    )
    assert cast_of(text) == {}


@pytest.fixture(scope="module")
def novels(shared_data: Path) -> Path:
    return shared_data / "novels"


@pytest.mark.parametrize(
    ("file", "persons", "places"),
    [
        (
            "pride-and-prejudice.txt",
            {"Elizabeth", "Mr. Darcy", "Jane", "Mrs. Bennet", "Mr. Bennet", "Mr. Bingley", "Miss Bingley",
             "Mr. Collins",
             "Lady Catherine de Bourgh", "Wickham", "Lydia", "Miss Darcy"},
            {"Longbourn", "Netherfield", "London", "Pemberley", "Rosings", "Hertfordshire", "Meryton"},
        ),
        (
            "dracula-latin1.txt",
            {"Van Helsing", "Lucy Westenra", "Mina", "Jonathan Harker", "Arthur Holmwood", "Dr. Seward", "Renfield",
             "Lord Godalming", "Mrs. Westenra"},
            {"London", "Whitby", "Carfax", "Piccadilly", "Transylvania"},
        ),
        (
            "les-trois-mousquetaires-latin1.txt",
            {"Athos", "Porthos", "Aramis", "d'Artagnan", "M. de Tréville", "Mme Bonacieux", "Bonacieux", "Planchet"},
            {"Paris"},
        ),
    ],
)  # fmt: skip
def test_the_people_and_places_of_real_novels_are_found(novels: Path, file: str, persons: set[str], places: set[str]):
    document = read_document((novels / file).read_bytes(), file)
    cast = {one.name: one for one in propose_cast(document.text, find_chapters(document), document.language)}
    assert {name: cast[name].kind for name in persons | places} == {
        **dict.fromkeys(persons, "person"),
        **dict.fromkeys(places, "place"),
    }


def test_the_sample_storys_robot_is_its_person_and_a_street_its_place():
    [path] = [path for path in (SAMPLES / "novels").iterdir() if path.name == "the-last-lamp.txt"]
    document = read_document(path.read_bytes(), path.name)
    cast = {one.name: one for one in propose_cast(document.text, find_chapters(document), document.language)}
    assert (cast["Tock"].kind, cast["Tock"].mentions, len(cast["Tock"].chapters)) == ("person", 20, 6)
    assert cast["Button Street"].kind == "place"
