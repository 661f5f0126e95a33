"""Spans: named stretches of time within a trace. Without an exporter they cost a dictionary lookup."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

NAME = "morpheus"


@contextmanager
def span(name: str, **attributes: str | int | float) -> Iterator[None]:
    """Record the block as a part of the trace that is going on, with an error that leaves it; see `start_tracing`.

    `attributes` may hold counts, names and addresses, never text of a novel or a key.
    """
    # only start_tracing imports the package: nobody who has no use for traces pays for it
    if "opentelemetry.sdk.trace" not in sys.modules:
        yield
        return
    from opentelemetry import trace

    with trace.get_tracer(NAME).start_as_current_span(name, attributes=attributes):
        yield
