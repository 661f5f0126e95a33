import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_assets.text.encoding.declarations import declared_in_markup, declared_in_text, python_name
from morpheus_assets.text.encoding.decoding import decode
from morpheus_assets_tests.text.encoding.paragraphs import OTHER_SCRIPTS

FRENCH = "« Où êtes-vous né ? » demanda l'évêque. — À Besançon, répondit-il d'une voix brisée ; ça y est, déjà.\n"
ENGLISH = "“I don’t know,” said the café owner — ‘and I shan’t ask.’ The fiancée was naïve; it cost £5.\n"
GERMAN = "Habe nun, ach! Philosophie durchaus studiert, mit heißem Bemühn. „Über allen Gipfeln“ – Öl, schön, Füße.\n"
POLISH = (
    "Litwo! Ojczyzno moja! ty jesteś jak zdrowie; Ile cię trzeba cenić, ten tylko się dowie, kto cię stracił. Łąka.\n"
)
CZECH = "Byl pozdní večer – první máj – večerní máj – byl lásky čas. Hrdliččin zval ku lásce hlas. Žluťoučký kůň.\n"
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. Всё смешалось.\n"
GREEK = "Σα βγεις στον πηγαιμό για την Ιθάκη, να εύχεσαι νάναι μακρύς ο δρόμος, γεμάτος περιπέτειες, γνώσεις.\n"
TURKISH = "Bir gün akşam üstü, güneş batarken, ışıklar yanmaya başladı. Çocuk ağlıyordu; annesi şöyle dedi.\n"
CHINESE = "话说天下大势，分久必合，合久必分。他说：“你们都不知道，我们的人已经来了，这是什么道理？”\n"
TAIWAN = "話說天下大勢，分久必合，合久必分。他說：「你們都不知道，我們的人已經來了，這是什麼道理？」\n"
JAPANESE = "私はその人を常に先生と呼んでいた。だからここでもただ先生と書くだけで本名は打ち明けない。\n"
KOREAN = "그는 아침에 일어나서 밥을 먹고 학교에 갔다. 그러나 아무도 없었다. 나는 그것을 보고 웃었다.\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((FRENCH, name) for name in ("cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le")),
        *((FRENCH.replace("—", "-"), name) for name in ("latin-1", "cp850", "mac_roman")),
        *((ENGLISH, name) for name in ("cp1252", "mac_roman", "utf-16-be", "utf-7")),
        *((GERMAN, name) for name in ("cp1252", "mac_roman")),
        *((POLISH, name) for name in ("cp1250", "iso8859_2", "cp852")),
        (CZECH, "cp1250"),
        *((RUSSIAN, name) for name in ("cp1251", "koi8_r", "cp866", "iso8859_5", "utf-16-le", "utf-16-be")),
        *((GREEK, name) for name in ("cp1253", "iso8859_7")),
        (TURKISH, "cp1254"),
        *((CHINESE, name) for name in ("gb18030", "gbk", "hz", "utf-16-le")),
        *((TAIWAN, name) for name in ("big5", "gb18030")),
        *((JAPANESE, name) for name in ("shift_jis", "euc_jp", "iso2022_jp", "utf-16-be")),
        *((KOREAN, name) for name in ("euc_kr", "cp949")),
    ],
)
def test_a_book_comes_out_with_its_own_characters(text, encoding):
    text = text * 8
    assert decode(text.encode(encoding)).text == text


def test_one_accent_after_three_megabytes_of_ascii_is_seen():
    text = "It was a dark and stormy night.\n" * 100_000 + "Napoléon fell.\n"
    assert decode(text.encode("latin-1")).text == text


def test_latin1_and_cp1252_are_named_apart():
    assert decode("déjà vu".encode("latin-1")).encoding == "iso-8859-1"
    assert decode("“déjà vu”".encode("cp1252")).encoding == "cp1252"


def test_carriage_returns_alone_become_line_ends():
    assert decode("One.\rTwo’s.\r\nThree.\n".encode("mac_roman")).text == "One.\nTwo’s.\nThree.\n"


def test_passages_of_two_encodings_in_one_file_are_each_read_in_their_own():
    half = ENGLISH * 20
    decoded = decode(half.encode() + half.encode("cp1252"))
    assert decoded.text == half * 2
    assert "mixes UTF-8 and cp1252" in decoded.repairs[0]


def test_a_file_cut_in_the_middle_of_a_character_loses_only_that():
    decoded = decode((ENGLISH * 5 + "“").encode()[:-1])
    assert decoded.text == ENGLISH * 5
    assert "cut" in decoded.repairs[0]


def test_a_double_encoding_is_undone_even_where_a_byte_was_lost():
    doubled = ENGLISH.encode().decode("cp1252", "replace").encode()
    decoded = decode(doubled * 3)
    assert decoded.text == ENGLISH * 3
    assert "twice" in decoded.repairs[0]


def test_text_that_only_looks_odd_is_left_alone():
    odd = "Â la carte, ÃŒ is no word, “quotes” and ‘more’, ½ cup, naïve, Œuvre, 5 °C…\n" * 3
    kept = odd.replace("ÃŒ", "IIII")
    assert decode(kept.encode()).text == kept
    assert decode(kept.encode()).repairs == ()


def test_a_wrong_declaration_is_not_believed_over_valid_utf8():
    assert decode(FRENCH.encode(), "iso-8859-1").text == FRENCH
    assert decode(RUSSIAN.encode("koi8_r"), "koi8-r").text == RUSSIAN


LONG_ASCII = "He had walked for an hour before the rain came, and nobody in the village had asked him where he went. "
FRENCH_ASCII = "Il marchait depuis une heure quand la pluie vint, et personne dans le village ne lui demanda rien. "


@pytest.mark.parametrize(
    ("words", "encodings"),
    [
        ("two of his protégés came", ("latin-1", "cp1252", "mac_roman", "cp850")),
        ("a naïve Brontë reader", ("latin-1", "mac_roman", "cp850")),
        ("the façade of the château", ("latin-1", "mac_roman", "cp850")),
        ("Père Étienne and Thérèse", ("latin-1", "mac_roman", "cp850")),
        ("Señor Núñez", ("latin-1", "mac_roman", "cp850")),
        ("Cæsar and Æneas, anæmic", ("latin-1", "mac_roman")),
        ("he owed £4 and £30", ("latin-1", "mac_roman", "cp850")),
        ("3½ miles", ("latin-1", "cp850")),
        ("“I have seen it", ("cp1252", "mac_roman")),
        ("it rained—always—and", ("cp1252", "mac_roman")),
        ("don’t", ("cp1252", "mac_roman")),
        ("Well…", ("cp1252", "mac_roman")),
        ("Mr.\xa0Smith said\xa0so", ("latin-1", "cp850")),
        ("a cœur", ("cp1252", "mac_roman", "iso8859_15")),
    ],
)
def test_few_accents_in_much_english_are_read_as_what_they_are(words, encodings):
    text = f"{LONG_ASCII * 3}{words}. {LONG_ASCII * 3}"
    for encoding in encodings:
        assert decode(text.encode(encoding)).text == text, encoding


@pytest.mark.parametrize("words", ["à", "où", "était", "fête", "déjà", "garçon", "«Tenez", "maître", "goût", "naïf"])
def test_one_accent_in_much_french_is_read_as_what_it_is(words):
    text = f"{FRENCH_ASCII * 3}Le soir {words} le vent tombait. {FRENCH_ASCII * 3}"
    for encoding in ("latin-1", "cp1252", "mac_roman", "cp850"):
        assert decode(text.encode(encoding)).text == text, encoding


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Hôtel de ville", "cp850"),
        ("100 °C", "latin-1"),
        ("® and ™ marks", "cp1252"),
        ("naïve", "cp437"),
        ("It cost £5.", "latin-1"),
        ("Łódź", "cp1250"),
        ("日本", "cp932"),
    ],
)
def test_a_few_words_are_read_as_what_they_are(text, encoding):
    assert decode(text.encode(encoding)).text == text


def test_hundreds_of_no_break_spaces_are_no_letters():
    text = "He was\xa0there, and she was\xa0not.\xa0 It had been\xa0so for years.\n" * 60
    assert decode(text.encode("latin-1")).text == text


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [(encoding, one) for (_, encodings), all_of in OTHER_SCRIPTS.items() for encoding in encodings for one in all_of],
)
def test_one_sentence_of_another_language_is_enough(encoding, sentence):
    data = sentence.encode(encoding)
    assert decode(data).text == data.decode(encoding)


def test_english_with_the_quotes_of_a_chinese_computer_keeps_them():
    text = "“I don’t know,” she said—and that was all. " * 3
    assert decode(text.replace("—", "――").encode("gb18030")).text == text.replace("—", "――")


def test_a_declared_encoding_is_believed_where_letters_leave_a_choice():
    text = LONG_ASCII + "Kočí mluvil s panem. " + LONG_ASCII
    assert decode(text.encode("cp1250"), "windows-1250").text == text
    assert decode(text.encode("iso8859_2"), "iso-8859-2").text == text


def test_a_declaration_that_the_letters_contradict_is_told_and_not_believed():
    decoded = decode((RUSSIAN * 3).encode("cp1251"), "iso-8859-1")
    assert decoded.text == RUSSIAN * 3
    assert "says that it is iso-8859-1" in decoded.repairs[0]
    chinese = decode((CHINESE * 3).encode("gb18030"), "windows-1252")
    assert chinese.text == CHINESE * 3
    assert chinese.repairs
    accents = f"{LONG_ASCII}two protégés {LONG_ASCII}"
    assert decode(accents.encode("latin-1"), "gb2312").text == accents


def test_what_is_doubtful_is_said_with_the_alternative():
    decoded = decode(LONG_ASCII.encode() + b"They came to Romb\x89r then. " + LONG_ASCII.encode())
    assert "Rombâr" in decoded.text
    assert "not certain" in decoded.repairs[0]
    assert "it may be cp850 (Rombër)" in decoded.repairs[0]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<meta charset="Shift_JIS">', "cp932"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">', "cp1252"),
        (b'<?xml version="1.0" encoding="windows-1251"?>', "cp1251"),
        (b'<meta charset="GB2312">', "gb18030"),
        (b'<meta charset="x-mac-roman">', "mac_roman"),
        (b'<meta charset="nonsense">', None),
        (b'<meta charset="base64">', None),
    ],
)
def test_a_page_declares_its_encoding(data, name):
    assert python_name(declared_in_markup(data)) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("ISO-8859-1", "cp1252"),
        ("ISO Latin-1", "cp1252"),
        ("ASCII", "cp1252"),
        ("UTF-8", "utf-8"),
        ("Windows Code Page 1252", None),
        ("CP-1252", "cp1252"),
        ("Codepage 850", "cp850"),
        ("ISO-646-US (US-ASCII)", None),
        ("Big5", "cp950"),
    ],
)
def test_a_gutenberg_header_declares_its_encoding(value, name):
    head = f"The Project Gutenberg EBook of X\r\n\r\nCharacter set encoding: {value}\r\n\r\n".encode()
    assert python_name(declared_in_text(head)) == name
    assert declared_in_text(head.replace(b"Gutenberg", b"Office")) is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_decode_to_lines_without_carriage_returns(data):
    assert "\r" not in decode(data).text


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), min_size=1, max_size=200))
def test_utf8_survives(text):
    text = unicodedata.normalize("NFC", text.replace("\u2028", " ").replace("\u2029", " ").removeprefix("\ufeff"))
    decoded = decode(text.encode())
    assert decoded.text == text or decoded.repairs
