"""What a check found, as its page shows it without a click: a table, for Dagster hides Markdown behind one (1.13)."""

from collections.abc import Sequence

import dagster as dg

SHOWN = 50


def fault_list(faults: Sequence[str], shown: int = SHOWN) -> dict[str, dg.MetadataValue]:
    """Metadata with the number of faults, and the first of them a row each where there are any."""
    schema = dg.TableSchema([dg.TableColumn("to look at", "string")])
    records = [dg.TableRecord({"to look at": fault}) for fault in faults[:shown]]
    table = {"list": dg.MetadataValue.table(records, schema=schema)} if records else {}
    return {"count": dg.MetadataValue.int(len(faults)), **table}


def summary(faults: Sequence[str], well: str) -> str:
    """The sentence above it: how many, and the first of them; `well` where there are none."""
    return f"{len(faults)} to look at: {faults[0]}" if faults else well
