"""An API, novels and spaces beside the tests: see the conftest.py of api/ and store/."""

from morpheus_assets_tests.api.conftest import make_settings, patient_questions, space, sql, start_api
from morpheus_assets_tests.store.conftest import add_novel, make_space

__all__ = ["add_novel", "make_settings", "make_space", "patient_questions", "space", "sql", "start_api"]
