"""Errors between an input and its vector; the class says whether to try again.

Every message is one sentence that names the fault, the setting and the next step. No vendor's exception
leaves this package, and no message ever holds a key.
"""

from morpheus_assets.embedding.rate_limits import ObservedLimits


class EmbeddingError(Exception):
    """Base class; `retryable`: the same request may succeed later; `requests`: how many were made for it.

    `perhaps_paid`: an answer came that is of no use, so that what was sent is perhaps charged for.
    """

    retryable = False
    perhaps_paid = False
    requests = 1


class ConfigurationError(EmbeddingError):
    """A setting is wrong or missing (key, model, address): nothing works until a person changes it."""


class BillingError(EmbeddingError):
    """The provider's account has no credit or quota left: nothing works until a person pays."""


class ValidationError(EmbeddingError):
    """The provider, or our own check before it, refuses this input for what it is.

    `by_provider`: the provider said so, who may mean the account or a setting and blame the input.
    """

    by_provider = False


class InputRefused(ValidationError):
    """One input is refused; `index` is its position in the request, None when the provider did not say."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class RequestTooLarge(ValidationError):
    """The request as a whole is too large: split, each half may pass.

    `most_inputs` is how many inputs the provider said that it takes, None when it did not.
    """

    def __init__(self, message: str, most_inputs: int | None = None) -> None:
        super().__init__(message)
        self.most_inputs = most_inputs


class RateLimited(EmbeddingError):
    """Too many requests or tokens; `retry_after` in seconds when the provider said so, else None."""

    retryable = True

    def __init__(self, message: str, retry_after: float | None = None, limits: ObservedLimits | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.limits = limits


class ProviderUnavailable(EmbeddingError):
    """Network or server trouble: no usable answer came; `retry_after` as for RateLimited.

    `said` is what came instead, in a few words.
    """

    retryable = True

    def __init__(self, message: str, retry_after: float | None = None, said: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.said = said or message


class AnswerOverdue(ProviderUnavailable):
    """Our own deadline passed before the answer was whole: what was sent is perhaps paid for."""


class InvalidAnswer(EmbeddingError):
    """An answer came that cannot be trusted (count, index, dimensions, NaN, zero, model): retried once.

    `rows` are the places of the inputs without a usable vector where others have one, empty where it is not known which
    they are, and None where the whole answer is at fault. `dimensions` are those of its vectors, if it is only that.
    `said` is the fault in a few words.
    """

    retryable = True
    perhaps_paid = True

    def __init__(
        self, message: str, said: str = "", *, rows: tuple[int, ...] | None = None, dimensions: int | None = None
    ) -> None:
        super().__init__(message)
        self.said = said or message
        self.rows = rows
        self.dimensions = dimensions
