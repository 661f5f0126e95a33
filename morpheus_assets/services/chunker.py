"""The chunker that the settings ask for."""

from collections.abc import Sequence

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.model_languages import languages_of
from morpheus_assets.settings import Settings
from morpheus_assets.text.chunking.settings import ChunkerSettings


def configured_chunker(settings: Settings, text_spaces: Sequence[Space]) -> ChunkerSettings:
    """Sizes by script only where every model knows other languages than English: an English one spells them too."""
    known = all(languages_of(space) is None for space in text_spaces) and bool(text_spaces)
    by_script = settings.chunk_by_script if known else "off"
    return ChunkerSettings(settings.chunk_tokens, settings.chunk_overlap_tokens, by_script)
