from morpheus_assets_tests.embedding.clip_endpoint import endpoint, space

__all__ = ["endpoint", "space"]
