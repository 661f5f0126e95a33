"""The automation condition of insight assets, and the sensor that evaluates it.

They read what is stored and cost nothing: each is made anew once what it reads of a novel has changed. CONTRIBUTING.md
says why nothing else has a condition.
"""

import dagster as dg

INSIGHT_GROUP = "insight"
AFTER_ITS_INPUTS = dg.AutomationCondition.eager()

insight_sensor = dg.AutomationConditionSensorDefinition(
    "insight_sensor",
    target=dg.AssetSelection.groups(INSIGHT_GROUP),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    run_tags={"morpheus/kind": INSIGHT_GROUP},
    description="Makes the insight assets of a novel anew when the passages or vectors that they read were"
    " materialized, several novels in one backfill. No provider is asked.",
)
