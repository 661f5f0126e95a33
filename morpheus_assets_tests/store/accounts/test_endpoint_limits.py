"""What an endpoint takes is remembered by account and model, and for some weeks."""

from morpheus_assets.store.accounts.endpoint_limits import found_limit, note_limit


def test_a_limit_is_kept_by_account_and_model_and_found_anew_after_weeks(engine) -> None:
    note_limit(engine, "one", "large", 32)
    note_limit(engine, "one", "small", 64)
    note_limit(engine, "two", "large", 96)
    note_limit(engine, "one", "large", 16)
    found = {
        (account, model): found_limit(engine, account, model)
        for account in ("one", "two")
        for model in ("large", "small")
    }
    assert found == {("one", "large"): 16, ("one", "small"): 64, ("two", "large"): 96, ("two", "small"): None}
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE endpoint_limits SET found_at = now() - interval '29 days' WHERE inputs = 64")
        connection.exec_driver_sql("UPDATE endpoint_limits SET found_at = now() - interval '31 days' WHERE inputs = 16")
    assert (found_limit(engine, "one", "small"), found_limit(engine, "one", "large")) == (64, None)
    note_limit(engine, "one", "large", 8)
    assert found_limit(engine, "one", "large") == 8
