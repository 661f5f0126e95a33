"""The one partition set, `novels`; how a file's name becomes one of its keys is slugs.py's."""

import dagster as dg

from morpheus_assets.domain.slugs import MAX_SLUG_LENGTH, is_novel_slug, novel_slug

__all__ = ["MAX_SLUG_LENGTH", "NOVELS", "is_novel_slug", "novel_slug"]

NOVELS = dg.DynamicPartitionsDefinition(name="novels")
