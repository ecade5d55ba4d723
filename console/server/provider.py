"""The identity providers of Streamlit's [auth] secrets, and the cookie of their sign-in."""

from __future__ import annotations

import json
import time
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from streamlit import auth_util
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_server_config import TOKENS_COOKIE_NAME, USER_COOKIE_NAME

from console import process
from core.access.accounts import Denied

FRESH = 300.0  # seconds since the provider issued the token; the cookie itself is valid for 30 days
KEYS = {"client_id", "client_secret", "server_metadata_url"}

MISPLACED = (
    "You opened {host}, and the identity provider returned you to {origin}. For the admin: redirect_uri of [auth] must "
    "begin with the address that people open: {url}"
)
STALE = (
    "The identity provider's answer is too old by this server's clock. Sign in again. For the admin: if it happens "
    "each time, the clock of this server or of the provider is wrong; compare it with the real time (date -u)."
)


def names() -> list[str]:
    """Names of the configured providers, "default" for a nameless one; empty: passwords only."""
    section = auth_util.get_secrets_auth_section()
    if not section or "redirect_uri" not in section:
        return []
    named = [name for name, value in section.items() if hasattr(value, "keys") and set(value) >= KEYS]
    return (["default"] if set(section) >= KEYS else []) + named


def ticket(name: str) -> str:
    """The argument of /auth/login that st.login sends: the provider's name, signed, valid for two minutes."""
    return auth_util.encode_provider_token(name)


def claims(request: Request) -> dict:
    """Claims of a sign-in at a provider just now: signed by this server, of this origin, fresh; else empty.

    Raises Denied for a signed answer that is of another origin or not fresh, which says so.
    """
    if not request.cookies.get(USER_COOKIE_NAME) or not names():
        return {}
    raw = starlette_websocket._get_signed_cookie_with_chunks(request.cookies, USER_COOKIE_NAME)
    try:
        payload = json.loads(raw or b"{}")
        fresh = time.time() - float(payload.get("iat", 0)) <= FRESH
    except (ValueError, TypeError):
        return {}
    if not payload.get("is_logged_in"):
        return {}
    origin, host = urlsplit(str(payload.get("origin", ""))).netloc, request.headers.get("host", "")
    if origin != host:
        raise Denied(MISPLACED.format(host=host, origin=origin, url=process.settings().public_url))
    if not fresh:
        raise Denied(STALE)
    return payload


def forget(response: Response, request: Request) -> Response:
    """Delete all parts of the cookie: it is valid for one sign-in."""
    for name in request.cookies:
        if name.startswith((USER_COOKIE_NAME, TOKENS_COOKIE_NAME)):
            response.delete_cookie(name, path="/")
    return response
