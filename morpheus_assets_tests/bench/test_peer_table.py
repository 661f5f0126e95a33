from bench.peer_table import beside_floor, breakdown, details, name_of, overview, summarize


def run(peer, step="ingest", *, number=1, work=1.0, wall=2.0, **more):
    counts = {"inputs_ok": 5, "tokens_ok": 1200, "requests": 1, "cpu_s": 0.5, "pg_cpu_s": 0.1, "rss_mb": 80.0}
    return {"peer": peer, "step": step, "round": number, "rc": 0, "work_s": work, "wall_s": wall} | counts | more


def only(lines, spec, step="ingest"):
    [line] = [line for line in lines if (line.spec, line.step) == (spec, step)]
    return line


def test_a_ratio_is_to_the_run_of_the_limit_just_before():
    lines = summarize(
        [
            run("limit", work=1.0), run("pgai", work=8.0),
            run("limit", number=2, work=2.0), run("pgai", number=2, work=8.0),
            run("limit", number=3, work=4.0), run("pgai", number=3, work=8.0),
        ]
    )  # fmt: skip
    ratio = only(lines, "pgai").work_ratio
    assert (ratio.median, ratio.least, ratio.most) == (4.0, 2.0, 8.0)


def test_a_failed_run_is_counted_and_not_measured():
    records = [
        run("limit"),
        run("pgai", work=9.0, worker_rc=1),
        run("limit", number=2),
        run("pgai", number=2, work=3.0),
    ]
    line = only(summarize(records), "pgai")
    assert line.failures == 1
    assert line.work.most == 3.0
    assert "| pgai | 3.00 | 3.00 |" in details([line])


def test_a_system_that_never_succeeded_shows_as_failed_and_not_as_fast():
    records = [run("limit"), run("pgai", rc=1, work=0.01), run("haystack", killed="timeout", work=0.01)]
    table = overview(summarize(records))
    assert "| pgai | failed |" in table
    assert "| Haystack | failed |" in table


def test_running_every_novel_again_is_compared_with_the_unchanged_run_of_the_limit():
    records = [run("limit", "unchanged", work=0.5), run("morpheus", "rerun", work=2.0)]
    assert only(summarize(records), "morpheus", "rerun").work_ratio.median == 4.0


def test_a_search_is_compared_by_its_median_latency():
    records = [
        run("limit", "search", p50_ms=10.0, p95_ms=12.0, wall=4.0),
        run("pgai", "search", p50_ms=25.0, p95_ms=30.0, wall=80.0),
        run("morpheus", "search", p50_ms=11.0, p95_ms=14.0, hybrid_p50_ms=16.0, wall=9.0),
    ]
    table = details(summarize(records))
    assert "| pgai | 25.0 | 2.50 | 30.0 | – |" in table
    assert "| **Morpheus Assets** | 11.0 | 1.10 | 14.0 | 16.0 |" in table


def test_the_overview_names_what_each_edit_embedded():
    steps = {"edit-insert": 2, "edit-rewrite": 7, "append": 6}
    records = [run(peer, step, inputs_ok=inputs) for peer in ("limit", "pgai") for step, inputs in steps.items()]
    assert overview(summarize(records)).count("2 / 7 / 6") == 2


def test_a_row_is_named_for_a_reader():
    assert name_of("langchain:tuned") == "LangChain (tuned)"
    assert name_of("morpheus+MORPHEUS_CHUNK_TOKENS=512") == "**Morpheus Assets** (chunks of 512)"


def test_the_breakdown_shows_medians_and_what_dagster_took_last():
    records = [
        run("morpheus", number=number, import_s=2.0, load_s=1.0, work_cpu_s=0.7, sections_cpu={"chunking": 0.1},
            sections={"dagster": 1.0, "chunking": seconds})
        for number, seconds in ((1, 0.2), (2, 0.9), (3, 0.3))
    ]  # fmt: skip
    head, _, row = breakdown(records).splitlines()
    assert head.endswith("| work | its CPU | chunking | dagster |")
    assert row.endswith("| 1.00 | 0.70 | 0.300 / 0.100 | 1.000 / 0.000 |")


def test_an_ingest_is_compared_with_the_second_floor_that_ran_before_it_with_the_same_settings():
    floor = {"step": "ingest", "rc": 0}
    own = {"step": "ingest", "rc": 0, "sections": {"sensor": 0.1}}
    records = [
        {**floor, "peer": "floor", "work_s": 1.0},
        {**own, "peer": "morpheus", "work_s": 1.5},
        {**floor, "peer": "floor+MORPHEUS_CHUNK_TOKENS=512", "work_s": 2.0},
        {**own, "peer": "morpheus+MORPHEUS_CHUNK_TOKENS=512", "work_s": 5.0},
        {**floor, "peer": "floor+MORPHEUS_CHUNK_TOKENS=512", "work_s": 2.0, "rc": 1},
        {**own, "peer": "morpheus+MORPHEUS_CHUNK_TOKENS=512", "work_s": 3.0},
        {"step": "ingest", "rc": 0, "peer": "langchain", "work_s": 9.0},
    ]
    said = beside_floor(records)
    assert "**Morpheus Assets** 1.50×" in said
    assert "(chunks of 512) 2.00 [1.50–2.50]×" in said
    assert "langchain" not in said.lower()
    assert beside_floor(records[1:2]) == ""
