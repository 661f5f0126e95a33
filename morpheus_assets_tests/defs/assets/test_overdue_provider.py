"""A provider that answers too late, seen from the asset: what the books say, what the budget knows, who goes on."""

from decimal import Decimal

from morpheus_assets.services.reembedding_plan import remaining_budget
from morpheus_assets.services.refusals import choose_refusals, describe_refusal, find_refusals, retry_refused
from morpheus_assets.services.space_lifecycle import describe_space, listed_spaces
from morpheus_assets_tests.defs.assets.test_faulty_provider import assert_every_vector_is_right, use
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, metadata_of, story
from morpheus_assets_tests.fixtures.faults import FaultRow

BOOKS = "SELECT sum(requests), sum(inputs), sum(uncertain_inputs), sum(tokens), sum(uncertain_tokens) FROM spending"


def needed(deployment: Deployment) -> int:
    return deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]


def test_what_the_server_counted_is_what_the_books_say_certain_and_uncertain(
    deployment: Deployment, fault_row: FaultRow
):
    deployment.settings.request_timeout_seconds = 1.5
    deployment.settings.requests_in_flight = 1
    deployment.drop("emma.txt", story(chapters=10))
    url = deployment.server.base_url(hangs_over=29, delay=3)
    use(deployment, "openai", url)

    result = deployment.ingest("emma")

    assert result.success
    assert assert_every_vector_is_right(deployment) == needed(deployment) == 30
    stats = deployment.server.at_rest(url)
    [(requests, inputs, uncertain_inputs, tokens, uncertain)] = deployment.rows(BOOKS)
    # All in one request, overdue; a harmless sentence; two halves.
    assert requests == stats["requests"] == 4
    assert (inputs, uncertain_inputs) == (30, 30)
    assert stats["inputs"] == inputs + uncertain_inputs + 1
    # The estimate is not under, for a limit that it is to keep.
    assert tokens < stats["tokens"] <= tokens + uncertain <= 1.3 * stats["tokens"]

    report = metadata_of(result, "text_embeddings")
    assert (report["requests"], report["tokens"], report["uncertain_tokens"]) == (requests, tokens, uncertain)
    [listed] = [each for each in listed_spaces(deployment.engine, deployment.settings) if each.row.purpose == "text"]
    said = describe_space(listed, 14)
    assert f"perhaps {uncertain:,} tokens more ($" in said
    sentence = next(line for line in said.splitlines() if "perhaps" in line)
    twice = stats["inputs"] - inputs - 1
    fault_row("the first answer comes after our time-out (booked as uncertain)", sentence=sentence, paid_twice=twice)
    budget = deployment.settings.model_copy(update={"reembed_max_tokens": 100_000, "reembed_max_cost": 1.0})
    left = remaining_budget(deployment.engine, budget)
    assert left.tokens == 100_000 - uncertain
    assert left.cost == 1 - Decimal("0.02") * int(uncertain) / 1_000_000


def test_a_passage_that_is_never_answered_waits_for_a_person_who_may_ask_again(
    deployment: Deployment, fault_row: FaultRow
):
    deployment.settings.request_timeout_seconds = 0.8
    text = story(chapters=2)
    at = text.index("\n\n", len(text) // 2)
    deployment.drop("emma.txt", text[:at] + "\n\nThe [[stuck]] clock.\n\n" + text[at:])
    stuck = deployment.server.base_url(delay=4)
    use(deployment, "openai", stuck)

    assert deployment.ingest("emma").success
    waiting = find_refusals(deployment.engine, None, None)
    assert 1 <= len(waiting) <= 6
    described = describe_refusal(waiting[0])
    assert "Waits for a person: sent 3 times in a day" in described
    assert assert_every_vector_is_right(deployment) == needed(deployment) - len(waiting)

    asked = deployment.server.at_rest(stuck)["requests"]
    assert deployment.ingest("emma").success
    assert deployment.server.stats(stuck)["requests"] == asked

    said = retry_refused(deployment.engine, choose_refusals(deployment.engine, None, None, (), every=True))
    assert said.startswith(f"{len(waiting)} inputs count as missing again")
    deployment.settings.request_timeout_seconds = 30
    use(deployment, "openai", deployment.server.base_url())
    assert deployment.ingest("emma").success
    assert find_refusals(deployment.engine, None, None) == []
    lost = needed(deployment) - assert_every_vector_is_right(deployment)
    assert lost == 0
    fault_row("one passage is never answered", sentence=described, lost=lost, wrong=0)


def test_a_provider_that_hangs_all_day_is_sent_each_text_once_and_a_sentence_a_run(
    deployment: Deployment, fault_row: FaultRow
):
    deployment.settings.request_timeout_seconds = 0.3
    for number, name in enumerate(("anna", "emma")):
        deployment.drop(f"{name}.txt", story(seed=number, chapters=2))
    hanging = deployment.server.base_url("slow", delay=1)
    use(deployment, "openai", hanging)

    first = deployment.ingest("anna", "emma")
    assert not first.success
    assert "perhaps charges for it all the same" in failure_of(first)
    sent = needed(deployment) + 1
    assert deployment.server.at_rest(hanging, inputs=sent)["inputs"] == sent
    for run in (2, 3, 4):
        again = deployment.ingest("anna", "emma")
        assert "does not answer a harmless sentence" in failure_of(again)
        sent = needed(deployment) + run
        assert deployment.server.at_rest(hanging, inputs=sent)["inputs"] == sent
    [(requests, inputs, uncertain_inputs, _, _)] = deployment.rows(BOOKS)
    stats = deployment.server.stats(hanging)
    assert (requests, inputs, uncertain_inputs) == (stats["requests"], 0, stats["inputs"])

    well = deployment.server.base_url()
    deployment.settings.request_timeout_seconds = 30
    use(deployment, "openai", well)
    assert deployment.ingest("anna", "emma").success
    assert assert_every_vector_is_right(deployment) == needed(deployment)
    assert deployment.server.stats(well)["most_inputs"] <= needed(deployment) // 2
    said, twice = failure_of(again), stats["inputs"] - needed(deployment) - 4
    fault_row("a provider that hangs all day, four runs", sentence=said, lost=0, paid_twice=twice, wrong=0)


def test_tries_are_forgotten_after_a_day(deployment: Deployment):
    deployment.settings.request_timeout_seconds = 0.3
    deployment.drop("emma.txt", story(chapters=1))
    use(deployment, "openai", deployment.server.base_url("slow", delay=1))
    assert not deployment.ingest("emma").success
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE unanswered_inputs SET tries = 3, first_at = now() - interval '25 hours'")
    well = deployment.server.base_url()
    deployment.settings.request_timeout_seconds = 30
    use(deployment, "openai", well)
    assert deployment.ingest("emma").success
    assert deployment.server.stats(well)["requests"] == 1
