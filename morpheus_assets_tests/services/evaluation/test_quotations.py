import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_assets.services.evaluation.quotations import NovelText, holds

TEXT = "He said:\n“It’s   _not_ the lamp—that\nis going out.” It is not THE LAMP that is going out."


@pytest.mark.parametrize(
    "quotation",
    ["it's not the lamp", '"It’s not the lamp', "IT'S NOT THE\nLAMP", "lamp—that is going out", "lamp--that"],
)
def test_a_quotation_is_found_however_it_is_printed(quotation: str) -> None:
    assert NovelText(TEXT).find(quotation)


def test_the_places_of_a_quotation_slice_back_to_it() -> None:
    spans = NovelText(TEXT).find("that is going out")
    assert [" ".join(TEXT[start:end].split()).lower() for start, end in spans] == ["that is going out"] * 2


@given(st.text(min_size=1), st.data())
def test_every_piece_of_a_text_is_found_where_it_stands(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    piece = text[start:end]
    plain = "".join(char for char in piece if char not in "_*-–—").strip()
    if plain:
        first = start + piece.index(plain[0])
        assert any(found <= first < stop for found, stop in NovelText(text).find(piece))


def test_a_passage_holds_a_quotation_that_is_cut_at_its_end_if_most_of_it_is_there() -> None:
    spans = [(10, 20), (100, 110)]
    assert holds(0, 16, spans)
    assert not holds(0, 14, spans)
    assert holds(104, 200, spans)
    assert not holds(30, 90, spans)
    assert not holds(0, 200, [])
