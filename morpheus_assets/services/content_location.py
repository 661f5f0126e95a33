"""Which places a deployment's content lies in, from its settings: a local folder, or objects behind an address."""

from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import Place
from morpheus_assets.sources.local import LocalFolder


def novels_of(settings: Settings) -> Place:
    """Where novels are dropped, side by side."""
    return _place(settings, "novels")


def panels_of(settings: Settings) -> Place:
    """Where panels are dropped, one folder a novel."""
    return _place(settings, "panels")


def _place(settings: Settings, name: str) -> Place:
    if isinstance(settings.content, str):
        from morpheus_assets.sources.objects import ObjectPlace

        return ObjectPlace(f"{settings.content}/{name}")
    return LocalFolder(settings.content / name)
