import random

import pytest

from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.text.chapters.book_forms import FORMS
from morpheus_assets_tests.text.chapters.random_books import draw_book, misses

BOOKS = 60
"""A thousand of each form are exact but for one or two; a seed is the form's name and a number."""


@pytest.mark.parametrize("form", FORMS)
def test_random_books_have_all_their_pieces_at_their_places(form: str):
    wrong = {}
    for number in range(BOOKS):
        draw = random.Random(f"{form} {number}")
        book = draw_book(draw)
        made = FORMS[form](book, draw)
        if missed := misses(book, read_document(made.data, made.name), made.title_of):
            wrong[number, made.way] = missed
    assert wrong == {}
