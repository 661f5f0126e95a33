from morpheus_assets.domain.content import SourceFile
from morpheus_assets.services.ingest_plan import (
    NOVELS_IN_A_RUN,
    StaleNovel,
    changed_texts,
    plan_runs,
)
from morpheus_assets.sources.names import NovelFiles


def text(novel: str, digest: str | None, mtime_ns: int = 1) -> NovelFiles:
    file = SourceFile("text", f"{novel}.txt", novel, 10, mtime_ns, digest)
    return NovelFiles(novel, file.path, (file,))


def stale(*novels: str) -> list[StaleNovel]:
    return [StaleNovel(novel, "v1") for novel in novels]


def test_a_file_with_the_digest_that_was_ingested_is_not_stale():
    assert changed_texts([text("dracula", "a")], {"dracula": ("a", None)}) == []


def test_a_file_that_was_refused_is_not_asked_for_again_until_it_changes():
    assert changed_texts([text("dracula", "bad")], {"dracula": ("a", "bad")}) == []
    assert [item.novel for item in changed_texts([text("dracula", "good")], {"dracula": ("a", "bad")})] == ["dracula"]


def test_a_file_still_being_copied_has_no_digest_and_waits():
    assert changed_texts([text("dracula", None)], {}) == []


def test_going_back_to_an_earlier_content_is_another_version_than_the_first_time():
    [first] = changed_texts([text("dracula", "a", mtime_ns=1)], {})
    [again] = changed_texts([text("dracula", "a", mtime_ns=3)], {"dracula": ("b", None)})
    assert first.version != again.version


def test_a_few_new_novels_get_a_run_each_and_their_partitions():
    plan = plan_runs(stale("emma", "dracula"), set(), {}, kind="text", limit=50)
    assert plan.new_partitions == ("emma", "dracula")
    assert [run.novels for run in plan.runs] == [("emma",), ("dracula",)]


def test_many_new_novels_share_runs_in_the_order_of_their_new_partitions():
    names = [f"novel-{number:04}" for number in range(1000)]
    plan = plan_runs(stale(*names), set(), {}, kind="text", limit=50)
    assert plan.new_partitions == tuple(names)
    assert [novel for run in plan.runs for novel in run.novels] == names
    assert len(plan.runs) == 1000 / NOVELS_IN_A_RUN


def test_changed_novels_are_never_put_into_a_shared_run_for_their_partitions_are_not_contiguous():
    names = [f"novel-{number}" for number in range(20)]
    plan = plan_runs(stale(*names), set(names), {}, kind="text", limit=50)
    assert all(len(run.novels) == 1 for run in plan.runs)
    assert plan.new_partitions == ()


def test_a_tick_launches_no_more_runs_than_its_limit_and_the_rest_follows():
    names = [f"novel-{number}" for number in range(20)]
    first = plan_runs(stale(*names), set(names), {}, kind="text", limit=15)
    second = plan_runs(stale(*names), set(names), first.requested, kind="text", limit=15)
    assert len(first.runs) == 15
    assert [run.novels[0] for run in second.runs] == names[15:]


def test_what_was_asked_for_is_not_asked_for_again_in_the_same_version():
    first = plan_runs(stale("emma"), set(), {}, kind="text", limit=50)
    again = plan_runs(stale("emma"), {"emma"}, first.requested, kind="text", limit=50)
    newer = plan_runs([StaleNovel("emma", "v2")], {"emma"}, first.requested, kind="text", limit=50)
    assert again.runs == ()
    assert again.requested == first.requested
    assert [run.run_key for run in newer.runs] != [run.run_key for run in first.runs]


def test_a_novel_that_was_ingested_leaves_the_list_of_what_was_asked_for():
    assert plan_runs([], {"emma"}, {"emma": "v1"}, kind="text", limit=50).requested == {}
