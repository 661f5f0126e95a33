"""The IO managers by name, each made when a run first needs it.

The store and its drivers come with them, and loading the definitions, which every process does, needs neither.
"""

from pkgutil import resolve_name

import dagster as dg

from morpheus_assets.defs.resources import DatabaseResource

# Where each is, and what the UI says of it.
IO_MANAGERS = {
    "novels_io_manager": (
        "morpheus_assets.defs.io_managers.content:NovelsIOManager",
        "A novel's text and what is known of it: one row of `novels`, replaced by a later run.",
    ),
    "chapters_io_manager": (
        "morpheus_assets.defs.io_managers.content:ChaptersIOManager",
        "The chapters of a novel: rows of `chapters`, replaced together.",
    ),
    "chunks_io_manager": (
        "morpheus_assets.defs.io_managers.content:ChunksIOManager",
        "The passages of a novel with their content hashes: rows of `chunks`, replaced together.",
    ),
    "panels_io_manager": (
        "morpheus_assets.defs.io_managers.content:PanelsIOManager",
        "The pages of a novel, stored or refused: rows of `pages`, replaced together.",
    ),
    "regions_io_manager": (
        "morpheus_assets.defs.io_managers.content:RegionsIOManager",
        "What image models see of each page: rows of `regions`, replaced page by page.",
    ),
    "text_embeddings_io_manager": (
        "morpheus_assets.defs.io_managers.embeddings:TextEmbeddingsIOManager",
        "Vectors of passages in the table of their space, each batch as it arrives; one that is stored stays.",
    ),
    "image_embeddings_io_manager": (
        "morpheus_assets.defs.io_managers.embeddings:ImageEmbeddingsIOManager",
        "Vectors of regions in the table of their space, each batch as it arrives; one that is stored stays.",
    ),
    "characters_io_manager": (
        "morpheus_assets.defs.io_managers.insight:CharactersIOManager",
        "The cast of a novel: rows of `characters`, replaced together.",
    ),
    "looks_io_manager": (
        "morpheus_assets.defs.io_managers.insight:LooksIOManager",
        "What the text says of its characters' looks: rows of `character_looks`, replaced together.",
    ),
    "means_io_manager": (
        "morpheus_assets.defs.io_managers.insight:MeansIOManager",
        "The mean vector of a novel in a space: one row of `novel_means`.",
    ),
    "sentences_io_manager": (
        "morpheus_assets.defs.io_managers.scenes:SentencesIOManager",
        "Sentences of novels with panels: rows of `scene_sentences`, and vectors in `sentence_vectors` as they arrive.",
    ),
    "scenes_io_manager": (
        "morpheus_assets.defs.io_managers.scenes:ScenesIOManager",
        "The scene of each panel: rows of `panel_scenes`, replaced together.",
    ),
    "character_panels_io_manager": (
        "morpheus_assets.defs.io_managers.scenes:CharacterPanelsIOManager",
        "Pictures like a character's reference pictures: rows of `character_panels`, replaced together.",
    ),
    "pairs_io_manager": (
        "morpheus_assets.defs.io_managers.insight:PairsIOManager",
        "Pairs to train with: rows of `training_pairs`, replaced together.",
    ),
}


def build_io_managers(database: DatabaseResource) -> dict[str, dg.IOManagerDefinition]:
    """All IO managers, over one database."""
    return {name: _made_by(place, description, database) for name, (place, description) in IO_MANAGERS.items()}


def _made_by(place: str, description: str, database: DatabaseResource) -> dg.IOManagerDefinition:
    def make(_: dg.InitResourceContext) -> dg.IOManager:
        manager: dg.IOManager = resolve_name(place)(database)
        return manager

    # the UI shows it as the resource's type, within this module, for that of the class is not loaded yet
    make.__name__ = place.rpartition(":")[2]
    return dg.IOManagerDefinition(make, description=description)
