"""What runs by itself: sensors, schedules, jobs and checks."""

import warnings

from dagster import BetaWarning

# As in assets: what is marked beta here (owners of a sensor) is wanted, and the version is pinned.
warnings.filterwarnings("ignore", category=BetaWarning)
