"""Every way in which the store can say no, each with one sentence for a person.

Only exception classes; the sentence is written where the fault is noticed. None of them ever holds a password.
"""


class StoreError(Exception):
    """Base of all errors raised by `morpheus_assets.store`."""


class DatabaseUnusable(StoreError):
    """The database cannot be worked with at all; a person must act first."""


class DatabaseDown(DatabaseUnusable):
    """Nothing answers at the database's address. It may pass by itself, as no other of its kind does."""


class DatabaseFull(DatabaseDown):
    """The server answers but has no connection left for us. It passes when others let go of theirs."""


class DatabaseLoginRefused(DatabaseUnusable):
    """The server answers but does not let this user in."""


class DatabaseMissing(DatabaseUnusable):
    """The server is there, the named database is not."""


class DatabaseTooOld(DatabaseUnusable):
    """Postgres below 15."""


class PgvectorMissing(DatabaseUnusable):
    """The vector extension is absent, too old, or may not be created by this user."""


class EmbeddedServerError(StoreError):
    """The packaged Postgres could not be started, or its folders are not private."""


class DumpError(StoreError):
    """A dump of a database could not be taken or brought back."""


class LeaseLost(StoreError):
    """This process stood still for so long that others took over what it held; it may take up what is left anew."""


class MigrationError(StoreError):
    """An SQL file changed after it was applied, is missing, or failed."""


class UnknownNovel(StoreError):
    """No novel of that name is stored."""


class TextChanged(StoreError):
    """Chapters or chunks were made of a text that is no longer the stored one; nothing was written."""


class RowsChanged(StoreError):
    """Another run changed the stored rows after they were read; nothing was written, and reading them anew helps."""


class SpaceError(StoreError):
    """An embedding space is unknown, contradicts a stored one, or is in the wrong state."""


class SpaceIncomplete(SpaceError):
    """A space lacks vectors for passages or panels, so it must not become active."""


class SpaceGone(SpaceError):
    """The table of a space was dropped while it was being read: read the pointer again."""


class SpaceChanged(SpaceGone):
    """What was taken for the space that answers does not any more, or has another index: read the pointer again."""


class InvalidVectors(StoreError):
    """Vectors of the wrong shape, with NaN or infinity, or of length zero; nothing was written."""


class ArchiveError(StoreError):
    """A space's Parquet file cannot be written, or is not one that can be read back."""
