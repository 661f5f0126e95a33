from morpheus_assets.services.backfills import RANGE_END, RANGE_START, bridge, novels_of_runs
from morpheus_assets_tests.defs.model_change import count_runs, names


def test_scattered_novels_share_runs_with_whole_ones_between_them() -> None:
    order = names(100)
    scattered = order[::3]
    whole = set(order) - set(scattered)
    assert count_runs(scattered, order) == 34
    bridged = bridge(scattered, order, whole, most_runs=5)
    assert count_runs(bridged, order) <= 6
    assert set(scattered) <= set(bridged)
    lacking_too = bridge(scattered, order, whole - {order[1]}, most_runs=1)
    assert order[1] not in lacking_too


def test_the_novels_of_a_run_are_its_partition_or_its_range_of_those_that_still_exist() -> None:
    order = names(5)
    single, several = {"dagster/partition": "novel-004"}, {RANGE_START: "novel-001", RANGE_END: "novel-002"}
    assert novels_of_runs([single, several], order) == {"novel-001", "novel-002", "novel-004"}
    deleted = {RANGE_START: "novel-001", RANGE_END: "was-deleted"}
    assert novels_of_runs([deleted, {"dagster/partition": "was-deleted"}, {}], order) == set()
