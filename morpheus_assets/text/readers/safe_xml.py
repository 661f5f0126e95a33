"""Parses the small XML files of an EPUB without entities, network or huge trees."""

from typing import Any

from lxml import etree  # type: ignore[import-untyped]

Element = Any
"""An lxml element; lxml ships no types."""


def parse(data: bytes) -> Element | None:
    """The root element, or None if there is none to be had; damaged XML is read as far as it goes."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, recover=True, remove_comments=True
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def parse_whole(data: bytes) -> Element | None:
    """The root element of sound XML of any depth; None for what is damaged, where `parse` would lose the rest."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, load_dtd=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def local(element: Element) -> str:
    """The tag without its namespace, "" for comments and processing instructions."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def attribute(element: Element, name: str) -> str:
    """An attribute by its local name, whatever its namespace; "" if absent."""
    for key, value in element.attrib.items():
        if str(key).rsplit("}", 1)[-1] == name:
            return str(value)
    return ""


def words(element: Element) -> str:
    """All text inside an element, white space collapsed."""
    return " ".join("".join(str(piece) for piece in element.itertext()).split())
