"""The document says what the server does: schemathesis makes requests from it and compares."""

from collections.abc import Callable

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis import checks

from morpheus_assets.api.app import build_app
from morpheus_assets_tests.api.conftest import Api

# A valid request may still meet what is not there: an unknown id or novel: 404.
# Dagster does not run beside this test, which the document foresees as 503.
_NOT_OURS = [checks.positive_data_acceptance]


def test_every_route_has_a_summary_examples_and_problem_answers(make_settings: Callable):
    document = build_app(make_settings()).openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], f"{method} {path}"
            kind = "application/json" if path.startswith("/v1/") else "application/problem+json"
            assert kind in operation["responses"]["500"]["content"]
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                if kind == "application/json":
                    name = content["schema"].get("$ref", "").rpartition("/")[2]
                    schema = document["components"]["schemas"].get(name, content)
                    assert schema.get("examples") or schema.get("example"), f"{method} {path} has no example"
    assert "HTTPValidationError" not in str(document)
    ids = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(set(ids)) == len(ids)
    assert all(name.isidentifier() and "api" not in name for name in ids), "they name functions of generated clients"


@pytest.mark.slow
def test_schemathesis_finds_nothing(api: Api, add_embedded: Callable[..., list[bytes]]):
    add_embedded("dracula", ["A ship came home without a crew.", "The lamp burns at night."])
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    run = hypothesis.settings(
        max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @run
        @hypothesis.given(case=operation.as_strategy())
        def check(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            answer = case.call(timeout=200)
            without_dagster = answer.status_code == 503 and b"dagster-unavailable" in answer.content
            case.validate_response(
                answer, excluded_checks=[*_NOT_OURS, checks.not_a_server_error] if without_dagster else _NOT_OURS
            )

        check()
    assert tried > 100
    # a broken request must not have broken the server
    assert httpx.get(f"{api.url}/readyz", timeout=100).status_code == 200
