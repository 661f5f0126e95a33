import codecs
import subprocess
import sys
from pathlib import Path

import pytest

from morpheus_assets.store.content.full_text import configuration_of
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.chapters.numerals import lettered_value
from morpheus_assets.text.chapters.vocabulary import Vocabulary, vocabulary
from morpheus_assets.text.documents import Document
from morpheus_assets.text.formats import read_document
from morpheus_assets.text.languages import languages, languages_by_code

SWEDISH = "Snön låg djup på gården när posten kom. Hon läste brevet två gånger och lade det i lådan.\n\n" * 9
HEBREW = "השלג כיסה את החצר כשהדואר הגיע. היא קראה את המכתב פעמיים והניחה אותו במגירה.\n\n" * 9
THAI = "หิมะปกคลุมลานบ้านเมื่อจดหมายมาถึง เธออ่านมันสองครั้งแล้ววางลงในลิ้นชัก จากนั้นก็ออกไปเดินเล่น\n\n" * 9
HINDI = "जब डाक आई तब आँगन बर्फ से ढका था। उसने चिट्ठी दो बार पढ़ी और दराज़ में रख दी।\n\n" * 9

NEW_LANGUAGE = """
from morpheus_assets.text.languages import Language, counted

LANGUAGE = Language(
    code="qy",
    names="quenya",
    detected=False,
    search_configuration="quenya",
    units={"chapter": "tetlh"},
    numbers=lambda: counted("wa'dich cha'dich wejdich"),
    matter={"back": "bertlham"},
    letters="ŭĝ",
    encodings=("iso8859_3",),
)
"""
USE_OF_IT = """
import sys
import morpheus_assets.text.languages as languages

languages.__path__.append(sys.argv[1])
from morpheus_assets.store.content.full_text import configuration_of
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.documents import Document
from morpheus_assets.text.encoding.single_byte import _spoken
from morpheus_assets.text.language_detection import language_named

prose = "He came back over the hill, and nobody in the house had heard of it before. " * 20
text = "".join(f"{word} tetlh\\n\\n{prose}\\n\\n" for word in ("Wa'dich", "Cha'dich", "Wejdich"))
found = find_chapters(Document(text + f"Bertlham\\n\\n\\n{prose}", "txt", "utf-8"))
print([(chapter.kind, chapter.title) for chapter in found if chapter.kind == "chapter"])
print(language_named("Quenya"), configuration_of("qy"), "ŭĝ" in [one.letters for one in _spoken()["iso8859_3"]])
"""


def titles(text: str) -> list[str]:
    return [chapter.title for chapter in find_chapters(Document(text, "txt", "utf-8")) if chapter.kind == "chapter"]


def book(headings: list[str], prose: str) -> str:
    return "".join(f"{heading}\n\n{prose}\n" for heading in headings)


@pytest.mark.parametrize(
    ("headings", "prose"),
    [
        (["Första kapitlet", "Andra kapitlet", "Tredje kapitlet", "Fjärde kapitlet"], SWEDISH),
        (["Kapitel ett", "Kapitel två", "Kapitel tre", "Kapitel fyra"], SWEDISH),
        (["1:a kapitlet", "2:a kapitlet", "3:e kapitlet", "4:e kapitlet"], SWEDISH),
        ([f"Tjugo{word} kapitlet" for word in ("första", "andra", "tredje", "fjärde")], SWEDISH),
        (["פרק א'", "פרק ב'", "פרק ג'", "פרק ד'"], HEBREW),
        (['פרק י"ד', "פרק ט״ו", 'פרק ט"ז', 'פרק י"ז'], HEBREW),
        (["פרק א", "פרק ב", "פרק ג", "פרק ד"], HEBREW),
        (["פרק ראשון", "פרק שני", "פרק שלישי", "פרק רביעי"], HEBREW),
        (["א'", "ב'", "ג'", "ד'"], HEBREW),
        (["פרק א' – הבית", "פרק ב' – הדרך", "פרק ג' – ההר", "פרק ד' – הים"], HEBREW),
        (["บทที่ 1", "บทที่ 2", "บทที่ 3", "บทที่ 4"], THAI),
        (["บทที่ ๑", "บทที่ ๒", "บทที่ ๓", "บทที่ ๔"], THAI),
        (["บทที่๑", "บทที่๒", "บทที่๓", "บทที่๔"], THAI),
        (["บทที่หนึ่ง", "บทที่สอง", "บทที่สาม", "บทที่สี่"], THAI),
        (["ตอนที่ ๑ กลับบ้าน", "ตอนที่ ๒ จดหมาย", "ตอนที่ ๓ หิมะ", "ตอนที่ ๔ ทะเล"], THAI),
        (["अध्याय 1", "अध्याय 2", "अध्याय 3", "अध्याय 4"], HINDI),
        (["अध्याय १", "अध्याय २", "अध्याय ३", "अध्याय ४"], HINDI),
        (["पहला अध्याय", "दूसरा अध्याय", "तीसरा अध्याय", "चौथा अध्याय"], HINDI),
        (["अध्याय १: घर", "अध्याय २: सड़क", "अध्याय ३: पहाड़", "अध्याय ४: समुद्र"], HINDI),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else "",
)
def test_chapters_are_found_as_the_language_numbers_them(headings: list[str], prose: str):
    assert titles(book(headings, prose)) == headings


@pytest.mark.parametrize(
    "headings",
    [
        ["Κεφάλαιο Α΄", "Κεφάλαιο Β΄", "Κεφάλαιο Γ΄", "Κεφάλαιο Δ΄"],
        ["ΚΕΦΑΛΑΙΟΝ Ε.", "ΚΕΦΑΛΑΙΟΝ Ϛ.", "ΚΕΦΑΛΑΙΟΝ Ζ.", "ΚΕΦΑΛΑΙΟΝ Η."],
        ["Birinci Bölüm", "İkinci Bölüm", "Üçüncü Bölüm", "Dördüncü Bölüm"],
        ["ALTINCI BÖLÜM", "YEDİNCİ BÖLÜM", "SEKİZİNCİ BÖLÜM", "DOKUZUNCU BÖLÜM"],
        ["Chương một", "Chương hai", "Chương ba", "Chương bốn"],
        ["Bab Pertama", "Bab Kedua", "Bab Ketiga", "Bab Keempat"],
        ["Розділ перший", "Розділ другий", "Розділ третій", "Розділ четвертий"],
        ["РОЗДІЛ І", "РОЗДІЛ ІІ", "РОЗДІЛ ІІІ", "РОЗДІЛ ІV"],
        ["Capitolul întâi", "Capitolul al doilea", "Capitolul al treilea", "Capitolul al patrulea"],
        ["فصل اول", "فصل دوم", "فصل سوم", "فصل چهارم"],
        ["الفصل الحادي عشر", "الفصل الثاني عشر", "الفصل الثالث عشر", "الفصل الرابع عشر"],
        ["প্রথম অধ্যায়", "দ্বিতীয় অধ্যায়", "তৃতীয় অধ্যায়", "চতুর্থ অধ্যায়"],
        ["თავი პირველი", "თავი მეორე", "თავი მესამე", "თავი მეოთხე"],
        ["Prvo poglavje", "Drugo poglavje", "Tretje poglavje", "Četrto poglavje"],
        ["Esimene peatükk", "Teine peatükk", "Kolmas peatükk", "Neljas peatükk"],
        ["二十章", "二十一章", "二十二章", "二十三章"],
        ["Rozdział trzynasty", "Rozdział czternasty", "Rozdział piętnasty", "Rozdział szesnasty"],
        [f"Rozdział dwudziesty {word}" for word in ("pierwszy", "drugi", "trzeci", "czwarty")],
        [f"Księga {word}" for word in ("pierwsza", "druga", "trzecia", "czwarta")],
        [f"Kapitola {word}" for word in ("dvanáctá", "třináctá", "čtrnáctá", "patnáctá")],
        [f"{word}advacátá kapitola" for word in ("Jedna", "Dva", "Tři", "Čtyři")],
        [f"Kapitola {word}" for word in ("dvanásta", "trinásta", "štrnásta", "pätnásta")],
        [f"Розділ {word}" for word in ("дванадцятий", "тринадцятий", "чотирнадцятий", "п’ятнадцятий")],
        [f"Розділ двадцять {word}" for word in ("перший", "другий", "третій", "четвертий")],
        [f"Глава {word}" for word in ("единадесета", "дванадесета", "тринадесета", "четиринадесета")],
        [f"{word} poglavlje" for word in ("Jedanaesto", "Dvanaesto", "Trinaesto", "Četrnaesto")],
        [f"Tizen{word} fejezet" for word in ("harmadik", "negyedik", "ötödik", "hatodik")],
        [f"HUSZON{word} FEJEZET" for word in ("EGYEDIK", "KETTEDIK", "HARMADIK", "NEGYEDIK")],
        [f"{word}ENTWINTIGSTE HOOFDSTUK" for word in ("EEN", "TWEE", "DRIE", "VIER")],
        ["Een en twintigste kapittel", "Twee en twintigste kapittel", "Drie en twintigste kapittel"],
        [f"{word}ogtyvende Kapitel" for word in ("En", "To", "Tre", "Fire")],
        [f"Tjue{word} kapittel" for word in ("første", "andre", "tredje", "fjerde")],
        [f"{word}toista luku" for word in ("Kolmas", "Neljäs", "Viides", "Kuudes")],
        [f"{word}kolmatta runo" for word in ("Yhdes", "Kahdes", "Kolmas", "Neljäs")],
        ["Yirmi Birinci Bölüm", "Yirmi İkinci Bölüm", "Yirmi Üçüncü Bölüm", "Yirmi Dördüncü Bölüm"],
        [f"Capitolul al {word}" for word in ("doisprezecelea", "treisprezecelea", "paisprezecelea")],
        [f"Chương hai mươi {word}" for word in ("mốt", "hai", "ba", "tư")],
        ["Bab Sebelas", "Bab Dua Belas", "Bab Tiga Belas", "Bab Empat Belas"],
        ["Κεφάλαιο δωδέκατο", "Κεφάλαιο δέκατο τρίτο", "Κεφάλαιο δέκατο τέταρτο", "Κεφάλαιο δέκατο πέμπτο"],
        [f"Quyển 1 - Chương {n}" for n in range(1, 5)],
        ["Hồi 1: Gặp lại", "Hồi 2: Gặp lại", "Hồi 3: Gặp lại", "Hồi 4: Gặp lại"],
        ["KABANATA I", "KABANATA II", "KABANATA III", "KABANATA IV"],
        [f"{word} Capitel" for word in ("Erſtes", "Zweites", "Drittes", "Viertes")],
        [f"PIEŚŃ {word}" for word in ("PIERWSZA", "DRUGA", "TRZECIA", "CZWARTA")],
        ["EERSTE ZANG", "TWEEDE ZANG", "DERDE ZANG", "VIERDE ZANG"],
        ["ELSŐ ÉNEK", "MÁSODIK ÉNEK", "HARMADIK ÉNEK", "NEGYEDIK ÉNEK"],
        ["EERSTE TOONEEL.", "TWEEDE TOONEEL.", "DERDE TOONEEL.", "VIERDE TOONEEL."],
        ["ELSŐ JELENET", "MÁSODIK JELENET", "HARMADIK JELENET", "NEGYEDIK JELENET"],
        ["ENSIMMÄINEN NÄYTÖS", "TOINEN NÄYTÖS", "KOLMAS NÄYTÖS", "NELJÄS NÄYTÖS"],
    ],
    ids=lambda headings: headings[1],
)
def test_chapters_are_found_in_further_languages(headings: list[str]):
    assert titles(book(headings, SWEDISH)) == headings


@pytest.mark.parametrize("language", ["sv", "he", "th", "hi"])
def test_a_novel_of_eight_chapters_has_eight_and_its_language(shared_data: Path, language: str):
    path = shared_data / "cases" / f"lang_{language}.txt"
    document = read_document(path.read_bytes(), path.name)
    assert document.language == language
    assert [chapter.kind for chapter in find_chapters(document)] == ["chapter"] * 8


@pytest.mark.parametrize(
    ("contents", "headings", "after", "prose"),
    [
        ("Innehåll", ["Kapitel 1", "Kapitel 2", "Kapitel 3", "Kapitel 4"], "Efterord", SWEDISH),
        ("תוכן העניינים", ["פרק א'", "פרק ב'", "פרק ג'", "פרק ד'"], "אחרית דבר", HEBREW),
        ("สารบัญ", ["บทที่ ๑", "บทที่ ๒", "บทที่ ๓", "บทที่ ๔"], "บทส่งท้าย", THAI),
        ("विषय-सूची", ["अध्याय १", "अध्याय २", "अध्याय ३", "अध्याय ४"], "उपसंहार", HINDI),
    ],
)
def test_a_contents_list_and_an_epilogue_are_known_by_their_names(
    contents: str, headings: list[str], after: str, prose: str
):
    listed = "\n\n".join([contents, *headings])
    text = f"{listed}\n\n\n\n{book(headings, prose)}\n\n\n{after}\n\n{prose}"
    found = find_chapters(Document(text, "txt", "utf-8"))
    assert [chapter.kind for chapter in found] == ["chapter"] * 4 + ["back"]
    assert text[found[-1].char_start :].startswith(after)


@pytest.mark.parametrize(
    ("numeral", "value"),
    [("א'", 1), ('ט"ו', 15), ("ט״ז", 16), ('י"ט', 19), ('קכ"ג', 123), ('תצ"ט', 499), ('צה"ל', None)],
)
def test_hebrew_letters_count_where_they_are_marked(numeral: str, value: int | None):
    assert lettered_value(numeral, lenient=False) == value


def test_hebrew_letters_without_marks_are_words_until_a_unit_stands_before_them():
    assert lettered_value("יב", lenient=False) is None
    assert lettered_value("יב", lenient=True) == 12
    assert lettered_value("בי", lenient=True) is None


def test_a_paragraph_without_capitals_is_no_title_of_the_number_above_it():
    prose = "เธออ่านมันสองครั้งแล้ววางลงในลิ้นชัก จากนั้นก็ออกไปเดินเล่น\n\n" * 20
    assert titles(book(["บทที่ ๑", "บทที่ ๒\n\nจดหมาย", "บทที่ ๓"], prose)) == ["บทที่ ๑", "บทที่ ๒. จดหมาย", "บทที่ ๓"]


def test_a_new_language_is_one_new_file(tmp_path: Path):
    (tmp_path / "qy.py").write_text(NEW_LANGUAGE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", USE_OF_IT, str(tmp_path)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    chapters, tables = done.stdout.splitlines()
    assert chapters == str([("chapter", f"{word} tetlh") for word in ("Wa'dich", "Cha'dich", "Wejdich")])
    assert tables == "qy quenya True"


def test_a_language_is_known_by_the_name_of_its_file():
    folder = Path(sys.modules["morpheus_assets.text.languages"].__file__).parent
    assert [language.code for language in languages()] == sorted(file.stem for file in folder.glob("[a-z]*.py"))


def test_no_word_has_one_meaning_in_one_language_and_another_in_the_next():
    found, backwards = Vocabulary.of(languages()), Vocabulary.of(languages()[::-1])
    assert found.units == backwards.units
    assert found.counters == backwards.counters
    assert found.numbers == backwards.numbers
    assert found.matter == backwards.matter


def test_names_of_what_surrounds_the_chapters_may_serve_two_languages():
    assert vocabulary().matter["fin"] == "boilerplate"
    assert vocabulary().matter["theend"] == "boilerplate"
    assert vocabulary().matter["index"] == "contents"
    assert vocabulary().matter["authorsnote"] == "back"


def test_every_language_with_its_own_encodings_has_letters_to_tell_them_by():
    for language in languages():
        assert bool(language.letters) == bool(language.encodings), language.code
        for encoding in language.encodings:
            assert codecs.lookup(encoding), language.code


def test_search_is_configured_by_the_language_and_simple_without_one():
    assert configuration_of("sv") == "swedish"
    assert configuration_of("pt-BR") == "portuguese"
    assert configuration_of("th") == "simple"
    assert configuration_of("und") == "simple"
    assert languages_by_code()["hi"].search_configuration == "hindi"
