"""Everything that a person opens in the UI says what it is for."""

from collections.abc import Iterator, Mapping

import dagster as dg
import pytest

from morpheus_assets.definitions import build_definitions
from morpheus_assets.settings import Settings

# "Builds the index." says something; a name repeated does not
SHORTEST = 20


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    settings = Settings(
        _env_file=None,
        text_spaces="sentence-transformers/all-MiniLM-L6-v2, openai/text-embedding-3-large, voyage/voyage-4@512",
        image_spaces="open_clip/ViT-B-32@laion2b_s34b_b79k, remote_clip/ViT-L-14",
    )
    return build_definitions(settings).get_repository_def()


def jobs(repository: dg.RepositoryDefinition) -> list[dg.JobDefinition]:
    return [job for job in repository.get_all_jobs() if not job.name.startswith("__")]


def missing(described: Mapping[str, str | None]) -> list[str]:
    assert described
    return sorted(name for name, description in described.items() if len(description or "") < SHORTEST)


def test_sensors_and_schedules_say_what_they_ask_for(repository: dg.RepositoryDefinition) -> None:
    automations = [*repository.sensor_defs, *repository.schedule_defs]
    assert not missing({each.name: each.description for each in automations})


def test_jobs_and_their_ops_say_what_they_do(repository: dg.RepositoryDefinition) -> None:
    found = {job.name: job.description for job in jobs(repository)}
    for job in jobs(repository):
        if job.asset_layer is None or not job.asset_layer.asset_graph.get_all_asset_keys():
            found |= {f"{job.name}.{node.name}": node.definition.description for node in job.graph.nodes}
    assert not missing(found)


def test_assets_and_checks_say_what_they_hold(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    found = {key.to_user_string(): graph.get(key).description for key in graph.get_all_asset_keys()}
    checks = {
        f"{spec.asset_key.to_user_string()}:{spec.name}": spec.description
        for definition in [*repository.asset_checks_defs_by_key.values(), *repository.assets_defs_by_key.values()]
        for spec in definition.check_specs
    }
    assert len(checks) == len(graph.asset_check_keys)
    assert not missing(found | checks)


def test_assets_are_selected_by_purpose_and_those_of_a_space_by_provider_and_model(
    repository: dg.RepositoryDefinition,
) -> None:
    graph = repository.asset_graph
    tags = {key.to_user_string(): graph.get(key).tags for key in graph.get_all_asset_keys()}
    assert {each.get("morpheus/purpose") for each in tags.values()} == {"text", "image"}
    large = {"morpheus/purpose": "text", "morpheus/provider": "openai", "morpheus/model": "text-embedding-3-large"}
    for asset in ("text_embeddings/openai-3-large-3072", "retrieval_quality/openai-3-large-3072"):
        assert large.items() <= tags[asset].items()
    named = dg.AssetSelection.tag("morpheus/model", "vit-b-32").resolve(graph)
    assert [key.path[0] for key in named] == ["clip_embeddings"]


def test_every_job_has_a_kind(repository: dg.RepositoryDefinition) -> None:
    assert all(job.tags.get("morpheus/kind") for job in jobs(repository))


def test_the_description_of_a_space_holds_its_whole_key(repository: dg.RepositoryDefinition) -> None:
    described = repository.asset_graph.get(dg.AssetKey(["text_embeddings", "all-minilm-l6-v2-384"])).description
    assert "`sentence-transformers-all-minilm-l6-v2-384`" in (described or "")


def test_resources_say_what_they_open(repository: dg.RepositoryDefinition) -> None:
    assert not missing({name: each.description for name, each in repository.get_top_level_resources().items()})


def test_the_fields_of_resources_say_what_they_take(repository: dg.RepositoryDefinition) -> None:
    found = {
        f"{name}.{field}": each.description
        for name, resource in repository.get_top_level_resources().items()
        for field, each in getattr(resource.config_schema.config_type, "fields", {}).items()
    }
    assert {"database.reembed_max_cost", "providers.requests_per_minute"} <= found.keys()
    assert not missing(found)


def test_config_fields_say_what_they_take(repository: dg.RepositoryDefinition) -> None:
    found = dict(config_fields(repository))
    assert {"upkeep.drop_retired_spaces.dry_run", "generate_embedding.embed_inputs.inputs"} <= found.keys()
    assert not missing(found)


def config_fields(repository: dg.RepositoryDefinition) -> Iterator[tuple[str, str | None]]:
    for job in jobs(repository):
        for node in job.graph.nodes:
            schema = node.definition.config_schema.config_type if node.definition.has_config_field else None
            for name, field in getattr(schema, "fields", {}).items():
                yield f"{job.name}.{node.name}.{name}", field.description


def test_the_ui_gets_all_of_it_and_calls_resources_by_their_classes(repository: dg.RepositoryDefinition) -> None:
    from dagster._core.remote_representation.external_data import RepositorySnap

    snap = RepositorySnap.from_def(repository)
    types = {each.name: each.resource_type.rpartition(".")[2] for each in snap.resources or []}
    assert types["database"] == "DatabaseResource"
    managers = {name: kind for name, kind in types.items() if name.endswith("_io_manager")}
    assert managers
    assert all(kind.endswith("IOManager") for kind in managers.values()), managers
