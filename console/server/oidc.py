"""Why a sign-in through an identity provider failed, for the person and for the admin who can change it.

Streamlit's own routes (``st.login``) answer a failure by a redirect without a word, and log the exception. This
middleware collects what was logged for its request, and answers with the sign-in page that says the cause. The log
gets the kind of error and the provider's own code and words, redacted; never a code, token or secret.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from console.server import provider
from core.vendors.redact import Redactor

log = logging.getLogger(__name__)
PATHS = ("/auth/login", "/oauth2callback")
STREAMLITS = "streamlit.web.server.starlette.starlette_auth_routes"


@dataclass(frozen=True)
class SignInFault:
    """``message`` is for the person who signs in, ``fix`` for the admin."""

    message: str
    fix: str


UNKNOWN = SignInFault(
    "The sign-in through the identity provider failed.",
    "The log of the console has the provider's answer. Check [auth] in .streamlit/secrets.toml.",
)
CAUSES: tuple[tuple[str, SignInFault], ...] = (  # the first whose pattern is in what was seen
    (r"invalid_client|unauthorized_client|\b401\b", SignInFault(
        "The identity provider does not accept this platform: its client id or client secret is wrong.",
        "Set client_id and client_secret of [auth] in .streamlit/secrets.toml as the provider shows them. A secret can "
        "expire: create a new one if in doubt.")),
    (r"redirect[_ ]?uri", SignInFault(
        "The identity provider does not know the address that it should return to.",
        "Enter redirect_uri of [auth], character by character, at the provider. It is PUBLIC_URL/oauth2callback.")),
    (r"access_denied|consent_required|interaction_required|login_required", SignInFault(
        "The identity provider did not let you in, or you cancelled.",
        "Assign the person or their group to this application at the provider.")),
    (r"expired|\biat\b|\bnbf\b|issued in the future|not valid yet", SignInFault(
        "The identity provider's answer is expired or not valid yet: two clocks differ.",
        "Compare the clock of this server with the real time (date -u), and let NTP set it.")),
    (r"connect|timeout|timed out|resolve|unreachable|name or service|\b50[234]\b", SignInFault(
        "The identity provider cannot be reached from this platform.",
        "Check server_metadata_url of [auth], and the DNS, proxy and firewall of this server.")),
    (r"certificate|ssl", SignInFault(
        "This server does not trust the certificate of the identity provider.",
        "Add the provider's certificate authority to this server, e.g. by SSL_CERT_FILE.")),
    (r"\b404\b|jwks_uri|metadata|jsondecode", SignInFault(
        "The identity provider's description was not found at its address.",
        "server_metadata_url of [auth] must end in /.well-known/openid-configuration of the provider.")),
    (r"bad_?signature|(invalid|missing)_?claim|\b(iss|aud)\b|nonce|invalidkeyid|decode|invalid_?token", SignInFault(
        "The identity provider's answer is not for this platform, or is not signed as its description says.",
        "client_id and server_metadata_url of [auth] must belong to the same application at the provider.")),
    (r"invalid_grant|mismatching_state|missing provider|\bstate\b|csrf", SignInFault(
        "This sign-in was started too long ago, or in another tab or browser. Start again.",
        "If it happens each time: open the console at the host of redirect_uri, and allow its cookies.")),
)  # fmt: skip


def explain(seen: Iterable[str]) -> SignInFault:
    text = "\n".join(seen).lower()
    return next((fault for pattern, fault in CAUSES if re.search(pattern, text)), UNKNOWN)


_seen: ContextVar[list[str] | None] = ContextVar("seen", default=None)


class _Collector(logging.Handler):
    """Keeps what Streamlit's routes log for the request at hand."""

    def emit(self, record: logging.LogRecord) -> None:
        seen = _seen.get()
        if seen is None:
            return
        error = record.exc_info[1] if record.exc_info else None
        while error is not None:
            seen.append(f"{type(error).__name__}: {error}")
            error = error.__cause__
        seen.append(record.getMessage())


logging.getLogger(STREAMLITS).addHandler(_Collector())


class Explained:
    """Answers a failed sign-in of Streamlit's routes with the reason."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS or not provider.names():
            await self.app(scope, receive, send)
            return
        seen: list[str] = []
        mark, held = _seen.set(seen), list[Message]()
        try:
            await self.app(scope, receive, _into(held))
        except Exception as error:  # e.g. metadata that is no JSON: a page instead of a bare 500
            seen.append(f"{type(error).__name__}: {error}")
        finally:
            _seen.reset(mark)
        request = Request(scope)
        if _failed(request, held, seen):
            await _answer(request, seen)(scope, receive, send)
            return
        for message in held:
            await send(message)


def _into(held: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        held.append(message)

    return keep


def _failed(request: Request, held: list[Message], seen: list[str]) -> bool:
    """Whether it leads neither to the provider nor back with a person."""
    start = next((message for message in held if message["type"] == "http.response.start"), None)
    if start is None or start["status"] >= 400:
        return True
    cookies = [value for name, value in start["headers"] if name == b"set-cookie"]
    named = any(cookie.startswith(USER_COOKIE_NAME.encode()) and b"Max-Age=0" not in cookie for cookie in cookies)
    return request.url.path == "/oauth2callback" and not named or bool(seen) and not named


def _answer(request: Request, seen: list[str]) -> Response:
    from console.server import signin

    fault = explain(seen)
    log.warning("sign-in through the identity provider failed: %s", "; ".join(map(_line, seen))[:1000] or "no reason")
    return provider.forget(signin.refused(request, f"{fault.message} For the admin: {fault.fix}"), request)


def _line(text: str) -> str:
    """One printable line without addresses' queries and secrets."""
    clean = re.sub(r"\?[^\s'\"]*", "?…", text)
    return Redactor()("".join(c if c.isprintable() else " " for c in clean))
