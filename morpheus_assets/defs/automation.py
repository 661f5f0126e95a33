"""The automation condition of insight assets, and the sensor that evaluates it.

They read what is stored: each is made anew once what it reads of a novel has changed. Only sentences of novels that
have panels are embedded, each once. CONTRIBUTING.md says why nothing else has a condition.
"""

import dagster as dg

INSIGHT_GROUP = "insight"
AFTER_ITS_INPUTS = dg.AutomationCondition.eager()
AFTER_ANY_INPUT = dg.AutomationCondition.eager().without(
    ~dg.AutomationCondition.any_deps_missing()
) & dg.AutomationCondition.any_deps_match(~dg.AutomationCondition.missing())
"""Also where one of them never comes: a panel may lie in one image space of several, and its novel have no text."""

insight_sensor = dg.AutomationConditionSensorDefinition(
    "insight_sensor",
    target=dg.AssetSelection.groups(INSIGHT_GROUP),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    run_tags={"morpheus/kind": INSIGHT_GROUP},
    description="Makes the insight assets of a novel anew when the passages or vectors that they read were"
    " materialized, several novels in one backfill. Providers are asked for new sentences of novels with panels only.",
)
