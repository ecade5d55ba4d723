"""Streamlit's static files, compressed once and cached for a year; its index.html with the product's head.

The rewrite adds a description, the icon and the style to each page. It drops the preload of a font that the theme does
not use, and sets the server's address: without it, a page opened by its address first requests the health check under
its own path and gets 404.
"""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
import re
from functools import lru_cache
from pathlib import Path

import brotli
import streamlit
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from console.server import first_paint, preferences
from console.server.auth import HEADER
from core.access.preferences import of

STATIC = (Path(streamlit.__file__).parent / "static").resolve()  # a virtual environment may be a link
YEAR = "public, max-age=31536000, immutable"
TEXT = {".js", ".css", ".svg", ".json", ".html", ".map"}
TITLE = "DevOps Intelligence Platform"
FONT = "system-ui, sans-serif"  # until the theme is loaded; otherwise Streamlit loads a font that no page uses
HEAD = f"""<title>{TITLE}</title>
    <meta name="description" content="Production errors become verified, reversible fixes." />
    <meta name="color-scheme" content="light dark" />
    <script>const at = location.origin + "/";
    const theme = {{bodyFont: "{FONT}", headingFont: "{FONT}"}};
    window.__streamlit = {{
      BACKEND_BASE_URL: at, HOST_CONFIG_BASE_URL: at, LIGHT_THEME: theme, DARK_THEME: theme,
    }}</script>"""
GROUND = """<style>body{margin:0}@media(prefers-color-scheme:dark){body{background:#0d131e}}
    @media(prefers-color-scheme:light){body{background:#f7f8fa}}</style>"""


LATER = """<script>
    (() => {
      let begun = false;
      const begin = () => {
        if (begun) return;
        begun = true;
        const parts = document.getElementById("later").content.cloneNode(true).children;
        for (const part of [...parts]) setTimeout(() => document.body.append(part));  // each takes its time
      };
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(begin)));
      setTimeout(begin, 400);  // a tab in the background paints nothing
    })();
    </script>"""
SCRIPTS = '<script src="/palette.js"></script><script src="/connection.js"></script><script src="/vitals.js"></script>'
LOADED = re.compile(r'\s*<(?:script type="module"[^>]*></script>|link rel="(?:modulepreload|stylesheet)"[^>]*>)')


def index(text: str) -> str:
    """Streamlit's index.html with the product's head and style; its own scripts and styles wait in a template.

    In the head they would delay the first paint. The product's style is in the body, where it overrides the styles
    that Streamlit adds to the head and precedes the first element. Raises ValueError for an unknown index.html.
    """
    style = f"<style>{(Path(__file__).parent / 'style.css').read_text(encoding='utf-8')}</style>"
    for pattern, new in (
        (r'<link rel="shortcut icon"[^>]*>', '<link rel="icon" type="image/svg+xml" href="./icon.svg" />'),
        (r'<link\s+rel="preload"[^>]*as="font"[^>]*>', ""),
        (r"<title>Streamlit</title>", HEAD + GROUND),
        (re.escape(ROOT), style + ROOT),
    ):
        text, found = re.subn(pattern, lambda _, new=new: new, text, count=1)
        if not found:
            raise ValueError(f"this Streamlit's index.html has no {pattern}: adapt console/server/assets.py")
    loaded = "".join(LOADED.findall(text)) + SCRIPTS
    return LOADED.sub("", text).replace("</body>", f'<template id="later">{loaded}</template>{LATER}</body>', 1)


ROBOTS = b"User-agent: *\nAllow: /\n"  # the sign-in protects the pages
OWN = {"/icon.svg": ("icon.svg", "image/svg+xml"), "/logo.svg": ("logo.svg", "image/svg+xml"),
       "/palette.js": ("palette.js", "text/javascript"),
       "/connection.js": ("connection.js", "text/javascript"),
       "/vitals.js": ("vitals.js", "text/javascript")}  # fmt: skip
PACKERS = {"br": lambda data: brotli.compress(data, quality=5), "gzip": lambda data: gzip.compress(data, 6), "": bytes}
ROOT = '<div id="root">'


def encoding(accepts: str) -> str:
    """The better of br and gzip that the browser accepts, or ""."""
    offered = {part.split(";")[0].strip() for part in accepts.split(",")}
    return next((name for name in ("br", "gzip") if name in offered), "")


@lru_cache(maxsize=1)
def template() -> str:
    return index((STATIC / "index.html").read_text(encoding="utf-8"))


def page(path: str, query: str, session: str) -> bytes:
    """index.html with the page's first paint for this session before Streamlit's root."""
    early = first_paint.html(path, query, session)
    return template().replace(ROOT, preferences.forced(theme(session)) + early + ROOT, 1).encode()


def theme(session: str) -> str:
    """The theme that the person of this session chose; empty without one or without a database."""
    try:
        return of(session).theme if session else ""
    except (SQLAlchemyError, RuntimeError):
        return ""


@lru_cache(maxsize=512)
def body(path: str, packing: str) -> tuple[bytes, str, str] | None:
    """(bytes, encoding, media type) of a static file; None if it does not exist."""
    if path == "/robots.txt":
        return ROBOTS, "", "text/plain"
    if path in OWN:
        name, kind = OWN[path]
        return PACKERS[packing]((Path(__file__).parent / name).read_bytes()), packing, kind
    file = (STATIC / path.lstrip("/")).resolve()
    if not file.is_file() or STATIC not in file.parents:
        return None
    packing = packing if file.suffix in TEXT else ""
    return (
        PACKERS[packing](file.read_bytes()),
        packing,
        mimetypes.guess_type(file.name)[0] or "application/octet-stream",
    )


class Assets:
    """Answers GET for /static/..., the product's files and the console's pages; passes the rest to Streamlit."""

    def __init__(self, app: ASGIApp, pages: frozenset[str]) -> None:
        self.app, self.pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        mine = path in self.pages or path in OWN or path == "/robots.txt" or path.startswith("/static/")
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not mine:
            return await self.app(scope, receive, send)
        sent = {name: value.decode("latin-1") for name, value in scope["headers"]}
        packing, session = encoding(sent.get(b"accept-encoding", "")), sent.get(HEADER, "")
        found = await asyncio.to_thread(self._found, path, scope["query_string"].decode("latin-1"), packing, session)
        if found is None:
            return await self.app(scope, receive, send)
        data, packed, kind, kept = found
        headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = packed
        return await Response(data, headers=headers, media_type=kind)(scope, receive, send)

    def _found(self, path: str, query: str, packing: str, session: str) -> tuple[bytes, str, str, str] | None:
        if path in self.pages:
            return PACKERS[packing](page(path, query, session)), packing, "text/html", "private, no-cache"
        found = body(path, packing)
        return (*found, YEAR if path.startswith("/static/") else "public, max-age=3600") if found else None
