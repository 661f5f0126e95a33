"""An API beside the tests: see morpheus_assets_tests/api/conftest.py."""

from morpheus_assets_tests.api.conftest import add_embedded, add_novel, add_panels, api, make_settings, space, start_api

__all__ = ["add_embedded", "add_novel", "add_panels", "api", "make_settings", "space", "start_api"]
