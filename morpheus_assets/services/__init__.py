"""Use cases for every face: settings and an engine in, values and sentences out. Nothing here knows dagster."""
