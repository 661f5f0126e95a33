"""What stands in deploy/, as far as it can be checked without an engine: structure, names of settings, commands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from morpheus_assets.cli.main import main
from morpheus_assets.settings import PROJECT_FOLDER, Settings, variable_of

DEPLOY = PROJECT_FOLDER / "deploy"
UNITS = ["systemd/morpheus.service", "systemd/morpheus-api.service", "systemd/morpheus-worker.service"]
FILES = ["compose.yaml", "kubernetes/values.yaml", "kubernetes/settings.yaml", "kubernetes/celery.yaml"]


def documents(name: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")) if each]


def settings_names() -> set[str]:
    return {variable_of(name) for name in Settings.model_fields}


def containers(document: dict[str, Any]) -> list[dict[str, Any]]:
    template = document.get("spec", {}).get("template", {})
    return list(template.get("spec", {}).get("containers", [])) if isinstance(template, dict) else []


def commands() -> list[list[str]]:
    services = documents("compose.yaml")[0]["services"].values()
    found = [service.get("command", []) for service in services]
    for name in ("kubernetes/settings.yaml", "kubernetes/celery.yaml"):
        found += [each.get("command", []) for document in documents(name) for each in containers(document)]
    for name in UNITS:
        started = re.findall(r"(?m)^ExecStart=\S*/(morpheus .*)$", (DEPLOY / name).read_text(encoding="utf-8"))
        assert len(started) == 1, name
        found += [each.split() for each in started]
    return [command for command in found if command and command[0] == "morpheus"]


@pytest.mark.parametrize("name", [*FILES, *UNITS, "Containerfile"])
def test_every_setting_named_there_exists(name: str):
    used = set(re.findall(r"\b(?:MORPHEUS|OPENAI|VOYAGE)_[A-Z_]+\b", (DEPLOY / name).read_text(encoding="utf-8")))
    assert used <= settings_names()


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_morpheus_command_there_exists_with_its_options(command: list[str]):
    shown = CliRunner().invoke(main, [command[1], "--help"])
    assert shown.exit_code == 0
    for option in [word for word in command[2:] if word.startswith("--")]:
        assert option in shown.output


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_units(name: str, tmp_path: Path):
    unit = tmp_path / Path(name).name
    text = (DEPLOY / name).read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/morpheus/.venv/bin/morpheus", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_dies_is_started_again_and_what_hangs_is_seen():
    services = documents("compose.yaml")[0]["services"]
    # it applies the schema once; the workers are watched by their broker
    for name, service in services.items():
        assert service["restart"] == ("no" if name == "schema" else "unless-stopped"), name
        assert name in ("schema", "worker") or "healthcheck" in service, name
    for name in UNITS:
        assert re.search(r"(?m)^Restart=(always|on-failure)$", (DEPLOY / name).read_text(encoding="utf-8")), name


def pop_limit(instance: dict, wanted: dict) -> int:
    limits = instance["concurrency"]["runs"]["tag_concurrency_limits"]
    [found] = [limit for limit in limits if limit.items() >= wanted.items()]
    limits.remove(found)
    return found["limit"]


def test_small_jobs_have_places_that_content_never_takes():
    for name in ("dagster.yaml", "deploy/dagster.yaml"):
        instance = yaml.safe_load((PROJECT_FOLDER / name).read_text(encoding="utf-8"))
        content = pop_limit(instance, {"value": "ingest"}) + pop_limit(instance, {"key": "dagster/backfill"})
        small = instance["concurrency"]["runs"]["max_concurrent_runs"] - content
        # beside them one plan, one switch, one that ends lost runs, and one run more than there are slots in the pool
        assert small >= Settings.model_fields["generate_slots"].default + 4, name


def test_many_machines_differ_from_one_only_in_how_much_runs_and_where_output_goes():
    one = yaml.safe_load((PROJECT_FOLDER / "dagster.yaml").read_text(encoding="utf-8"))
    many = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    outputs = one.pop("compute_logs")["class"], many.pop("compute_logs")["class"]
    assert outputs == ("FileComputeLogManager", "NoOpComputeLogManager")
    assert many["concurrency"]["runs"].pop("max_concurrent_runs") > one["concurrency"]["runs"].pop(
        "max_concurrent_runs"
    )
    for limit in ({"key": "morpheus/kind", "value": "ingest"}, {"key": "dagster/backfill"}):
        assert pop_limit(many, limit) > pop_limit(one, limit)
    assert many["concurrency"]["pools"].pop("default_limit") > one["concurrency"]["pools"].pop("default_limit")
    assert many == one


def test_dagster_takes_the_instance_of_many_machines(
    tmp_path: Path, dagster_database_url: str, monkeypatch: pytest.MonkeyPatch
):
    import dagster as dg

    monkeypatch.setenv("DAGSTER_PG_URL", dagster_database_url)
    (tmp_path / "dagster.yaml").write_bytes((DEPLOY / "dagster.yaml").read_bytes())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_monitoring_enabled
        assert type(instance.compute_log_manager).__name__ == "NoOpComputeLogManager"


def test_the_chart_gets_the_same_limits_as_the_instance_file():
    values = documents("kubernetes/values.yaml")[0]
    many = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    runs, pools = many["concurrency"]["runs"], many["concurrency"]["pools"]
    assert values["concurrency"]["runs"] == {
        "maxConcurrentRuns": runs["max_concurrent_runs"],
        "tagConcurrencyLimits": runs["tag_concurrency_limits"],
    }
    assert values["concurrency"]["pools"]["defaultLimit"] == pools["default_limit"]
    retries = values["dagsterDaemon"]["runRetries"]
    assert retries["maxRetries"] == many["run_retries"]["max_retries"]
    assert retries["retryOnAssetOrOpFailure"] is many["run_retries"]["retry_on_asset_or_op_failure"]


def test_the_address_of_a_service_is_never_taken_for_a_setting():
    settings = documents("kubernetes/settings.yaml")[0]["data"]
    services = [
        document["metadata"]["name"]
        for name in ("kubernetes/settings.yaml", "kubernetes/celery.yaml")
        for document in documents(name)
        if document["kind"] == "Service"
    ]
    # Kubernetes sets NAME_PORT=tcp://… in every pod of the namespace, unless the pod sets it itself
    injected = {f"{name.upper().replace('-', '_')}_PORT" for name in services}
    assert injected & settings_names() <= set(settings)


def test_every_process_of_the_project_runs_the_same_image_and_none_as_root():
    services = documents("compose.yaml")[0]["services"]
    ours = {name: each for name, each in services.items() if name not in ("postgres", "redis")}
    assert {each["image"] for each in ours.values()} == {"morpheus-assets"}
    values = documents("kubernetes/values.yaml")[0]
    chart = values["dagsterWebserver"]["image"]
    assert values["dagsterDaemon"]["image"] == chart
    assert [each["image"] for each in values["dagster-user-deployments"]["deployments"]] == [chart]
    for name in ("kubernetes/settings.yaml", "kubernetes/celery.yaml"):
        for document in documents(name):
            for container in containers(document):
                if not container["image"].startswith("redis:"):
                    assert container["image"] == f"{chart['repository']}:{chart['tag']}"
                    assert document["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()
    assert "USER 10001" in lines


def test_the_image_holds_what_a_process_reads_from_the_projects_folder():
    copied = re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", (DEPLOY / "Containerfile").read_text(encoding="utf-8"))
    names = {name for group in copied for name in group.split()}
    assert {"morpheus_assets", "sql", "workspace.yaml", "requirements.lock", "pyproject.toml"} <= names
    assert all((PROJECT_FOLDER / name).exists() for name in names)
