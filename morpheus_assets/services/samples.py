"""The project's own sample story, panels and questions, and their copy into the content folder at a first start."""

import shutil
from importlib.resources import as_file, files

from morpheus_assets.settings import Settings

SAMPLES = files("morpheus_assets") / "samples"


def sample_novels() -> list[str]:
    """The novels of the samples, by their partition key."""
    return sorted(
        path.name.removesuffix(".txt") for path in (SAMPLES / "novels").iterdir() if path.name.endswith(".txt")
    )


def put_samples_into_empty_content(settings: Settings) -> bool:
    """Make the content folders; copy the samples in when there was no content folder yet. True if copied.

    Content behind an address is left alone.
    """
    if isinstance(settings.content, str):
        return False
    first_start = not settings.content.exists()
    settings.novels_folder.mkdir(parents=True, exist_ok=True)
    settings.panels_folder.mkdir(parents=True, exist_ok=True)
    if not (first_start and settings.samples):
        return False
    with as_file(SAMPLES) as samples:
        shutil.copytree(samples / "novels", settings.novels_folder, dirs_exist_ok=True)
        shutil.copytree(samples / "panels", settings.panels_folder, dirs_exist_ok=True)
        shutil.copytree(samples / "questions", settings.content / "questions", dirs_exist_ok=True)
    return True
