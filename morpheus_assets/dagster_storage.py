"""The former name of `defs.storage`, for a `dagster.yaml` of one's own; it goes with the next release."""

from morpheus_assets.defs.storage import PooledPostgresStorage as PooledPostgresStorage
