"""The certificates that an HTTP library trusts, read once in a process: it takes longer than a short request."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@cache
def certificates(library: str) -> "ssl.SSLContext":
    """What `httpx` or `httpx2` makes by itself for each client: certifi's list, or the system's."""
    made: ssl.SSLContext = import_module(library).create_ssl_context()
    return made
