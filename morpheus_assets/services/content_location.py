"""Which sources a deployment's content lies in, from its settings: a local folder, or objects behind an address."""

from pathlib import Path

from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import Source
from morpheus_assets.sources.local import LocalSource


def novels_source(settings: Settings) -> Source:
    """Where novels are dropped side by side, files or folders of chapters."""
    return _source(settings, "novels")


def panels_source(settings: Settings) -> Source:
    """Where panels are dropped, one folder a novel."""
    return _source(settings, "panels")


def characters_source(settings: Settings) -> Source:
    """Where a person's corrections of casts lie, one file a novel."""
    return _source(settings, "characters")


def questions_source(settings: Settings) -> Source:
    """Where questions with known answers are dropped."""
    return _source(settings, "questions")


def training_source(settings: Settings) -> Source:
    """Where questions for training lie, one file a novel."""
    return _source(settings, "training")


def around(path: Path) -> Source:
    """The folder that a file or folder of this machine lies in, wherever that is."""
    return LocalSource(path.absolute().parent)


def _source(settings: Settings, name: str) -> Source:
    if isinstance(settings.content, str):
        from morpheus_assets.sources.objects import ObjectSource

        return ObjectSource(f"{settings.content}/{name}")
    return LocalSource(settings.content / name)
