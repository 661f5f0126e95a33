"""Pure text work: bytes become a document, its chapters and its chunks. Nothing of Dagster or SQL."""
