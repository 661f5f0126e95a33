"""Icelandic."""  # noqa: N999

from morpheus_assets.text.languages import WESTERN, Language

LANGUAGE = Language(code="is", units={"chapter": "kafli"}, letters="áíðéóþöæúý", encodings=WESTERN)
