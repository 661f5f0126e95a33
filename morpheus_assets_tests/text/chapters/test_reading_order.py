import random

import pytest

from morpheus_assets.text.chapters.reading_order import reading_order


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.txt", "2.txt", "10.txt", "100.txt"],
        ["01 Zebra.txt", "02 Apple.docx", "10 Middle.html"],
        ["Chapter 1.txt", "Chapter 2.txt", "Chapter 2.5.txt", "Chapter 3a.txt", "Chapter 3b.txt", "Chapter 10.txt"],
        ["Chapter One.txt", "Chapter Two.txt", "Chapter Three.txt", "Chapter Eleven.txt"],
        ["Chapter I.txt", "Chapter IV.txt", "Chapter V.txt", "Chapter IX.txt", "Chapter X.txt"],
        ["Kapitel Eins.txt", "Kapitel Zwei.txt", "Kapitel Drei.txt"],
        ["第一章 来信.txt", "第二章 大雪.txt", "第十章 归来.txt", "番外 重逢.txt", "后记.txt"],
        ["Title page.txt", "Preface.txt", "Prologue.txt", "01.txt", "02.txt", "Epilogue.txt"],
        ["Volume 1/01.txt", "Volume 1/02.txt", "Volume 2/01.txt", "Volume 10/01.txt", "Afterword.txt"],
        ["book_ch9.txt", "book_ch10.txt", "book_ch11.txt"],
    ],
)
def test_files_are_read_in_the_order_that_their_names_say_however_they_are_listed(ordered: list[str]):
    for seed in range(5):
        assert reading_order(random.Random(seed).sample(ordered, len(ordered))) == ordered


def test_names_that_say_the_same_number_twice_keep_their_natural_order():
    names = ["Chapter One (draft).txt", "Chapter One.txt", "Chapter Two.txt"]
    assert reading_order(names[::-1]) == ["Chapter One.txt", "Chapter One (draft).txt", "Chapter Two.txt"]
