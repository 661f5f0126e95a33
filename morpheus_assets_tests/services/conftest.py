"""Novels and spaces: see morpheus_assets_tests/store/conftest.py."""

from morpheus_assets_tests.store.conftest import add_novel, make_space

__all__ = ["add_novel", "make_space"]
