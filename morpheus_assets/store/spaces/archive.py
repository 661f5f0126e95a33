"""A whole space as one Parquet file: content hashes, halfvec vectors, refusals, and what the space is.

Written beside its final name and moved there when it is complete. When a space is exported is not decided here.
"""

import json
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.store.content.contexts import place_all
from morpheus_assets.store.database.errors import ArchiveError
from morpheus_assets.store.database.transactions import Bind
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.refusals import ignore_refusals, list_refusals, record_refusals

_METADATA = b"morpheus_space"
_ROWS = 2000


def archive_path(folder: Path, space: SpaceRow) -> Path:
    """Where a space's export lies in `folder`; the fingerprint tells two of one name apart."""
    return folder / f"{space.key}-{space.fingerprint[:8]}.parquet"


def export_space(bind: Bind, space: SpaceRow, folder: Path) -> Path:
    """Write all vectors of a space and return the file; an older export of the same space is replaced.

    Columns: `content_hash` (32 bytes), `embedding` (float16 [dimensions], bit for bit what is stored). Raises
    ArchiveError when the folder cannot be written or fewer rows arrived than are stored.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = archive_path(folder, space)
    partial = path.with_suffix(".partial")
    schema = pa.schema(
        [("content_hash", pa.binary(32)), ("embedding", pa.list_(pa.float16(), space.dimensions))],
        metadata={_METADATA: json.dumps(_described(bind, space)).encode()},
    )
    written = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(partial, schema, compression="zstd", use_dictionary=False) as writer:
            for hashes, rows in vectors.iter_vectors(bind, space, rows_at_once=_ROWS):
                halves = pa.array(rows.astype(np.float16).reshape(-1))
                columns = [pa.array(hashes, pa.binary(32)), pa.FixedSizeListArray.from_arrays(halves, space.dimensions)]
                writer.write_batch(pa.record_batch(columns, schema=schema))
                written += len(hashes)
        stored = vectors.vector_summary(bind, space).rows
        if written < stored:
            raise ArchiveError(f"Only {written} of {stored} vectors of {space.key} were exported; try again.")
        partial.replace(path)
    except OSError as fault:
        raise ArchiveError(
            f"{space.key} cannot be exported to {folder} ({fault.strerror or fault}): check MORPHEUS_ARCHIVE_FOLDER and"
            " the room on its disk."
        ) from fault
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return path


def restore_space(bind: Bind, path: Path) -> SpaceRow:
    """Bring an export back; the space is then "retired", with a new retention, and may be activated.

    Vectors that are stored already stay. Raises ArchiveError for a file that is none of ours or is damaged, SpaceError
    when the key is taken by a space with another fingerprint.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            described = _read_description(file, path)
            space = spaces.register_space(bind, Space(**described["space"]))
            for batch in file.iter_batches(_ROWS):
                hashes = batch.column("content_hash").to_pylist()
                halves = np.asarray(batch.column("embedding").flatten()).reshape(len(hashes), space.dimensions)
                vectors.write_batch(bind, space, hashes, halves.astype(np.float32))
    except (OSError, pa.ArrowException) as fault:
        raise ArchiveError(f"{path} cannot be restored: {_first_line(fault)}.") from fault
    if space.context:
        # Else its vectors would be no passage's until the next run.
        place_all(bind, space.context)
    refusals = [(bytes.fromhex(value), reason, ignored) for value, reason, ignored in described["refusals"]]
    record_refusals(bind, space, [(value, reason) for value, reason, _ in refusals])
    ignore_refusals(bind, space, [value for value, _, ignored in refusals if ignored])
    if space.state == "building":
        return spaces.retire(bind, space.key)
    return spaces.get_space(bind, space.key)


def _described(bind: Bind, space: SpaceRow) -> dict[str, Any]:
    refusals = list_refusals(bind, space)
    return {
        "version": 1,
        "space": {field.name: getattr(space, field.name) for field in fields(Space)},
        "fingerprint": space.fingerprint,
        "stored": {name: str(value) for name, value in asdict(space).items() if name.endswith("_at") and value},
        "refusals": [[each.content_hash.hex(), each.reason, each.ignored] for each in refusals],
    }


def _read_description(file: Any, path: Path) -> dict[str, Any]:
    metadata = file.schema_arrow.metadata or {}
    if _METADATA not in metadata:
        raise ArchiveError(f"{path} is a Parquet file, but not one that `morpheus spaces` wrote.")
    described: dict[str, Any] = json.loads(metadata[_METADATA])
    if described.get("version") != 1:
        raise ArchiveError(f"{path} was written by a newer version of this program; update it.")
    return described


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0].rstrip(".")
