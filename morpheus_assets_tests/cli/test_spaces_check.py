from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from morpheus_assets.cli.main import main
from morpheus_assets.settings import load_settings
from morpheus_assets_tests.embedding.providers.clip_endpoint import running_endpoint
from morpheus_assets_tests.fixtures.compatible_servers import SERVERS, Asked, Refused, answer_to, running
from morpheus_assets_tests.fixtures.native_servers import KEY as KEY_OF_VENDORS
from morpheus_assets_tests.fixtures.native_servers import running_native
from morpheus_assets_tests.fixtures.provider import ProviderServer

NAMED = {quirks.name: quirks for quirks in SERVERS}
Check = Callable[..., Result]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """`morpheus spaces check` with a file of tables and variables."""

    def invoke(tables: str, **variables: str) -> Result:
        (tmp_path / "spaces.toml").write_text(tables)
        values = {"MORPHEUS_SPACES_FILE": str(tmp_path / "spaces.toml"), "MORPHEUS_DATA_FOLDER": str(tmp_path / "data")}
        for name, value in {**values, **variables}.items():
            monkeypatch.setenv(name, value)
        load_settings.cache_clear()
        return CliRunner().invoke(main, ["spaces", "check"])

    yield invoke
    load_settings.cache_clear()


def test_each_space_is_asked_once_and_a_table_tells_what_was_found(check: Check, provider_server: ProviderServer):
    with running(NAMED["gemini"]) as gemini, running(NAMED["tei"]) as tei:
        tables = (
            f"[small]\n{gemini.table}price = 0.15\nkey_variable = 'GEMINI_KEY'\ninputs_per_request = 100\n"
            f"[large]\n{tei.table}revision = 'at tei'\ninputs_per_request = 32\nrequests_per_minute = 60\n"
        )
        shown = check(
            tables + "[unused]\nprovider = 'voyage'\nmodel = 'voyage-4'\n",
            MORPHEUS_TEXT_SPACES="small,large,voyage/voyage-4-lite",
            GEMINI_KEY="key-of-gemini",
            OPENAI_API_KEY="sk-other",
            VOYAGE_API_KEY="pa-voyage",
            VOYAGE_BASE_URL=provider_server.base_url(),
        )
        assert all("key-of-gemini" in asked.headers["authorization"] for asked in gemini.asked)
        assert len(gemini.asked) == 3

    assert shown.exit_code == 0, shown.output
    head, small, large, voyage, unused = shown.output.splitlines()
    assert head.split()[:3] == ["space", "model", "questions"]
    for part in ("openai/bge-m3 as gemini-embedding-001", "float", "not said", "100 inputs", "$0.15 for 1M", " ms"):
        assert part in small
    for part in ("as /data/bge-m3", "base64", "60 requests", "32 inputs", "not known"):
        assert part in large
    assert "$0.02 for 1M" in voyage
    assert unused == "[unused] of spaces.toml is named in none of the lists of spaces."


def test_a_space_that_does_not_answer_is_told_and_the_others_are_asked_all_the_same(check: Check):
    with running(NAMED["vllm"]) as server:
        tables = (
            f"[up]\n{server.table}[down]\n{server.table.replace(server.url, 'http://127.0.0.1:9/v1')}revision='2'\n"
        )
        shown = check(tables, MORPHEUS_TEXT_SPACES="down,up")
    assert shown.exit_code == 1
    assert "no answer" in shown.output
    assert "cannot be reached at http://127.0.0.1:9/v1" in shown.output
    assert "endpoint in spaces.toml, table [down]" in shown.output
    assert "base64" in shown.output


def test_a_model_that_its_vendor_calls_old_says_so(check: Check, provider_server: ProviderServer):
    shown = check(
        "", MORPHEUS_TEXT_SPACES="openai/text-embedding-ada-002", OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=provider_server.base_url(),
    )  # fmt: skip
    assert shown.exit_code == 0
    assert "text-embedding-ada-002 is older: text-embedding-3-small takes its place." in shown.output


def test_a_server_that_cuts_passages_in_silence_and_one_that_refuses_them_are_told(check: Check):
    def cuts(asked: Asked, number: int) -> object:
        return answer_to(replace(asked, body={**asked.body, "input": [text[:400] for text in asked.texts]}))

    def refuses(asked: Asked, number: int) -> object:
        if any(len(text) > 400 for text in asked.texts):
            raise Refused(400, {"error": {"message": "the input length exceeds the context length"}})
        return answer_to(asked)

    with running(answer=cuts) as short, running(answer=refuses) as strict, running() as whole:
        tables = [f"[{name}]\n{server.table}revision = '{name}'\n" for name, server in
                  (("short", short), ("strict", strict), ("whole", whole))]  # fmt: skip
        shown = check("".join(tables), MORPHEUS_TEXT_SPACES="short,strict,whole")
        assert len(short.asked) == len(whole.asked) == 3
    assert shown.exit_code == 1
    told = [line for line in shown.output.splitlines() if ": " in line]
    assert "passages of 254 word pieces are not read to their end" in told[0]
    assert "lower MORPHEUS_CHUNK_TOKENS" in told[0]
    assert "the input length exceeds the context length" in told[1]
    assert len(told) == 2


def test_a_key_that_is_not_there_is_named_by_the_table_that_wants_it(check: Check):
    table = '[own]\nprovider = "voyage"\nmodel = "voyage-4"\nkey_variable = "OUR_VOYAGE_KEY"\n'
    shown = check(table, MORPHEUS_TEXT_SPACES="own")
    assert shown.exit_code == 1
    assert "OUR_VOYAGE_KEY is not set" in shown.output


def test_image_spaces_with_an_endpoint_are_asked_too_and_those_of_this_machine_are_not(check: Check):
    with running_native("voyage_multimodal") as vendor, running_endpoint() as gpu:
        tables = (
            f'[pictures]\nprovider = "voyage"\nmodel = "voyage-multimodal-3.5"\ndimensions = 256\n'
            f'endpoint = "{vendor.url}"\nkey_variable = "PICTURES_KEY"\nrequests_per_minute = 30\n'
            f'[clip]\nprovider = "remote_clip"\nmodel = "my-clip"\ndimensions = 4\nendpoint = "{gpu.url}"\n'
            f'key_variable = "PICTURES_KEY"\n'
        )
        shown = check(tables, MORPHEUS_IMAGE_SPACES="pictures,clip,open_clip/demo", PICTURES_KEY=KEY_OF_VENDORS)
        assert gpu.keys == {f"Bearer {KEY_OF_VENDORS}"}
    assert shown.exit_code == 0, shown.output
    _, _, pictures, clip = shown.output.splitlines()
    for part in ("voyage_multimodal/voyage-multimodal-3.5", "256", "30 requests", "32 inputs", "$0.12 for 1M"):
        assert part in pictures
    assert "remote_clip/my-clip" in clip
    assert "16 inputs" in clip
