"""The identity providers of Streamlit's [auth] secrets, and the cookie that they leave behind."""

from __future__ import annotations

import json
import time
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from streamlit import auth_util
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_server_config import TOKENS_COOKIE_NAME, USER_COOKIE_NAME

FRESH = 300.0  # seconds since the provider issued the token; the cookie alone would be good for 30 days
KEYS = {"client_id", "client_secret", "server_metadata_url"}


def names() -> list[str]:
    """Names of the configured providers, "default" for a nameless one; empty: passwords only."""
    section = auth_util.get_secrets_auth_section()
    if not section or "redirect_uri" not in section:
        return []
    named = [name for name, value in section.items() if hasattr(value, "keys") and set(value) >= KEYS]
    return (["default"] if set(section) >= KEYS else []) + named


def ticket(name: str) -> str:
    """What st.login hands to /auth/login: the provider's name, signed, for two minutes."""
    return auth_util.encode_provider_token(name)


def claims(request: Request) -> dict:
    """Claims of a sign-in at a provider just now: signed by this server, of this origin, fresh; else empty."""
    if not request.cookies.get(USER_COOKIE_NAME) or not names():
        return {}
    raw = starlette_websocket._get_signed_cookie_with_chunks(request.cookies, USER_COOKIE_NAME)
    try:
        told = json.loads(raw or b"{}")
        fresh = time.time() - float(told.get("iat", 0)) <= FRESH
    except (ValueError, TypeError):
        return {}
    here = urlsplit(told.get("origin", "")).netloc == request.headers.get("host")
    return told if fresh and here and told.get("is_logged_in") else {}


def forget(response: Response, request: Request) -> Response:
    """Delete the cookie with all its parts: it was a ticket for one sign-in."""
    for name in request.cookies:
        if name.startswith((USER_COOKIE_NAME, TOKENS_COOKIE_NAME)):
            response.delete_cookie(name, path="/")
    return response
