"""Vietnamese."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="vi", units={"chapter": "chương"})
