import pytest

from morpheus_assets.services.evaluation.questions import read_questions

HEADER = "question\tnovel\tchapters\tquotation\n"


def test_a_file_gives_its_questions_and_names_the_lines_that_are_none() -> None:
    text = (
        HEADER
        + "Who lit the lamps?\tthe-last-lamp\t1;2\tlit the lamps\n\n"
        + "No answer\tthe-last-lamp\t\t\n"
        + "Which chapter?\tthe-last-lamp\tfour\t\n"
        + "\tthe-last-lamp\t4\t\n"
        + 'Only a quotation\tthe-last-lamp\t\ta "quoted" word\n'
    )
    read = read_questions("\ufeff" + text, "mine.tsv")
    assert [(each.question, set(each.chapters), each.quotation, each.kind) for each in read.questions] == [
        ("Who lit the lamps?", {1, 2}, "lit the lamps", "judged"),
        ("Only a quotation", set(), 'a "quoted" word', "judged"),
    ]
    assert [fault.split(":")[0] for fault in read.faults] == [
        "mine.tsv, line 4",
        "mine.tsv, line 5",
        "mine.tsv, line 6",
    ]
    assert "write 3, or 16;17" in read.faults[1]


@pytest.mark.parametrize("text", ["", "a question without a header\n", "question\tnovel\nWho?\tdracula\n"])
def test_a_file_without_the_columns_is_refused_whole_and_says_which_are_needed(text: str) -> None:
    read = read_questions(text, "mine.tsv")
    assert read.questions == ()
    assert "question, novel, and chapters or quotation" in read.faults[0]


def test_a_column_that_is_not_known_is_named_and_the_rest_is_read() -> None:
    read = read_questions("novel\tchapters\tquestion\tremark\ndracula.txt\t7\tA ship?\tmine\n", "mine.tsv")
    assert [(each.question, each.novel) for each in read.questions] == [("A ship?", "dracula")]
    assert read.faults == ("mine.tsv: the column 'remark' is not known and not read.",)
