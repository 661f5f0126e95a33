"""Persian."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="fa", letters="اینرهدمتبوشسگکلخزفقجچعحپآطصءضظغث", encodings=("cp1256",))
