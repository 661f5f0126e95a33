"""The assets: what the Dagster UI shows as novels → chapters → chunks → embeddings, and panels beside them."""

import warnings

from dagster import BetaWarning

# `backfill_policy` and `pool` are what this project needs and are marked beta; the version is pinned.
warnings.filterwarnings("ignore", category=BetaWarning, message=".*(backfill_policy|pool).*")
