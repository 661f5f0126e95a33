"""Pure text work: a file's bytes become a document, its chapters and its chunks. Nothing of Dagster or SQL."""
