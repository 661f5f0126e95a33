"""The IO managers by name, each made when a run first needs it.

The store and its drivers come with them, and loading the definitions, which every process does, needs neither.
"""

from pkgutil import resolve_name

import dagster as dg

from morpheus_assets.defs.resources import DatabaseResource

IO_MANAGERS = {
    "novels_io_manager": "morpheus_assets.defs.io_managers.content:NovelsIOManager",
    "chapters_io_manager": "morpheus_assets.defs.io_managers.content:ChaptersIOManager",
    "chunks_io_manager": "morpheus_assets.defs.io_managers.content:ChunksIOManager",
    "panels_io_manager": "morpheus_assets.defs.io_managers.content:PanelsIOManager",
    "text_embeddings_io_manager": "morpheus_assets.defs.io_managers.embeddings:TextEmbeddingsIOManager",
    "image_embeddings_io_manager": "morpheus_assets.defs.io_managers.embeddings:ImageEmbeddingsIOManager",
}


def build_io_managers(database: DatabaseResource) -> dict[str, dg.IOManagerDefinition]:
    """All IO managers, over one database."""
    return {name: _made_by(place, database) for name, place in IO_MANAGERS.items()}


def _made_by(place: str, database: DatabaseResource) -> dg.IOManagerDefinition:
    return dg.IOManagerDefinition(lambda _: resolve_name(place)(database))
