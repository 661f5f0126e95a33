"""Traces of requests and runs (OpenTelemetry), for whoever sets an address to send them to."""
