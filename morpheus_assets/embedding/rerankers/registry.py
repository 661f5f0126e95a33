"""The list of rerankers' providers, and the reranker that a setting names."""

from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.rerankers import cross_encoder, over_http
from morpheus_assets.embedding.rerankers.base import RerankerSpec

RERANKERS: dict[str, RerankerSpec] = {
    spec.name: spec for spec in (over_http.VOYAGE, over_http.COHERE, cross_encoder.SENTENCE_TRANSFORMERS)
}


def find_reranker(written: str) -> tuple[RerankerSpec, str]:
    """The provider and the model of `provider/MODEL`; raises ConfigurationError for anything else."""
    provider, _, model = written.partition("/")
    spec = RERANKERS.get(provider)
    if spec is None or not model or (spec.models and model not in spec.models):
        known = [f"{each.name}/{name}" for each in RERANKERS.values() for name in each.models]
        raise ConfigurationError(
            f"MORPHEUS_RERANK is {written!r}, which is no reranker: known are {', '.join(known)}, and any cross-encoder"
            " as sentence-transformers/NAME or sentence-transformers/local:FOLDER."
        )
    return spec, model
