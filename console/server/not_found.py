"""Says that an address does not exist, instead of the pipeline under a wrong address.

Streamlit answers each unknown address with its own page. Only a browser's request for a page is answered here; what
Streamlit's script loads goes through.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from console.server.signin_page import document
from console.ui.markup import tag

STREAMLITS = ("/_stcore/", "/static/", "/media/", "/component/", "/oauth2")
SHOWN = 200  # characters of an address


class NotFound:
    """``pages`` are the console's addresses; ``routes`` the server's own."""

    def __init__(self, app: ASGIApp, pages: Collection[str], routes: Sequence[BaseRoute]) -> None:
        self.app, self.pages, self.routes = app, pages, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._unknown(scope):
            return await self.app(scope, receive, send)
        return await HTMLResponse(page(scope["path"]), 404, {"Cache-Control": "no-store"})(scope, receive, send)

    def _unknown(self, scope: Scope) -> bool:
        path, sent = scope["path"], dict(scope["headers"])
        if path in self.pages or path.startswith(STREAMLITS) or b"text/html" not in sent.get(b"accept", b""):
            return False
        return all(route.matches(scope)[0] is Match.NONE for route in self.routes)


def page(path: str) -> str:
    """The page for an unknown address, which is a stranger's text."""
    shown = path if len(path) <= SHOWN else f"{path[:SHOWN]}…"
    return document(
        "Page not found",
        tag(
            "section",
            tag("h1", "This page does not exist"),
            tag("p", "There is nothing at ", tag("code", shown), "."),
            tag("a", "Open the pipeline", href="/", class_="go"),
        ),
    )
