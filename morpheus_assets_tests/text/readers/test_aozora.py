from morpheus_assets.text.formats import read_document

STORY = "老人《ろうじん》は門の前に座って、昔のことを思い出した。雪は静かに降っていた。\n" * 30


def test_the_first_lines_name_title_and_author():
    document = read_document(f"雪の門\n山田太郎\n\n{STORY}\n底本：「雪」".encode(), "a.txt")
    assert (document.title, document.author) == ("雪の門", "山田太郎")


def test_a_translator_is_not_the_author():
    document = read_document(f"雪の門\n――冬――\nJ・スミス\n山田太郎訳\n\n{STORY}".encode(), "a.txt")
    assert (document.title, document.author) == ("雪の門", "J・スミス")


def test_a_text_that_begins_at_once_has_no_title():
    document = read_document(STORY.encode(), "a.txt")
    assert (document.title, document.author) == (None, None)
