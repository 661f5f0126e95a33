"""Package file of an EPUB: metadata, reading order, table of contents and protection.

Reads the small XML files; the chapters' own markup is epub.py's.
"""

import posixpath
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.readers.archives import Archive
from morpheus_assets.text.readers.safe_xml import Element, attribute, local, parse, words

_FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
_NO_TEXT = re.compile(
    r"\.(?:jpe?g|png|gif|svg|webp|bmp|tiff?|avif|otf|ttf|ttc|woff2?|eot|css|js|mp3|m4a|mp4|ogg)", re.IGNORECASE
)
_MAX_TOC = 20_000
_FEWEST_ENTRIES = 2


@dataclass(frozen=True)
class SpineItem:
    """One file of the reading order: its place in the spine, its href in the package file, its archive name."""

    spine_index: int
    href: str
    name: str


@dataclass(frozen=True)
class TocEntry:
    """A line of the table of contents: archive name and fragment that it points to, label, depth from 1."""

    name: str
    fragment: str
    label: str
    level: int


@dataclass
class Package:
    """Metadata, spine, table of contents, and the epub:type of each place that the landmarks name."""

    title: str | None = None
    author: str | None = None
    language: str | None = None
    spine: list[SpineItem] = field(default_factory=list)
    toc: list[TocEntry] = field(default_factory=list)
    landmarks: dict[tuple[str, str], str] = field(default_factory=dict)
    nav: str = ""
    """Archive name of the navigation document."""


def read_package(archive: Archive) -> Package:
    """Read the package. Raises UnreadableText for a protected book or one without a reading order."""
    _refuse_protected(archive)
    opf_name = _package_name(archive)
    root = parse(archive.read(opf_name))
    if root is None:
        raise UnreadableText("is a damaged EPUB: its package file is no XML, so copy or download it again.")
    base = posixpath.dirname(opf_name)
    items = {attribute(e, "id"): e for e in root.iter() if local(e) == "item"}
    package = Package(_first(root, "title"), _first(root, "creator"), _first(root, "language"))
    seen: set[str] = set()
    references = [e for e in root.iter() if local(e) == "itemref"]
    for index, reference in enumerate(references):
        item = items.get(attribute(reference, "idref"))
        if item is None or (attribute(item, "media-type") or _PAGES[0]) not in _PAGES:
            continue
        href = unquote(attribute(item, "href"))
        name = archive.find(_resolve(base, href))
        if name is not None and name not in seen:
            seen.add(name)
            package.spine.append(SpineItem(index, href, name))
    if not package.spine:
        raise UnreadableText("is an EPUB without a reading order (spine): convert it anew or use another copy.")
    for item in items.values():
        if "nav" in attribute(item, "properties").split():
            _read_nav(archive, _resolve(base, unquote(attribute(item, "href"))), package)
    if len(package.toc) < _FEWEST_ENTRIES:
        for item in items.values():
            if attribute(item, "media-type") == "application/x-dtbncx+xml":
                _read_ncx(archive, _resolve(base, unquote(attribute(item, "href"))), package)
    for reference in (e for e in root.iter() if local(e) == "reference"):
        target = _target(base, attribute(reference, "href"))
        package.landmarks.setdefault(target, attribute(reference, "type"))
    return package


def _refuse_protected(archive: Archive) -> None:
    """Encrypted fonts and pictures are no hindrance; what is encrypted without saying what it is counts as text."""
    name = archive.find("META-INF/encryption.xml")
    root = parse(archive.read(name)) if name else None
    for data in () if root is None else (e for e in root.iter() if local(e) == "EncryptedData"):
        methods = [attribute(e, "Algorithm") for e in data if local(e) == "EncryptionMethod"]
        targets = [attribute(e, "URI") for e in data.iter() if local(e) == "CipherReference"]
        harmless = [_NO_TEXT.fullmatch(posixpath.splitext(unquote(uri))[1]) is not None for uri in targets]
        if not (harmless and all(harmless)) and any(method not in _FONT_OBFUSCATION for method in methods):
            raise UnreadableText("is protected by DRM (its text is encrypted): use a copy without protection.")


def _package_name(archive: Archive) -> str:
    container = archive.find("META-INF/container.xml")
    root = parse(archive.read(container)) if container else None
    if root is not None:
        for element in root.iter():
            name = archive.find(_resolve("", unquote(attribute(element, "full-path"))))
            if local(element) == "rootfile" and name:
                return name
    packages = [name for name in archive.names() if name.lower().endswith(".opf")]
    if not packages:
        raise UnreadableText("is a zip file but no EPUB: it has no package file (.opf).")
    return packages[0]


def _first(root: Element, name: str) -> str | None:
    for element in root.iter():
        parent = element.getparent()
        if local(element) == name and parent is not None and local(parent) in ("metadata", "dc-metadata"):
            return words(element) or None
    return None


def _resolve(base: str, href: str) -> str:
    """An archive name; one that climbs out of the archive matches no entry, and nothing is ever written to disk."""
    return posixpath.normpath(posixpath.join("/", base, href.replace("\\", "/").split("#")[0])).lstrip("/")


def _target(base: str, href: str) -> tuple[str, str]:
    path, _, fragment = href.partition("#")
    return _resolve(base, unquote(path)), unquote(fragment)


def _read_nav(archive: Archive, name: str, package: Package) -> None:
    found = archive.find(name)
    root = parse(archive.read(found)) if found else None
    if root is None:
        return
    base = posixpath.dirname(found or name)
    package.nav = found or ""
    for nav in (e for e in root.iter() if local(e) == "nav"):
        kind = attribute(nav, "type").split()
        for link in (e for e in nav.iter() if local(e) == "a" and attribute(e, "href")):
            path, fragment = _target(base, attribute(link, "href"))
            path = archive.find(path) or path
            if "landmarks" in kind:
                package.landmarks.setdefault((path, fragment), attribute(link, "type"))
            elif ("toc" in kind or not kind) and len(package.toc) < _MAX_TOC:
                level = sum(1 for above in link.iterancestors() if local(above) == "ol")
                package.toc.append(TocEntry(path, fragment, words(link), max(level, 1)))


def _read_ncx(archive: Archive, name: str, package: Package) -> None:
    found = archive.find(name)
    root = parse(archive.read(found)) if found else None
    if root is None:
        return
    base = posixpath.dirname(found or name)
    for point in (e for e in root.iter() if local(e) == "navPoint"):
        label = next((words(e) for e in point if local(e) == "navLabel"), "")
        content = next((attribute(e, "src") for e in point if local(e) == "content"), "")
        if content and len(package.toc) < _MAX_TOC:
            path, fragment = _target(base, content)
            level = 1 + sum(1 for above in point.iterancestors() if local(above) == "navPoint")
            package.toc.append(TocEntry(archive.find(path) or path, fragment, label, level))
