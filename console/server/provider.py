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

FRESH = 300.0  # seconds since the provider issued the token; the cookie itself is valid for 30 days
KEYS = {"client_id", "client_secret", "server_metadata_url"}


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
    """The claims of a recent sign-in at a provider, signed by this server for this origin; otherwise empty."""
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
    """Delete all parts of the cookie: it is valid for one sign-in."""
    for name in request.cookies:
        if name.startswith((USER_COOKIE_NAME, TOKENS_COOKIE_NAME)):
            response.delete_cookie(name, path="/")
    return response
