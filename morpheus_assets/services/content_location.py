"""Which sources a deployment's content lies in, from its settings: a local folder, or objects behind an address."""

from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import Source
from morpheus_assets.sources.local import LocalSource


def novels_source(settings: Settings) -> Source:
    """Where novels are dropped, side by side."""
    return _source(settings, "novels", nested=False)


def panels_source(settings: Settings) -> Source:
    """Where panels are dropped, one folder a novel."""
    return _source(settings, "panels", nested=True)


def _source(settings: Settings, name: str, *, nested: bool) -> Source:
    if isinstance(settings.content, str):
        from morpheus_assets.sources.objects import ObjectSource

        return ObjectSource(f"{settings.content}/{name}")
    return LocalSource(settings.content / name, nested=nested)
