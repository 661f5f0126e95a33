from ftfy.badness import is_bad
from hypothesis import given
from hypothesis import strategies as st

from morpheus_assets.text.encoding.mojibake import looks_damaged, undo_double_encoding

# what the patterns of ftfy are made of: letters of several scripts, signs that are letters in another encoding, blanks
SIGNS = "aZ é.,?! \n\t\xa0ÃÂâÎÐ€œŒ™šŠ¢£Ÿž\xad®©°·»¡«¿“”–—´×²³ØÙà√±∂≈‚ÄвЂГўВІβ†Ά┌═ſíėā"
PIECES = st.text(st.sampled_from(SIGNS), max_size=6) | st.integers(0, 40).map(lambda count: "word " * count)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_a_text_looks_damaged_just_where_ftfy_calls_it_bad(text: str):
    assert looks_damaged(text) == is_bad(text)


@given(st.text(max_size=30), st.integers(0, 60))
def test_damage_is_found_wherever_it_stands_in_a_long_text(text: str, words: int):
    damaged = f"{'word ' * words}it wasn\u2019t{' word' * words}".encode().decode("cp1252")
    assert looks_damaged(text + damaged)
    assert undo_double_encoding(damaged)[0] == damaged.replace("\xe2\u20ac\u2122", "\u2019")
