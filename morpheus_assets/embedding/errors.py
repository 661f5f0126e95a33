"""What can go wrong between an input and its vector: the class says whether to try again.

Every message is one sentence that names the fault, the setting and the next step. No vendor's exception
leaves this package, and no message ever holds a key.
"""

from morpheus_assets.embedding.rate_limits import ObservedLimits


class EmbeddingError(Exception):
    """Base class; `retryable` says whether the same request may succeed a little later."""

    retryable = False


class ConfigurationError(EmbeddingError):
    """A setting is wrong or missing (key, model, address): nothing works until a person changes it."""


class BillingError(EmbeddingError):
    """The provider's account has no credit or quota left: nothing works until a person pays."""


class ValidationError(EmbeddingError):
    """The provider, or our own check before it, refuses this input for what it is."""


class InputRefused(ValidationError):  # noqa: N818
    """One input is refused; `index` is its position in the request, None when the provider did not say."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class RequestTooLarge(ValidationError):  # noqa: N818
    """The request as a whole is too large: split, each half may pass."""


class RateLimited(EmbeddingError):  # noqa: N818
    """Too many requests or tokens; `retry_after` in seconds when the provider said so, else None."""

    retryable = True

    def __init__(
        self, message: str, retry_after: float | None = None, limits: ObservedLimits | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.limits = limits


class ProviderUnavailable(EmbeddingError):  # noqa: N818
    """Network or server trouble: no usable answer came; `retry_after` as for RateLimited."""

    retryable = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidAnswer(EmbeddingError):  # noqa: N818
    """An answer came that cannot be trusted (count, index, dimensions, NaN, zero, model): retried once."""

    retryable = True
