"""REQUIRE_TLS for the console: a request that travelled without TLS gets a redirect to PUBLIC_URL, or is refused.

Passwords, cookies and tokens travel with requests. Whoever connects from this machine is exempt, and so is /healthz,
which has no data and which load balancers ask without TLS.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from console import process
from console.server import address

OPEN = ("/healthz",)
CLOSED = 1008  # websocket close code: policy violation


class RequiredTls:
    """Passes on what is encrypted, or everything while REQUIRE_TLS is off."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _allowed(HTTPConnection(scope)):
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            await receive()  # the connect event must be received before it is refused
            return await send({"type": "websocket.close", "code": CLOSED})
        return await _instead(scope)(scope, receive, send)


def _allowed(connection: HTTPConnection) -> bool:
    if not process.settings().require_tls or connection.url.path in OPEN:
        return True
    return address.encrypted(connection) or address.near(connection)


def _instead(scope: Scope) -> Response:
    """A redirect for a page; nothing else is redirected, because its client would send its secret twice."""
    public = process.settings().public_url.rstrip("/")
    if scope["method"] in ("GET", "HEAD") and public.startswith("https://"):
        query = scope["query_string"].decode("latin-1")
        path = scope["path"].lstrip("/")  # "//host" or "@host" would lead elsewhere
        return RedirectResponse(f"{public}/{path}" + (f"?{query}" if query else ""), 308)
    return JSONResponse({"says": "This platform is reached over https only (REQUIRE_TLS)."}, HTTPStatus.FORBIDDEN)
