"""What Prometheus reads: requests, latencies, tokens, cost, cache hits and provider errors by class."""

from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from morpheus_assets.domain.spaces import Space

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self.requests = Counter(
            "morpheus_http_requests", "Requests answered.", ["method", "route", "status"], registry=own
        )
        self.seconds = Histogram(
            "morpheus_http_request_seconds", "From the first byte in to the last byte out.", ["method", "route"],
            buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self.in_flight = Gauge("morpheus_http_requests_in_flight", "Requests being worked on.", registry=own)
        self.tokens = Counter("morpheus_tokens", "Tokens that providers charged.", ["space"], registry=own)
        self.cost = Counter("morpheus_cost_dollars", "Their price, where it is known.", ["space"], registry=own)
        self.provider_seconds = Histogram(
            "morpheus_provider_request_seconds", "Successful requests to a provider.", ["space"],
            buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self.provider_errors = Counter(
            "morpheus_provider_errors", "Failed attempts, by class of error.", ["provider", "error"], registry=own
        )
        self.cache = Counter(
            "morpheus_cache_lookups", "Where a vector or an answer came from.", ["kind", "source"], registry=own
        )

    def count_tokens(self, space: Space, tokens: int, price: Decimal | None) -> None:
        """Add what one provider request was charged."""
        self.tokens.labels(space.key).inc(tokens)
        if price is not None:
            self.cost.labels(space.key).inc(float(price))

    def text(self) -> bytes:
        """Everything, in Prometheus's text format."""
        return generate_latest(self._registry)
