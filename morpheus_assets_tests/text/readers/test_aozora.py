import pytest

from morpheus_assets.text.formats import read_document

STORY = "老人《ろうじん》は門の前に座って、昔のことを思い出した。雪は静かに降っていた。\n" * 30


def test_the_first_lines_name_title_and_author():
    document = read_document(f"雪の門\n山田太郎\n\n{STORY}\n底本：「雪」".encode(), "a.txt")
    assert (document.title, document.author) == ("雪の門", "山田太郎")


def test_a_translator_is_not_the_author():
    document = read_document(f"雪の門\n――冬――\nJ・スミス\n山田太郎訳\n\n{STORY}".encode(), "a.txt")
    assert (document.title, document.author) == ("雪の門", "J・スミス")


@pytest.mark.parametrize(
    "lines",
    [
        "雪の門\nTHE GATE OF SNOW\n第一部\nJ・スミス\n山田太郎訳",
        "雪の門\nTHE GATE OF SNOW\nJ・スミス\nJohn Smith\n山田太郎訳",
    ],
)
def test_an_original_title_and_a_name_in_its_own_letters_do_not_hide_the_author(lines: str):
    document = read_document(f"{lines}\n\n{STORY}\n底本：「雪」".encode(), "a.txt")
    assert (document.title, document.author) == ("雪の門", "J・スミス")


def test_a_text_that_begins_at_once_has_no_title():
    document = read_document(STORY.encode(), "a.txt")
    assert (document.title, document.author) == (None, None)


def test_title_and_author_are_found_on_an_html_page_without_metadata():
    story = "私はその人を常に先生と呼んでいた。だからここでもただ先生と書くだけで本名は打ち明けない。<br />\n" * 40
    page = (
        "<html><head><title>夏目漱石 こころ</title></head><body><h1 class='title'>こころ</h1>"
        "<h2 class='author'>夏目漱石</h2><br /><h3>上　先生と私</h3>"
        + story
        + "<div>底本：「こころ」集英社文庫</div></body></html>"
    )
    document = read_document(page.encode("shift_jis"), "773_14560.html")
    assert (document.title, document.author) == ("こころ", "夏目漱石")
    other = page.replace("底本", "出典")
    assert read_document(other.encode(), "773.html").title == "夏目漱石 こころ"
