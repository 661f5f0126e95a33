"""An API beside the tests: see morpheus_assets_tests/api/conftest.py."""

from morpheus_assets_tests.api.conftest import (
    add_embedded,
    add_novel,
    api,
    make_settings,
    patient_questions,
    space,
    start_api,
)
from morpheus_assets_tests.store.conftest import add_panels

__all__ = ["add_embedded", "add_novel", "add_panels", "api", "make_settings", "patient_questions", "space", "start_api"]
