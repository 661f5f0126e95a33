"""The search page at `/`: static files of our own, and headers that keep anything else out."""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from morpheus_assets.api.problems import Problem

FOLDER = Path(__file__).resolve().parents[1] / "static"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' blob: data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
router = APIRouter(include_in_schema=False)


@router.get("/")
async def index() -> Response:
    """The page."""
    return _file("index.html")


@router.get("/docs")
async def docs() -> Response:
    """The description of the API."""
    return _file("docs.html")


@router.get("/favicon.ico")
async def icon() -> Response:
    """The page's picture."""
    return _file("icon.svg")


@router.get("/page/{name}")
async def part(name: str) -> Response:
    """One of the page's own files."""
    return _file(name)


def _file(name: str) -> Response:
    # a name, never a path: it is looked up in the listing of the folder
    found = next((path for path in FOLDER.iterdir() if path.name == name and path.suffix in _KINDS), None)
    if found is None:
        raise Problem(404, "not-found", "The page has no such part.")
    return FileResponse(found, media_type=_KINDS[found.suffix], headers=HEADERS)
