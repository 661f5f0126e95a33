import ssl

import pytest

from morpheus_assets_tests.embedding.helpers import OPENAI, open_provider, run, sentences
from morpheus_assets_tests.fixtures.provider import ProviderServer


def test_a_process_reads_the_certificates_once_however_many_runs_it_has(
    provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
):
    read, load = [], ssl.SSLContext.load_verify_locations

    def counted(*arguments: object) -> None:
        read.append(arguments)
        load(*arguments)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    run(open_provider(OPENAI, provider_server.base_url()), sentences(2))
    before = len(read)
    for _ in range(3):
        run(open_provider(OPENAI, provider_server.base_url()), sentences(2))
    assert (before <= 1, len(read)) == (True, before)


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_they_are_those_that_the_library_trusts_by_itself(library: str):
    own = pytest.importorskip(library).create_ssl_context()
    from morpheus_assets.embedding.providers.certificates import certificates

    shared = certificates(library)
    assert (shared.verify_mode, shared.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert shared.cert_store_stats() == own.cert_store_stats()
