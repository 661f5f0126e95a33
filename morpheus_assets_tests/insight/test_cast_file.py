import pytest

from morpheus_assets.domain.content import Chapter
from morpheus_assets.insight.cast_file import CastFileFault, read_cast_file, with_file
from morpheus_assets.insight.characters import propose_cast
from morpheus_assets_tests.insight.test_characters import STORY

SAID = """
[[character]]
name = "Anna"
aliases = ["Anna Harrow", "the girl from the mill"]
panels = ["p1.png"]

[[character]]
name = "The river"
aliases = ["river"]
kind = "place"

[leave_out]
names = ["Felden"]
"""


def test_what_a_person_says_outranks_the_proposal_and_the_rest_of_it_stays():
    text = STORY + "\nNobody knew the girl from the mill."
    chapters = [Chapter(1, "One", 0, len(text), 1)]
    proposed = propose_cast(text, chapters, "en")
    cast = with_file(proposed, read_cast_file(SAID.encode(), "emma.toml"), text, chapters)
    by_name = {one.name: one for one in cast}
    assert [one.name for one in cast if one.confirmed] == ["Anna", "The river"]
    assert by_name["Anna"].aliases["the girl from the mill"] == 1
    assert by_name["Anna"].mentions == 1 + next(one.mentions for one in proposed if one.name == "Anna Harrow")
    assert by_name["Anna"].panels == ("p1.png",)
    assert (by_name["The river"].kind, by_name["The river"].aliases) == ("place", {"river": 1})
    assert "Felden" not in by_name
    assert set(by_name) - {"Anna", "The river"} == {one.name for one in proposed} - {"Anna Harrow", "Felden"}


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[[character", "is no TOML"),
        (b"characters = 3", "'characters', which is not known; write character, leave_out"),
        (b"[[character]]\naliases = ['x']", "character 1 has no `name`"),
        (b"[[character]]\nname = 'A'\nalias = ['x']", "character 1 has 'alias', which is not known"),
        (b"[[character]]\nname = 'A'\naliases = 'x'", "`aliases` of character 1 is a list of texts"),
        (b"[[character]]\nname = 'A'\nkind = 'ship'", "kind of 'A' is 'ship'; write 'person' or 'place'"),
        (b"[[character]]\nname = 'A'\ngender = 'w'", "gender of 'A' is 'w'"),
        (b"[[character]]\nname = 'A'\n[[character]]\nname = 'B'\naliases = ['A']", "names 'A' twice"),
        (b"[leave_out]\nnames = [3]", "`names` of [leave_out] is a list of texts"),
        (b"character = 3", "characters are written as [[character]] tables"),
    ],
)
def test_a_file_at_fault_is_one_sentence_that_names_it_and_the_remedy(written: bytes, sentence: str):
    with pytest.raises(CastFileFault) as caught:
        read_cast_file(written, "emma.toml")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("emma.toml")
    assert "\n" not in str(caught.value)
