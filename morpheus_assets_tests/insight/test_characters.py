"""The cast proposed from a text, on a story of our own and on shared novels."""

from pathlib import Path

import pytest

from morpheus_assets.domain.content import Chapter
from morpheus_assets.insight.characters import Character, propose_cast
from morpheus_assets.services.samples import SAMPLES
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.fixtures.shared_data import shared_document

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
    [
        ("", "en"),
        ("nothing is named here. " * 50, "en"),
        ("他走了。" * 100, "zh"),
        ("私は笑った。" * 100, "ja"),
        ("x", "und"),
    ],
)
def test_a_text_that_names_nobody_or_has_no_capitals_gives_nobody(text: str, language: str):
    assert cast_of(text, language) == {}


def test_the_first_words_of_sentences_and_words_that_stand_without_a_capital_too_are_no_names():
    text = (
        "Winter came. Nothing moved. However, the Winter of their lives came in winter, and however long it was. " * 9
    )
    assert cast_of(text) == {}


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        # A wife or a daughter behind a particle is another person than the man.
        ("Then M. de Vaux came, Mme de Vaux sat, and Mlle de Vaux sang. " * 6, "en",
         {"M. de Vaux": "m", "Mme de Vaux": "f", "Mlle de Vaux": "f"}),
        # Mrs. Joe is not Joe.
        ("And here Joe Gargery sat. So Joe ate. Then Mrs. Joe Gargery rose and Mrs. Joe spoke. " * 6, "en",
         {"Joe Gargery": "m", "Mrs. Joe Gargery": "f"}),
        # A rank belongs to the name.
        ("Now Sir John smiled at Mr. John Dashwood. And Sir John rode; there John Dashwood stood. " * 6, "en",
         {"Sir John": "m", "Mr. John Dashwood": "m"}),
        # Brothers have other titles.
        ("Here Dr. Craven bowed to Mr. Craven. There Mr. Craven wrote to Dr. Craven. " * 6, "en",
         {"Dr. Craven": "", "Mr. Craven": "m"}),
        # His father has a surname that the son is called by hardly ever.
        ("And Fred Vincy laughed. Then Fred sat and Fred read. But Mr. Vincy and Mrs. Vincy ate; Mr. Vincy wrote. " * 6,
         "en", {"Fred Vincy": "m", "Mr. Vincy": "m", "Mrs. Vincy": "f"}),
        # A surname joins the only man who bears it.
        ("So Edward Hyde ran. There Hyde fell and Mr. Hyde rose. " * 6, "en", {"Edward Hyde": "m"}),
        # A title alone is its bearer, unless she is hardly ever called so; else it is a person of its own.
        ("So the Queen slept. And Alice ate. There Alice sat; here Alice and Alice's cat lay. " * 40
         + "So Queen Alice ruled. " * 3, "en", {"Alice": "f", "the Queen": "f"}),
        # An everyday word that belongs to a name.
        ("So the White Rabbit ran. The snow is white; here the March Hare sat, and the Hare slept. " * 6, "en",
         {"White Rabbit": "", "March Hare": ""}),
        # Interjections, ordinals and what a nation does are none.
        ("He said so: ‘and Eh, Aye, the Fourth, Hallo, Jove, South’, said he there and Eh, and Aye. " * 6, "en", {}),
        # A day or a month is one where it speaks.
        ("Then Friday said no. But there Friday ran. On a Tuesday nothing was. " * 6, "en", {"Friday": ""}),
        ("He saw England in May. Now he liked England, and she left England; they knew England and loved England, as"
         " he had loved England, and in England he died, not in June. " * 6, "en", {"England": ""}),
        # Titles without a capital.
        ("Alors madame Bovary sortit avec Charles Bovary. Puis madame Bovary revint, et Bovary dormit. " * 6, "fr",
         {"madame Bovary": "f", "Charles Bovary": "m"}),
        ("Vio don Quijote a Sancho. Dio a Sancho pan, y a don Quijote nada. " * 6, "es",
         {"don Quijote": "m", "Sancho": "m"}),
        # A father of somebody is somebody else.
        ("Vio a Leonor. Habló el padre de Leonor, y vino Leonor con el conde de Haro. " * 6, "es",
         {"Leonor": "f", "conde de Haro": "m"}),
        ("Allora don Abbondio vide Lucia. E poi Lucia parlò, e don Abbondio fuggì con Renzo. " * 6, "it",
         {"don Abbondio": "m", "Lucia": "f", "Renzo": "m"}),
        ("Então a Carlota saiu. Depois veio o Bento, e a Carlota e o Bento e D. Gloria riram. " * 6, "pt",
         {"Carlota": "f", "Bento": "m", "D. Gloria": "f"}),
        ("Daar kwam Huib met Marten. Toen ging schipper Hein met Huib en Marten. " * 6, "nl",
         {"Huib": "", "Marten": "m", "schipper Hein": "m"}),
        # All nouns have capitals: a name speaks or is called, and has no article. The genitive is the same name.
        ("Da ging Gregor in das Zimmer. Frau Zimmer gab es nicht. »Nein«, sagte Gregor. Er sah Gregors Mutter; das"
         " Zimmer war leer, ein Grund für die Tochter. Dann sagte Gregor nichts, und sein Zimmer war kalt. " * 6, "de",
         {"Gregor": "m"}),
        # Cases are one name; a patronymic tells a woman, and a man's name beside hers is not hers.
        ("Тут Раскольников вышел. Там Соня дала Раскольникову хлеб. Потом от Раскольникова ушла Катерина Ивановна, и"
         " сказала Катерина Ивановна Раскольникову слово, и для Сони, и про Соню. " * 6, "ru",
         {"Раскольников": "", "Соня": "f", "Катерина Ивановна": "f"}),
        # No capitals: who says something at the beginning of a clause.
        ("寶玉笑道：「林黛玉來了。」黛玉忙道：「我不信。」王夫人問道：「誰？」眾人都笑道：「他！」寶玉不知道。"
         "鳳姐儿便說：「好。」鳳姐又笑道：「好。」那人道：「一面說。」林黛玉說：「罷。」" * 6, "zh",
         {"寶玉": "", "林黛玉": "", "王夫人": "f", "鳳姐": "f"}),
        ("张三说：“王小明不在。”小明问道：“谁？”王小明说：“是我。”大家都笑了。我不知道他说什么。" * 6, "zh",
         {"张三": "", "王小明": ""}),
    ],
)  # fmt: skip
def test_who_is_one_person_and_who_is_not(text: str, language: str, expected: dict[str, str]):
    cast = cast_of(text, language)
    assert {name: one.gender for name, one in cast.items()} == expected
    assert all(one.kind == "place" for one in cast.values() if one.name == "England")


@pytest.fixture(scope="module")
def novels(shared_data: Path) -> Path:
    return shared_data / "novels"


def test_the_cast_of_a_real_chinese_novel_is_found(novels: Path):
    document = shared_document(novels / "hongloumeng.txt")
    cast = propose_cast(document.text, find_chapters(document), document.language)
    assert {one.name for one in cast[:12]} >= {
        "寶玉",
        "鳳姐",
        "賈母",
        "林黛玉",
        "襲人",
        "寶釵",
        "王夫人",
        "賈政",
        "賈璉",
    }
    assert {"黛玉", "林黛玉"} == next(one.aliases for one in cast if one.name == "林黛玉").keys()


@pytest.mark.parametrize(
    ("file", "persons", "places"),
    [
        (
            "pride-and-prejudice.txt",
            {"Elizabeth", "Mr. Darcy", "Jane", "Mrs. Bennet", "Mr. Bennet", "Mr. Bingley", "Miss Bingley",
             "Mr. Collins",
             "Lady Catherine de Bourgh", "George Wickham", "Lydia", "Miss Darcy"},
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
    document = shared_document(novels / file)
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
