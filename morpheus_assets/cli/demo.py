"""`morpheus demo`: the samples from files to search hits, through Dagster, in a data folder of their own."""

import subprocess
import sys
from collections.abc import Callable
from importlib.resources import as_file

from morpheus_assets.cli.demo_insight import tell_insight
from morpheus_assets.cli.environment import child_environment
from morpheus_assets.cli.hits import format_row
from morpheus_assets.cli.search import open_search, row_of
from morpheus_assets.services.connections import StartFailed, connected_engine, running_database
from morpheus_assets.services.samples import SAMPLES, sample_novels
from morpheus_assets.settings import PROJECT_FOLDER, Settings

WHAT = ("--texts", "--panels", "--insight")
PASSAGES = ("who keeps the lamp burning", "a journey under the sea")
PICTURE = "a sleeping orange cat in the desert"


def run_demo(settings: Settings, say: Callable[[str], None]) -> None:
    """Ingest the sample story and panels, print three searches and what insight found; leaves the user's data alone.

    Raises StartFailed when the ingest does not succeed.
    """
    folder = settings.data_folder / "demo"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with as_file(SAMPLES) as samples:
        own = settings.model_copy(
            update={
                "data_folder": folder,
                "content": samples,
                "database_url": None,
                "direct_database_url": None,
                "dagster_database_url": None,
                "text_spaces": "sentence-transformers/all-MiniLM-L6-v2",
                "image_spaces": "open_clip/demo",
            }
        )
        with running_database(own, say) as databases:
            say("Ingesting the samples through Dagster …")
            environment = child_environment(own, databases) | {
                "MORPHEUS_DIRECT_DATABASE_URL": "",
                "MORPHEUS_CONTENT": str(samples),
                "MORPHEUS_DATA_FOLDER": str(folder),
                "MORPHEUS_TEXT_SPACES": own.text_spaces,
                "MORPHEUS_IMAGE_SPACES": own.image_spaces,
            }
            log = folder / "ingest.log"
            with log.open("wb") as output:
                done = subprocess.run(
                    [sys.executable, "-m", "morpheus_assets.defs.ingest_here", *WHAT, *sample_novels()],
                    env=environment,
                    cwd=PROJECT_FOLDER,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            if done.returncode != 0:
                raise StartFailed(f"The samples could not be ingested; the log is {log}.")
            with open_search(own) as searching:
                for text in PASSAGES:
                    say(f"\nsearch: {text}")
                    for hit in searching.passages(text, k=2).found:
                        say(format_row(row_of(hit)))
                say(f"\nsearch --panels: {PICTURE}")
                for panel in searching.panels(PICTURE, k=3).found:
                    say(format_row(row_of(panel)))
            with connected_engine(own, start=True) as engine:
                for novel in sample_novels():
                    tell_insight(engine, own, novel, folder, say)
