"""How a fault is told to a person: one sentence in the place of a stack trace, and no retry that cannot help."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Turn whatever is raised inside into a step failure with one sentence; an interruption goes through."""
    from morpheus_assets.store.database.outages import interruption_behind

    try:
        yield
    except dg.Failure:
        raise
    except Exception as error:
        interruption = interruption_behind(error)
        if interruption:
            raise interruption from error
        raise as_failure(error) from error


def sentence(error: BaseException) -> str:
    """What to tell a person about an error: its message, with the class's name when it says nothing itself."""
    from morpheus_assets.store.database.outages import sentence_for

    message = sentence_for(error) or str(error).strip()
    if isinstance(error, dg.Failure):
        message = error.description or message
    return message if len(message.split()) > 1 else f"{type(error).__name__}: {message}"


def as_failure(error: BaseException) -> dg.Failure:
    """A step failure that shows the sentence and is not retried by itself."""
    return dg.Failure(description=sentence(error), allow_retries=False)


def list_failures(failures: Mapping[str, str]) -> str:
    """One line for each novel that failed."""
    return "\n".join(f"{novel}: {reason}" for novel, reason in failures.items())
