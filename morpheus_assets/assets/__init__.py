"""The assets: what the Dagster UI shows as novels → chapters → chunks → embeddings, and panels beside them."""

import warnings

from dagster import BetaWarning

# Backfill policies, pools and owners are what this project needs and are marked beta; the version is pinned.
warnings.filterwarnings("ignore", category=BetaWarning)
