"""Streamlit's static files, compressed once and cached for a year; its index.html with our own head.

The rewrite gives each page a description and our icon, drops the preload of a font that the theme
does not use, and names the server's address: without it a page opened by its address asks for its
health under its own path first, and gets 404.
"""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
import re
from functools import lru_cache
from pathlib import Path

import streamlit
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

STATIC = (Path(streamlit.__file__).parent / "static").resolve()  # a virtual environment may be a link
ICON = Path(__file__).parent / "icon.svg"
YEAR = "public, max-age=31536000, immutable"
TEXT = {".js", ".css", ".svg", ".json", ".html", ".map"}
TITLE = "DevOps Intelligence Platform"
HEAD = f"""<title>{TITLE}</title>
    <meta name="description" content="Production errors become verified, reversible fixes." />
    <meta name="color-scheme" content="light dark" />
    <script>const at = location.origin + "/";
    window.__streamlit = {{BACKEND_BASE_URL: at, HOST_CONFIG_BASE_URL: at}}</script>"""
FIRST_PAINT = """<style>body{margin:0}@media(prefers-color-scheme:dark){body{background:#0d131e}}
    @media(prefers-color-scheme:light){body{background:#f7f8fa}}</style>"""


def index(text: str) -> str:
    """Streamlit's index.html with our head. Raises ValueError when it is not the one that we know."""
    for pattern, new in (
        (r'<link rel="shortcut icon"[^>]*>', '<link rel="icon" type="image/svg+xml" href="./icon.svg" />'),
        (r'<link\s+rel="preload"[^>]*as="font"[^>]*>', ""),
        (r"<title>Streamlit</title>", HEAD + FIRST_PAINT),
    ):
        text, found = re.subn(pattern, lambda _, new=new: new, text, count=1)
        if not found:
            raise ValueError(f"this Streamlit's index.html has no {pattern}: adapt console/assets.py")
    return text


@lru_cache(maxsize=256)
def body(path: str) -> tuple[bytes, bool, str] | None:
    """(bytes, are they gzip, media type) of a static file or page; None if there is no such file."""
    if path == "/icon.svg":
        return ICON.read_bytes(), False, "image/svg+xml"
    file = STATIC / "index.html" if "." not in path else (STATIC / path.lstrip("/")).resolve()
    if not file.is_file() or STATIC not in (file, *file.parents):
        return None
    data = index(file.read_text(encoding="utf-8")).encode() if file.name == "index.html" else file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return (gzip.compress(data, 9), True, kind) if file.suffix in TEXT else (data, False, kind)


class Assets:
    """Answers GET for /static/... and the console's pages; the rest goes on to Streamlit."""

    def __init__(self, app: ASGIApp, pages: frozenset[str]) -> None:
        self.app, self.pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        mine = path in self.pages or path == "/icon.svg" or path.startswith("/static/")
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not mine:
            return await self.app(scope, receive, send)
        found = await asyncio.to_thread(body, path)
        if found is None:
            return await self.app(scope, receive, send)
        data, packed, kind = found
        accepts = dict(scope["headers"]).get(b"accept-encoding", b"")
        headers = {"Cache-Control": "no-cache" if path in self.pages else YEAR, "Vary": "Accept-Encoding"}
        if packed and b"gzip" in accepts:
            headers["Content-Encoding"] = "gzip"
        elif packed:
            data = gzip.decompress(data)
        return await Response(data, headers=headers, media_type=kind)(scope, receive, send)
