"""Slovene."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language

LANGUAGE = Language(
    code="sl",
    letters="čšžćđ",
    encodings=CENTRAL_EUROPEAN,
    accented=(
        "če več človek še že ženska življenje oči reči noč očeta tišina duša šel prišel rekla državi može mož lahko"
    ),
)
