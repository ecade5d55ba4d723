"""The gate in front of the console. Without a live session it refuses every http request and websocket, and it refuses
all requests from pages of other sites.

The app behind it reads the session from one header. The gate removes this header from every request and sets it itself;
Streamlit maps it to ``st.user`` (``server.trustedUserHeaders``).
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from console import process
from console.server import address
from core.access import sessions

COOKIE = "session"
HEADER = b"x-platform-session"
OPEN = {"/healthz", "/metrics", "/status", "/icon.svg", "/logo.svg", "/robots.txt", "/login", "/logout", "/password",
        "/auth/login", "/oauth2callback"}  # fmt: skip
OPEN_BELOW = (
    "/static/",
    "/login/",
    "/hooks/",
    "/api/",
    "/otlp/",
    "/ingest/",
)  # static files of Streamlit; the others check access themselves
CLOSED = 1008  # websocket close code: policy violation


def cookie_name() -> str:
    """With https, the name's prefix stops other hosts and paths from setting the cookie."""
    return f"__Host-{COOKIE}" if secure() else COOKIE


def secure() -> bool:
    return process.settings().public_url.startswith("https://")


def session_of(connection: HTTPConnection) -> str | None:
    """The id of this browser's live session. Blocks; raises SQLAlchemyError."""
    value = connection.cookies.get(cookie_name(), "")
    return sessions.of_cookie(value, connection.headers.get("user-agent", "")) if value else None


def _signed_in(connection: HTTPConnection) -> tuple[str | None, bool]:
    """(session id or None, may it view the console): only after the first password is changed."""
    found = session_of(connection)
    return found, found is not None and sessions.actor(found) is not None


class Gate:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        bare = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name.lower() != HEADER]}
        path = scope["path"]
        if scope["type"] == "http" and (path in OPEN or path.startswith(OPEN_BELOW)):
            return await self.app(bare, receive, send)
        if address.foreign(HTTPConnection(bare)):
            return await _refuse(bare, receive, send, HTTPStatus.FORBIDDEN)
        try:
            session, whole = await asyncio.to_thread(_signed_in, HTTPConnection(bare))
        except (SQLAlchemyError, RuntimeError):
            return await _refuse(bare, receive, send, HTTPStatus.SERVICE_UNAVAILABLE, "/status")
        if session is None or not whole:
            return await _refuse(bare, receive, send, HTTPStatus.UNAUTHORIZED, "/password" if session else "/login")
        known = {**bare, "headers": [*bare["headers"], (HEADER, session.encode())]}
        return await self.app(known, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: HTTPStatus, instead: str = "") -> None:
    """Redirect a request for a page to the sign-in or password page; refuse a request for data."""
    if scope["type"] == "websocket":
        await receive()  # the connect event must be received before it is refused
        return await send({"type": "websocket.close", "code": CLOSED})
    connection = HTTPConnection(scope)
    if instead and scope["method"] in ("GET", "HEAD") and "text/html" in connection.headers.get("accept", ""):
        wanted = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        answer: Response = RedirectResponse(f"{instead}?next={quote(wanted, safe='')}", 303)
    else:
        answer = JSONResponse({"says": status.phrase}, status)
    answer.headers["Cache-Control"] = "no-store"
    return await answer(scope, receive, send)
