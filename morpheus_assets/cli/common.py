"""Settings, database and errors for every command; what goes wrong is shown as one sentence."""

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from morpheus_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine


@contextmanager
def one_sentence() -> Iterator[None]:
    """Show an expected error as one sentence on stderr and end with exit code 1."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT):
            raise
        raise click.ClickException(
            f"{error.filename or 'A file'} cannot be written ({error.strerror}): see to its disk and its permissions,"
            " or set MORPHEUS_DATA_FOLDER to another place. Nothing that was stored is lost."
        ) from error
    except Exception as error:
        if not isinstance(error, _expected_errors()):
            raise
        raise click.ClickException(str(error)) from error


def _expected_errors() -> tuple[type[Exception], ...]:
    # imported when something goes wrong: they come with what takes time to load
    from morpheus_assets.embedding.errors import EmbeddingError
    from morpheus_assets.images.errors import ImageError
    from morpheus_assets.services.connections import DatabaseNotRunning, StartFailed
    from morpheus_assets.sources.base import ContentUnreadable
    from morpheus_assets.store.database.errors import StoreError

    return ContentUnreadable, DatabaseNotRunning, EmbeddingError, ImageError, StartFailed, StoreError


@contextmanager
def without_library_warnings() -> Iterator[None]:
    """Keep off the terminal what libraries say of a file: Python's warnings, and what libtiff writes itself."""
    with warnings.catch_warnings(), open(os.devnull, "wb") as nowhere:
        warnings.simplefilter("ignore")
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def settings() -> Settings:
    """The settings, or one sentence for each variable that is wrong."""
    try:
        return load_settings()
    except ValidationError as error:
        faults = "; ".join(f"{_variable(str(fault['loc'][0]))} is wrong: {fault['msg']}" for fault in error.errors())
        raise click.ClickException(f"{faults}. See .env.example.") from error


def _variable(field: str) -> str:
    return field if field.isupper() else f"MORPHEUS_{field.upper()}"


@contextmanager
def database() -> Iterator[tuple["Engine", Settings]]:
    """The database and the settings, with expected errors shown as one sentence."""
    from morpheus_assets.services.connections import connected_engine

    values = settings()
    with one_sentence(), connected_engine(values, start=True) as engine:
        yield engine, values
