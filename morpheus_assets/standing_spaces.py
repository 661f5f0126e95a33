"""Which spaces the settings name, and which of the stored ones they no longer name but searches still use.

For the Dagster face and for `serve` alike.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from morpheus_assets.connected_providers import configured_image_spaces, configured_text_spaces, sample_image_spaces
from morpheus_assets.domain.spaces import Space
from morpheus_assets.sample_content import sample_novels
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.store.space_rows import SpaceRow

PURPOSES = ("text", "image")
# Each space is one asset in Dagster, PREFIX/<the space's key>.
ASSET_PREFIXES = {"text": "text_embeddings", "image": "clip_embeddings"}


def configured_spaces(settings: Settings, purpose: str) -> list[Space]:
    """The spaces of one purpose in the settings' order: the first is the one to answer, the others stand by."""
    return configured_text_spaces(settings) if purpose == "text" else configured_image_spaces(settings)


def wanted_spaces(settings: Settings, purpose: str) -> list[Space]:
    """All spaces that are filled: the configured ones, and for images the one that only the samples use."""
    return [*configured_spaces(settings, purpose), *(sample_image_spaces(settings) if purpose == "image" else [])]


def only_novels(settings: Settings, space: Space) -> Sequence[str] | None:
    """The novels that a space is for; None: all."""
    return sample_novels() if space in sample_image_spaces(settings) else None


def kept_spaces(engine: "Engine", settings: Settings, purpose: str) -> list["SpaceRow"]:
    """The space that answers searches while the settings no longer name it.

    Until another one is whole, what arrives must be written to it too, or searches would miss it.
    """
    from morpheus_assets.store.spaces import active_space

    active = active_space(engine, purpose)
    if active is None or active.key in {space.key for space in wanted_spaces(settings, purpose)}:
        return []
    return [active]


def by_hand(first: str) -> str:
    """The announcement that a person let another space answer in place of the settings' `first` one."""
    return f"by hand, in place of {first}"


def forget_choices(engine: "Engine", purpose: str) -> None:
    """Forget what was chosen by hand: a later choice, by hand or by the settings, takes its place."""
    from morpheus_assets.store.spaces import list_spaces
    from morpheus_assets.store.upkeep import withdraw

    keys = [row.key for row in list_spaces(engine, purpose)]
    for first in keys:
        for key in keys:
            withdraw(engine, by_hand(first), key)


def what_becomes_of_the_active(engine: "Engine", settings: Settings, purpose: str) -> str:
    """The state of the space that answers now, once another one does: "ready" while configured, else "retired"."""
    from morpheus_assets.store.spaces import active_space

    active = active_space(engine, purpose)
    wanted = {space.key for space in wanted_spaces(settings, purpose)}
    return "ready" if active is not None and active.key in wanted else "retired"
