"""A provider that the package does not know is used by a space end to end, once it is registered."""

from decimal import Decimal

import dagster as dg

from morpheus_assets.cli.search import Searching
from morpheus_assets_tests.embedding.providers.toy import ToyServer, toy
from morpheus_assets_tests.fixtures.deployment import Deployment, metadata_of, story

__all__ = ["toy"]


def test_a_space_of_a_registered_provider_is_filled_and_searched(deployment: Deployment, toy: ToyServer):
    own = deployment.with_settings(text_spaces="toy/echo@8")
    own.drop("emma.txt", story(chapters=4))

    asset = own.definitions.get_repository_def().asset_graph.get(dg.AssetKey(["text_embeddings", "toy-echo-8"]))
    assert asset.kinds == {"toy", "postgres"}

    result = own.ingest("emma")

    assert result.success
    report = metadata_of(result, "text_embeddings")
    passages = [body for (body,) in own.rows("SELECT body FROM novel_chunks ORDER BY ordinal")]
    assert report["embedded"] == len(passages) == sum(len(asked["texts"]) for asked in toy.asked)
    assert own.rows("SELECT key, provider, dimensions, state FROM embedding_spaces WHERE purpose = 'text'") == [
        ("toy-echo-8", "toy", 8, "active")
    ]
    words = sum(len(each.split()) for each in passages)
    assert own.rows("SELECT space_key, tokens, cost FROM spending") == [
        ("toy-echo-8", words, words * 2 / Decimal(10**6))
    ]
    assert own.rows("SELECT provider FROM rate_limits") == [("toy",)]

    found = Searching(own.settings, own.engine).passages(passages[5], mode="vector", k=1)

    assert (found.space, found.hits[0].body) == ("toy-echo-8", passages[5])
    assert {"texts": [passages[5]], "as": "query"} in toy.asked
