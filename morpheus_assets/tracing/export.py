"""Sends the spans of this process to a collector, by OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/)."""

import threading


class TracingNotInstalled(Exception):
    """An address for traces is set, and the packages that would send them are not there."""


_starting = threading.Lock()
_started = False


def start_tracing(endpoint: str, service: str) -> None:
    """Record and send the spans of this process from now on, those of every statement to Postgres too.

    `endpoint` is the collector's base address, `service` the name that the traces have there. Calling it again changes
    nothing. Further OTEL_… variables, such as headers and sampling, are the SDK's own. Raises TracingNotInstalled.
    """
    global _started
    with _starting:
        if _started:
            return
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise TracingNotInstalled(
                "OTEL_EXPORTER_OTLP_ENDPOINT is set and OpenTelemetry's packages are missing: install"
                " morpheus-assets[traces], or unset it."
            ) from None
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        provider = TracerProvider(resource=Resource.create({"service.name": service}))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        PsycopgInstrumentor().instrument(tracer_provider=provider)
        _started = True


def send_spans() -> None:
    """Send what has ended so far; a process that ends in another way than its own would lose it."""
    if _started:
        from opentelemetry import trace

        flush = getattr(trace.get_tracer_provider(), "force_flush", None)
        if flush is not None:
            flush(5000)
