"""The IO managers by name, each made when a run first needs it.

The store and its drivers come with them, and loading the definitions, which every process does, needs neither.
"""

from pkgutil import resolve_name

import dagster as dg

from morpheus_assets.resources import DatabaseResource

IO_MANAGERS = {
    "novels_io_manager": "morpheus_assets.content_io_managers:NovelsIOManager",
    "chapters_io_manager": "morpheus_assets.content_io_managers:ChaptersIOManager",
    "chunks_io_manager": "morpheus_assets.content_io_managers:ChunksIOManager",
    "panels_io_manager": "morpheus_assets.content_io_managers:PanelsIOManager",
    "text_embeddings_io_manager": "morpheus_assets.embedding_io_managers:TextEmbeddingsIOManager",
    "image_embeddings_io_manager": "morpheus_assets.embedding_io_managers:ImageEmbeddingsIOManager",
}


def build_io_managers(database: DatabaseResource) -> dict[str, dg.IOManagerDefinition]:
    """All IO managers, over one database."""
    return {name: _made_by(place, database) for name, place in IO_MANAGERS.items()}


def _made_by(place: str, database: DatabaseResource) -> dg.IOManagerDefinition:
    return dg.IOManagerDefinition(lambda _: resolve_name(place)(database))
