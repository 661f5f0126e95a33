"""What a local model says when the machine has too little memory for it, as one sentence.

The kernel may also end the process without a word; that is noticed by who watches the run.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from morpheus_assets.embedding.errors import ConfigurationError

_SAID = re.compile(
    r"allocate memory|create a primitive|(not enough|out of) memory|failed to map segment|start new thread|bad_alloc",
    re.IGNORECASE,
)


@contextmanager
def enough_memory(model: str, variable: str) -> Iterator[None]:
    """Turn a lack of memory while `model` is loaded or used into a ConfigurationError that names `variable`."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError, ImportError) as error:
        if not (
            isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM or _SAID.search(str(error))
        ):
            raise
        raise ConfigurationError(
            f"The machine has too little memory for {model}: free some, or name a smaller model or one of a provider in"
            f" {variable}."
        ) from None
