"""A vector as a parameter of a statement, in the binary form that pgvector takes.

As text a vector of 1,536 numbers is 16 KB, and writing, sending and parsing it was a tenth of a search.
"""

import math
import struct
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format


class BinaryVector:
    """The bytes of one vector; a cast in the statement says of which type, whose number no client knows."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content


def half_vector(vector: Any) -> BinaryVector:
    """Any sequence of floats for `%(…)s::halfvec`, brought to length 1. Raises ValueError when it has no direction."""
    return _binary(vector, ">f2")


def whole_vector(vector: Any) -> BinaryVector:
    """As `half_vector`, for `%(…)s::vector`."""
    return _binary(vector, ">f4")


def _binary(vector: Any, number: str) -> BinaryVector:
    import numpy as np

    values = np.asarray(vector, dtype=np.float64)
    length = math.sqrt(values @ values) if values.ndim == 1 else 0.0
    if not 0 < length < math.inf:
        raise ValueError("A query vector is one row of finite numbers that are not all zero.")
    unit = (values / length).astype(np.float32)
    return BinaryVector(struct.pack(">hh", len(unit), 0) + unit.astype(number).tobytes())


class _BinaryVectorDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryVector) -> bytes:
        return obj.content


def take_vectors(connection: psycopg.Connection[Any]) -> None:
    """Let the statements of a connection have BinaryVectors as parameters."""
    connection.adapters.register_dumper(BinaryVector, _BinaryVectorDumper)
