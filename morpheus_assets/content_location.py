"""Which places a deployment's content lies in, from its settings: a local folder, or objects behind an address."""

from morpheus_assets.places import Place
from morpheus_assets.places.folder import LocalFolder
from morpheus_assets.settings import Settings


def novels_of(settings: Settings) -> Place:
    """Where novels are dropped, side by side."""
    return _place(settings, "novels")


def panels_of(settings: Settings) -> Place:
    """Where panels are dropped, one folder a novel."""
    return _place(settings, "panels")


def _place(settings: Settings, name: str) -> Place:
    if isinstance(settings.content, str):
        from morpheus_assets.places.objects import ObjectPlace

        return ObjectPlace(f"{settings.content}/{name}")
    return LocalFolder(settings.content / name)
