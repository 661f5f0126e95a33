from morpheus_assets_tests.embedding.providers.clip_endpoint import endpoint, space

__all__ = ["endpoint", "space"]
