import csv
import dataclasses

import pytest

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.documents import Document, HeadingHint
from morpheus_assets.text.formats import read_document
from morpheus_assets_tests.fixtures.shared_data import shared_document
from morpheus_assets_tests.text.chapters.accuracy import all_styles, applies, chapters_of, score_made, score_novel
from morpheus_assets_tests.text.chapters.heading_styles import STYLES
from morpheus_assets_tests.text.chapters.made_books import LAYOUTS, PLAIN, make_book, make_prose


def document(text, **fields):
    return Document(text=text, format="txt", encoding="utf-8", **fields)


def prose(seed, length=3_000):
    return "\n\n".join(make_prose(seed, length)) + "\n\n"


def titles(text):
    return [chapter.title for chapter in chapters_of(document(text))]


@pytest.mark.parametrize("style", all_styles())
def test_every_heading_style_is_found_in_every_layout(style):
    write, chinese = all_styles()[style]
    tried = [layout for layout in LAYOUTS if applies(style, layout)]
    results = {layout: score_made(make_book(write, LAYOUTS[layout], count=12, chinese=chinese)) for layout in tried}
    assert {layout: result for layout, result in results.items() if not result.perfect} == {}


def test_every_chapter_of_the_shared_novels_is_found_and_no_false_one(shared_data):
    missed = {}
    for truth in sorted((shared_data / "chapters").glob("*.tsv")):
        result, _ = score_novel(shared_data / "novels" / truth.stem, truth)
        if not result.perfect:
            missed[truth.stem] = result
    assert missed == {}


def test_damaged_novels_have_all_their_chapters(shared_data):
    folder = shared_data / "novels_damaged"
    with (folder / "MANIFEST.tsv").open(encoding="utf-8") as file:
        expected = {row["file"]: row["true_chapters"] for row in csv.DictReader(file, delimiter="\t")}
    readable = {name: int(count) for name, count in expected.items() if count.isdigit() and count != "0"}
    found = {name: len(chapters_of(shared_document(folder / name))) for name in readable}
    assert found == readable


def test_war_and_peace_takes_less_than_two_seconds(shared_data):
    novels, chapters = shared_data / "novels", shared_data / "chapters"
    _, seconds = score_novel(novels / "war-and-peace-latin1.txt", chapters / "war-and-peace-latin1.txt.tsv")
    assert seconds < 2


def test_a_title_on_the_lines_after_the_number_joins_it():
    text = "".join(f"CHAPTER {n}\n\nTHE LONG\nROAD HOME\n\n{prose(i)}" for i, n in enumerate(("I", "II", "III")))
    assert titles(text)[0] == "CHAPTER I. THE LONG ROAD HOME"


@pytest.mark.parametrize(
    "names",
    [
        ("The Widow and her Child.", "The Old Mint.", "How the Prisoner broke out of the Cage."),
        ("A Letter with a Postscript", "Waterloo Station, and a Girl with Brown Hair", "The calm before the storm"),
        ("Mr. Garnet's Narrative--Has to Do with a Reunion", "“Pieces of Eight”", "“NO ONE IS THERE!”"),
        ("DR. SEWARD'S DIARY--_continued_", "Letter, Mina Harker to Lucy Westenra.", "Lucy Westenra's Diary."),
        ("La Marquise de MERTEUIL au Vicomte de VALMONT.", "CÉCILE VOLANGES à SOPHIE CARNAY.", "Billet de la main."),
    ],
)
def test_titles_below_the_numbers_are_told_by_each_other(names: tuple[str, ...]):
    text = "".join(f"CHAPTER {n}\n\n{name}\n\n\n{prose(n)}" for n, name in enumerate(names * 2, 1))
    assert titles(text) == [f"CHAPTER {n}. {name.replace('_', '')}" for n, name in enumerate(names * 2, 1)]


@pytest.mark.parametrize("first", ["It was late.", "“No!”", "— Come in.", "The King was dead,", "who goes there"])
def test_a_short_first_paragraph_is_no_title(first: str):
    text = "".join(f"CHAPTER {n}\n\n{first}\n\n{prose(n)}" for n in range(1, 6))
    assert titles(text) == [f"CHAPTER {n}" for n in range(1, 6)]


def test_what_looks_like_a_title_below_few_of_the_numbers_is_the_storys_text():
    text = "".join(
        f"CHAPTER {n}\n\n{'Mr. Brown of Thornfield Hall.' if n < 3 else ''}\n\n{prose(n)}" for n in range(1, 9)
    )
    assert titles(text) == [f"CHAPTER {n}" for n in range(1, 9)]


def test_a_heading_that_wraps_is_one_title():
    text = "".join(
        f"CHAPTER {n}. Of the Less Erroneous Pictures of Whales, and the\nTrue Ones.\n\n{prose(n)}" for n in (1, 2, 3)
    )
    assert titles(text)[0] == "CHAPTER 1. Of the Less Erroneous Pictures of Whales, and the True Ones."


def test_prose_that_begins_like_a_heading_is_no_chapter():
    odd = "Chapter 2 of the parish register was missing, and nobody spoke of it.\n\n"
    text = "".join(f"Chapter {n}\n\n{prose(n)}{odd}{prose(n + 50)}" for n in range(1, 6))
    assert titles(text) == [f"Chapter {n}" for n in range(1, 6)]


def test_numbered_sections_inside_one_story_do_not_split_it():
    names = ("ADVENTURE I. THE KING", "ADVENTURE II. THE LEAGUE", "ADVENTURE III. THE RING", "ADVENTURE IV. THE PIPS")
    first = f"{names[0]}\n\n" + "".join(f"{n}.\n\n{prose(i + 70)}" for i, n in enumerate(("I", "II", "III")))
    text = first + "".join(f"{name}\n\n{prose(i, 9_000)}" for i, name in enumerate(names[1:]))
    assert titles(text) == list(names)


def test_a_list_of_points_inside_a_chapter_does_not_split_it():
    points = "".join(f"{n}. That it is so.\n\n" for n in ("I", "II", "III", "IV"))
    text = "".join(
        f"{n}. THE WAY\n\n{prose(i)}{points if n == 'III' else ''}{prose(i + 30)}"
        for i, n in enumerate(("I", "II", "III", "IV", "V", "VI"))
    )
    assert len(titles(text)) == 6


def test_letters_before_the_chapters_are_counted_with_them():
    text = "".join(f"Letter {n}\n\n{prose(n)}" for n in range(1, 5))
    text += "".join(f"Chapter {n}\n\n{prose(n + 9)}" for n in range(1, 13))
    assert len(titles(text)) == 16


def test_the_chapters_of_a_numbered_epilogue_are_counted():
    text = "".join(f"CHAPTER {n}\n\n{prose(n)}" for n in range(1, 8))
    assert len(titles(text + f"EPILOGUE\n\nI\n\n{prose(40)}II\n\n{prose(41)}")) == 9


def test_a_conclusion_is_the_last_chapter():
    text = "".join(f"{n}\n\n\n{prose(i)}\n\n\n" for i, n in enumerate(("I", "II", "III", "IV")))
    assert titles(text + f"CONCLUSION\n\n\n{prose(9)}")[-1] == "CONCLUSION"


def test_a_misprinted_number_is_still_a_chapter():
    numbers = ["XXXIX", "XL", "XXI", "XLII", "XLIII", "XLIV"]
    text = "".join(f"CHAPTER {n}\n\n{prose(i)}" for i, n in enumerate(numbers))
    assert len(titles(text)) == 6


def test_a_number_printed_twice_is_two_chapters_when_both_have_text():
    numbers = ["I", "II", "III", "IV", "IV", "VI", "VII"]
    assert len(titles("".join(f"CHAPTER {n}\n\n{prose(i)}" for i, n in enumerate(numbers)))) == 7


def test_a_heading_printed_twice_in_a_row_is_one_chapter():
    text = "".join(
        f"第{n}回　風雪\n\n{'第三回　風雪' if n == '三' else ''}\n\n{prose(i)}" for i, n in enumerate("一二三四五")
    )
    assert len(titles(text)) == 5


def test_a_chapter_called_the_last_is_counted():
    text = "".join(f"CHAPTER {n}.\n\n{prose(i)}" for i, n in enumerate(("I", "II", "III", "IV", "THE LAST")))
    assert titles(text)[-1] == "CHAPTER THE LAST."


def test_preface_and_epilogue_are_kept_but_are_no_chapters():
    text = f"PREFACE\n\n{prose(80)}\n\n" + "".join(f"Chapter {n}\n\n{prose(n)}\n\n" for n in range(1, 5))
    text += f"Epilogue\n\n{prose(90)}"
    found = find_chapters(document(text))
    assert [(chapter.kind, chapter.ordinal) for chapter in found] == [
        ("front", 0), ("chapter", 1), ("chapter", 2), ("chapter", 3), ("chapter", 4), ("back", 5),
    ]  # fmt: skip
    assert text[found[0].char_start :].startswith("PREFACE")
    assert text[found[-1].char_start :].startswith("Epilogue")


def test_a_contents_list_and_a_title_page_are_no_front_matter():
    book = make_book(STYLES["CHAPTER I. Title"], LAYOUTS["contents"])
    assert {chapter.kind for chapter in find_chapters(document(book.text))} == {"chapter"}


def test_header_and_licence_of_the_distributor_belong_to_nothing():
    book = make_book(STYLES["CHAPTER I"], LAYOUTS["gutenberg"])
    covered = "".join(book.text[c.char_start : c.char_end] for c in find_chapters(document(book.text)))
    assert "Gutenberg" not in covered
    assert "LICENSE" not in covered


def test_a_book_without_chapters_is_cut_into_sections_at_paragraph_ends():
    text = prose(5, 150_000)
    found = find_chapters(document(text))
    assert {chapter.kind for chapter in found} == {"section"}
    assert len(found) > 5
    assert all(text[chapter.char_end - 1] == "\n" for chapter in found[:-1])
    assert "".join(text[c.char_start : c.char_end] for c in found) == text.strip()


def test_a_contents_list_without_a_heading_in_the_text_gives_sections():
    listed = "CONTENTS\n\n" + "".join(f"CHAPTER {n}\n\n" for n in range(1, 20))
    found = find_chapters(document(f"{listed}\n\n{prose(5, 200_000)}"))
    assert {chapter.kind for chapter in found} == {"section"}


def test_markup_headings_need_not_all_be_chapters():
    parts = ["ALICE", "by Lewis Carroll", "Contents", *(f"CHAPTER {n}. Down" for n in range(1, 7)), "About the Author"]
    text, hints = "", []
    for part in parts:
        hints.append(HeadingHint(len(text), 1 if part == "ALICE" else 2, part, "html"))
        text += f"{part}\n\n" + (prose(len(text)) if part.startswith("CHAPTER") else "words\n\n")
    found = chapters_of(document(text, hints=tuple(hints)))
    assert [chapter.title for chapter in found] == [f"CHAPTER {n}. Down" for n in range(1, 7)]


def test_markup_of_mixed_levels_is_read_by_its_numbers():
    text, hints = "", []
    for level, words in ((1, "Title: Heart"), (2, "Author: C"), (3, "I"), (3, "II"), (2, "III")):
        hints.append(HeadingHint(len(text), level, words, "markdown"))
        text += f"{words}\n\n" + (prose(len(text)) if words[0] == "I" else "")
    assert [chapter.title for chapter in chapters_of(document(text, hints=tuple(hints)))] == ["I", "II", "III"]


def test_titles_in_markup_are_chapters_without_numbers():
    names = ["The Sisters", "An Encounter", "Araby", "Eveline"]
    text, hints = "", []
    for name in ["Dubliners", *names, "Colophon"]:
        hints.append(HeadingHint(len(text), 2, name, "epub-heading"))
        text += f"{name}\n\n" + (prose(len(text)) if name in names else "")
    assert [chapter.title for chapter in chapters_of(document(text, hints=tuple(hints)))] == names


def test_markup_that_names_only_the_parts_does_not_hide_the_chapters():
    text, hints, number = "", [], 0
    for part in ("Part One", "Part Two"):
        hints.append(HeadingHint(len(text), 1, part, "html"))
        text += f"{part}\n\n"
        for _ in range(5):
            number += 1
            text += f"Chapter {number}\n\n{prose(number)}"
    assert len(chapters_of(document(text, hints=tuple(hints)))) == 10


def test_without_its_markup_a_book_is_read_from_its_text(shared_data):
    path = shared_data / "novels" / "alice-in-wonderland.html"
    bare = dataclasses.replace(shared_document(path), hints=())
    assert len(chapters_of(bare)) == 12


def test_a_line_says_where_its_chapter_starts():
    book = make_book(STYLES["I. TITLE"], PLAIN)
    for chapter in chapters_of(document(book.text)):
        assert book.text.split("\n")[chapter.line - 1].startswith(chapter.title.split()[0])


def test_empty_and_blank_texts_have_no_chapters():
    assert find_chapters(document("")) == []
    assert find_chapters(document(" \n\n\t\n")) == []


def test_a_misspelled_number_word_is_still_a_chapter():
    names = ("Erstes Kapitel", "Zweites Kapitel", "Drites Kapitel", "Viertes Kapitel")
    assert titles("".join(f"{name}\n\n{prose(i)}" for i, name in enumerate(names))) == list(names)


def test_numbered_stories_over_two_volumes_on_one_line_count_by_their_chapters():
    places = [(volume, chapter) for volume in (1, 2) for chapter in range(1, 6)]
    text = "".join(f"Vol. {v} Chapter {c}: The Way\n\n{prose(v * 10 + c)}" for v, c in places)
    assert len(titles(text)) == 10


def test_letters_that_count_without_fault_are_chapters_whatever_long_journal_follows_the_last():
    text = "".join(f"LETTER {number}\n\n{prose(number)}" for number in range(1, 21)) + prose(99, 200_000)
    assert titles(text) == [f"LETTER {number}" for number in range(1, 21)]


def test_what_has_just_ended_is_no_heading_of_what_follows():
    acts = ("FIRST", "SECOND", "THIRD")
    markup = "".join(
        f"<h3>THE {act} ACT</h3><p>{prose(index, 9_000)}</p><h4>END OF THE {act} ACT.</h4>"
        for index, act in enumerate(acts)
    )
    page = f"<html><body><h1>THE GIRL</h1><h4>By Somebody</h4>{markup}</body></html>"
    found = [chapter.title for chapter in chapters_of(read_document(page.encode(), "play.html"))]
    assert found == [f"THE {act} ACT" for act in acts]
    text = "".join(f"THE {act} ACT\n\n{prose(i, 9_000)}END OF THE {act} ACT\n\n" for i, act in enumerate(acts))
    assert titles(text) == [f"THE {act} ACT" for act in acts]


def test_a_word_of_the_books_own_over_a_title_outranks_the_numbered_parts_within():
    cases = ("A PSYCHICAL INVASION", "ANCIENT SORCERIES", "SECRET WORSHIP", "THE CAMP OF THE DOG")
    markup = "".join(
        f"<h2>CASE {number}<br/>{case}</h2><p>{prose(i, 9_000)}</p><h3>II</h3><p>{prose(i + 9, 9_000)}</p><h3>III</h3>"
        f"<p>{prose(i + 20, 9_000)}</p>"
        for i, (number, case) in enumerate(zip(("I", "II", "III", "IV"), cases, strict=True))
    )
    page = f"<html><body><h1>THE PHYSICIAN</h1>{markup}</body></html>"
    found = [chapter.title for chapter in chapters_of(read_document(page.encode(), "cases.html"))]
    assert found == [f"CASE {number} {case}" for number, case in zip(("I", "II", "III", "IV"), cases, strict=True)]


PARAGRAPH = "He came back over the hill with the lamp, and nobody in the house had heard of it before that winter.\n\n"


def chaptered(pairs, gap="\n\n\n"):
    return gap.join(f"{heading}\n\n{body}" for heading, body in pairs)


def test_who_enters_is_no_title_of_a_scene():
    scenes = chaptered([(f"SCENE {number}.", f"Enter HOLT the {number}.\n\n{prose(1)}") for number in ("I", "II")])
    text = "\n\n\n".join(f"ACT {number}.\n\n{scenes}" for number in ("I", "II", "III"))
    assert titles(text) == ["SCENE I.", "SCENE II."] * 3


def test_a_scene_on_the_line_of_its_act_opens_the_act():
    acts = ["Actus Primus. Scena Prima.", "Scena Secunda.", "Actus Secundus. Scena Prima.", "Scena Secunda."]
    assert titles(chaptered([(act, prose(n)) for n, act in enumerate(acts)])) == acts


def test_an_act_whose_first_scene_has_no_heading_is_a_piece():
    heads = ["Actus Primus. Scena Prima.", "Scena Secunda.", "Actus Secundus.", "Scena Secunda.", "Scena Tertia."]
    assert titles(chaptered([(head, prose(n)) for n, head in enumerate(heads)])) == heads


BELOW = ["Do titulo.", "Do livro.", "A denuncia.", "Um dever amarissimo!", "O aggregado.", "Tio Cosme.", "D. Gloria."]


def test_single_lines_below_nearly_all_the_numbers_are_titles_whatever_they_end_with():
    text = chaptered([(f"{n}", f"{line}\n\n{prose(n)}") for n, line in enumerate(BELOW, 1)])
    assert titles(text) == [f"{n}. {line}" for n, line in enumerate(BELOW, 1)]


def test_a_title_in_quotation_marks_right_below_its_number_joins_it():
    names = ["The Gate", "Ash and Iron", "A Quiet Inn"]
    text = "\n\n\n".join(f"Chapter {n}\n“{name}”\n\n{prose(n)}" for n, name in enumerate(names, 1))
    assert titles(text) == [f"Chapter {n}. “{name}”" for n, name in enumerate(names, 1)]


def test_a_salutation_below_the_numbers_is_no_title():
    letters = chaptered([(f"LETTER {n}", f"DEAR FATHER {'I' * n},\n\n{prose(n)}") for n in range(1, 7)])
    assert titles(letters) == [f"LETTER {n}" for n in range(1, 7)]


def test_titles_that_come_again_below_some_of_the_numbers_are_titles():
    tellers = ["HOLT'S JOURNAL", "ANNA'S DIARY", "HOLT'S JOURNAL", "HOLT'S JOURNAL", "ANNA'S DIARY", "HOLT'S JOURNAL"]
    tellers += ["A LETTER", "ANNA'S DIARY", "THE TELEGRAM"]
    text = chaptered([(f"CHAPTER {n}", f"{name}\n\n{prose(n)}") for n, name in enumerate(tellers, 1)])
    assert titles(text) == [f"CHAPTER {n}. {name}" for n, name in enumerate(tellers, 1)]


def test_a_play_that_is_told_in_a_chapter_adds_no_acts_to_the_chapters():
    acts = "\n\n\n".join(f"ACT {number}.\n\n{prose(5, 2_500)}" for number in ("I", "II", "III"))
    heads = [f"CHAPTER {number}" for number in ("I", "II", "III", "IV")]
    bodies = [prose(1), prose(2), f"{prose(3, 2_000)}\n\n\n{acts}", prose(4)]
    assert titles(chaptered(zip(heads, bodies, strict=True))) == heads


def test_verse_whose_lines_stand_apart_has_no_titles_below_its_numbers():
    verse = "".join(f"The {word} is on the water and the hill,\n\n" for word in ("lamp", "snow", "bell", "light") * 20)
    text = chaptered([(f"{number}", verse) for number in ("I", "II", "III", "IV", "V", "VI")])
    assert titles(text) == ["I", "II", "III", "IV", "V", "VI"]


def test_what_stands_apart_below_every_number_says_what_happens_in_the_chapter():
    said = "How it happened that the miller {}, and what came\nof it before the winter was over."
    done = ["lost his lamp", "found a letter", "went to sea", "bought a bell", "came home"]
    text = chaptered([(f"CHAPTER {n}", f"{said.format(it)}\n\n\n{prose(n)}") for n, it in enumerate(done, 1)], "\n" * 6)
    expected = [f"CHAPTER {n}. {' '.join(said.format(it).split())}" for n, it in enumerate(done, 1)]
    assert titles(text) == expected


@pytest.mark.parametrize("line", ["ARGUMENT.", "Chapter Summary", "The Argument"])
def test_what_is_printed_below_every_number_names_no_chapter(line: str):
    text = chaptered(
        [(f"BOOK {number}.", f"{line}\n\n{prose(n)}") for n, number in enumerate(("I", "II", "III", "IV"))]
    )
    assert titles(text) == ["BOOK I.", "BOOK II.", "BOOK III.", "BOOK IV."]


def test_a_number_below_a_number_counts_the_sections_of_the_chapter():
    text = chaptered([(f"第{number}章", f"一\n\n{'雪が降っていた。' * 300}") for number in "一二三四"])
    assert titles(text) == ["第一章", "第二章", "第三章", "第四章"]


def test_the_first_sentence_below_a_number_is_no_title_in_chinese_or_japanese():
    text = chaptered([(number, f"山路を登りながら考えた。\n\n{'雪が降っていた。' * 300}") for number in "一二三四"])
    assert titles(text) == ["一", "二", "三", "四"]


def test_a_title_in_capitals_may_be_as_long_as_a_page_is_wide_four_times():
    long = "OF THE GOOD FORTUNE WHICH THE VALIANT MILLER HAD\nIN THE TERRIBLE AND UNDREAMT-OF ADVENTURE\n"
    long += "OF THE WINDMILLS, WITH OTHER OCCURRENCES WORTHY\nTO BE FITLY RECORDED AND TOLD BY THE FIRE IN {}"
    months = ["MAY", "JUNE", "JULY"]
    text = chaptered([(f"CHAPTER {n}", f"{long.format(month)}\n\n{prose(n)}") for n, month in enumerate(months, 1)])
    assert titles(text) == [f"CHAPTER {n}. {' '.join(long.format(m).split())}" for n, m in enumerate(months, 1)]


def test_a_chapter_that_a_serial_holds_out_of_its_order_is_found_where_it_stands():
    heads = [f"Chapter {n}: The Gate" for n in (1, 3, 4, 5, 2, 6, 7, 8)]
    assert titles(chaptered([(head, prose(n)) for n, head in enumerate(heads)])) == heads


@pytest.mark.parametrize("form", ["C{0}: Ash", "Ch{0} Ash", "V1C{0}: Ash", "Vol.1 Ch.{0} - Ash"])
def test_the_abbreviations_of_serials_are_chapters(form: str):
    heads = [form.format(n) for n in range(1, 6)]
    assert titles(chaptered([(head, prose(n)) for n, head in enumerate(heads)], "\n\n")) == heads


def test_a_list_of_pictures_below_the_contents_names_no_chapters():
    books = [f"BOOK {number}." for number in ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"]]
    pictures = [f"{name} AT THE GATE." for name in ("MARS", "CERES", "JUNO", "VULCAN", "DIANA", "PALLAS")]
    contents = "CONTENTS\n\n\n" + "\n".join(books) + "\n\n\n\n\nILLUSTRATIONS\n\n\n" + "\n".join(pictures)
    body = "\n\n\n\n".join(
        f"{book}\n\n{prose(n, 4_000)}\n\n{pictures[n % 6]}\n\n\n{prose(n + 20, 4_000)}" for n, book in enumerate(books)
    )
    assert titles(f"{contents}\n\n\n\n\n{body}") == books


def test_the_title_of_a_part_right_above_that_of_its_first_chapter_is_no_chapter():
    names = ["Of the Three Changes", "Of the Chairs of Virtue", "Of the Pale Felon", "Of the Tree on the Hill"]
    contents = "Contents\n\n  The Speeches\n" + "\n".join(f"    {name}" for name in names)
    body = "\n\n\n".join(f"{name}\n\n{prose(n)}" for n, name in enumerate(names))
    assert titles(f"{contents}\n\n\n\n\nThe Speeches\n\n{body}") == names


def test_long_narratives_are_divided_by_the_numbers_within_them():
    people = ["WALTER HART", "VINCENT GILL", "MARIAN HALL"]
    heads = [f"THE STORY CONTINUED BY {name}" for name in people]
    chapter = PARAGRAPH * 600
    told = "\n\n\n".join(
        f"{head}\n\n{first}\n\n{chapter}\n\n\nII\n\n{chapter}\n\n\nIII\n\n{chapter}"
        for head, first in zip(heads, ("(of Clement's Inn)", "I", "I"), strict=True)
    )
    found = titles("CONTENTS\n\n" + "\n".join(heads) + f"\n\n\n\n\n{told}")
    assert found == [title for head in heads for title in (head, "II", "III")]


def test_short_titles_with_a_full_stop_that_stand_far_apart_are_titles():
    names = ["Am Brunnen.", "Vorspiel auf dem Theater.", "Hexenküche.", "Gretchens Stube.", "Straße.", "Dom."]
    assert titles("\n\n\n\n".join(f"{name}\n\n{prose(n)}" for n, name in enumerate(names))) == names


@pytest.mark.parametrize(
    "form",
    ["{0}th of May, 1893", "Am {0}. Mai 1771.", "{0} мая 1893 года", "{0} de mayo de 1893", "Monday, {0} May 1893"],
)
def test_the_days_of_a_diary_are_its_chapters(form: str):
    days = [form.format(n) for n in range(5, 13)]
    assert titles("\n\n\n".join(f"{day}\n\n{prose(n)}" for n, day in enumerate(days))) == days


def test_the_years_of_a_chronicle_are_its_chapters():
    years = [str(year) for year in range(1901, 1909)]
    assert titles("\n\n\n\n".join(f"{year}\n\n{prose(n)}" for n, year in enumerate(years))) == years


def test_a_lone_chapter_one_in_the_notes_does_not_hide_the_numbers():
    numbered = chaptered([(number, prose(n)) for n, number in enumerate(("I", "II", "III", "IV", "V"))])
    assert titles(f"{numbered}\n\n\nChapter 1\n\n{prose(9, 700)}") == ["I", "II", "III", "IV", "V"]


def test_two_headings_in_the_second_half_of_a_book_are_no_chapters():
    text = PARAGRAPH * 800 + chaptered([("第一回の発作", PARAGRAPH * 100), ("第二回の発作", PARAGRAPH * 700)])
    assert {chapter.kind for chapter in find_chapters(document(text))} == {"section"}


def test_lines_indented_deeper_than_paragraphs_are_titles_in_japanese():
    names = ["暴風雨", "探検", "協力", "冬ごもり", "徳と才"]
    text = "\n\n".join(f"　　　　　{name}\n\n" + "　雪が降っていた。\n" * 200 for name in names)
    assert titles(text) == names


def test_headings_within_back_matter_are_no_chapters():
    story = "".join(f"{number}［＃「{number}」は大見出し］\n" + "　雪が降っていた。\n" * 300 for number in "一二三四五")
    notes = "訳者後記［＃「訳者後記」は大見出し］\n" + "　山の話。\n" * 60
    notes += "".join(f"{number}［＃「{number}」は小見出し］\n" + "　山の話。\n" * 40 for number in "一二三四五六")
    pieces = [(c.kind, c.title) for c in find_chapters(document(story + notes))]
    assert pieces == [*(("chapter", number) for number in "一二三四五"), ("back", "訳者後記")]


def test_a_marked_heading_may_hold_quotation_marks():
    names = ["鉄のわな", "「わしがほんものじゃ」", "種明し"]
    text = "".join(f"{name}［＃「{name}」は中見出し］\n" + "　雪が降っていた。\n" * 300 for name in names)
    assert [chapter.char_start for chapter in find_chapters(document(text))] == [text.index(f"{n}［") for n in names]
