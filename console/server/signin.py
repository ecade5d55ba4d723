"""/login, /logout and /password: server-rendered, without script; and the return from an identity provider.

Streamlit's own sign-in (``st.login``: /auth/login and /oauth2callback, configured by [auth] in secrets.toml) leaves a
signed cookie. A fresh one is accepted once and exchanged for the product's own session, which can be revoked.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from console import process
from console.server import address, auth, first_admin, forms, provider, signin_page
from core.access import accounts, sessions
from core.access.accounts import Denied
from core.policy.sections import Access

log = logging.getLogger(__name__)
tickets, attempts = forms.Tickets(), forms.Limiter()
FORGED = "This form has expired or was already submitted. Try again."
SLOW = "Too many attempts from your address. Wait five minutes, then try again."
GONE = "The database is not responding, so sign-in is unavailable. Run python -m core doctor for details."
NEXT, LARGEST = "next", 10_000  # bytes of a form


def local(to: str) -> str:
    """The address if it is inside the console; otherwise the first page, never another host."""
    fine = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if fine and not to.startswith(("/login", "/logout", "/password")) else "/"


def _rules() -> Access:
    return process.policy()[0].access


def form_page(request: Request, draw: Callable[..., str], status: int = 200, **values) -> Response:
    """The form that ``draw(ticket=..., **values)`` draws for the address of its name, with its ticket's cookie."""
    browser = forms.browser_of(request) or secrets.token_urlsafe(16)
    text = draw(ticket=tickets.give(browser, f"/{draw.__name__}"), **values)
    answer = HTMLResponse(text, status, {"Cache-Control": "no-store"})
    return forms.mark(answer, browser, auth.secure())


async def form(request: Request) -> Mapping[str, str] | None:
    """The form's fields; None for a forged, replayed, expired or oversized form."""
    if not forms.bounded(request, LARGEST) or not forms.same_origin(request):
        return None
    given = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    mine = tickets.take(given.get("ticket", ""), forms.browser_of(request), request.url.path)
    return given if mine else None


def _enter(request: Request, person: str, to: str) -> Response:
    """Begin a session, end the browser's previous one, and redirect. Blocks."""
    if old := auth.session_of(request):
        sessions.end(old)
    hours = _rules().session_hours
    value = sessions.begin(person, request.headers.get("user-agent", ""), address.client(request), hours)
    answer = RedirectResponse(local(to), 303, {"Cache-Control": "no-store"})
    answer.set_cookie(auth.cookie_name(), value, max_age=int(hours * 3600), httponly=True, samesite="lax",
                      secure=auth.secure(), path="/")  # fmt: skip
    return answer


# --- /login ----------------------------------------------------------------------------------------


def _with_store(answer: Callable) -> Callable:
    """The route; a database failure is shown on the sign-in page."""

    async def route(request: Request) -> Response:
        try:
            return await answer(request)
        except (SQLAlchemyError, RuntimeError):
            log.exception("sign-in is unavailable")
            return _login_page(request, message=GONE, status=503)

    return route


async def login(request: Request) -> Response:
    return await (_try(request) if request.method == "POST" else _welcome(request))


async def _welcome(request: Request) -> Response:
    to = request.query_params.get(NEXT, "/")
    try:
        if claims := provider.claims(request):
            to = request.cookies.get(NEXT, to)
            person = await asyncio.to_thread(accounts.from_provider, claims, _rules())
            answer = await asyncio.to_thread(_enter, request, person.name, to)
            return provider.forget(answer, request)
    except Denied as denied:
        log.warning("sign-in through the identity provider refused: %s", denied)
        return provider.forget(refused(request, str(denied)), request)
    session = await asyncio.to_thread(auth.session_of, request)
    if session and await asyncio.to_thread(sessions.actor, session):
        return RedirectResponse(local(to), 303)
    return _login_page(request, to)


async def _try(request: Request) -> Response:
    client = address.limited(request)
    if attempts.full(client):
        return _login_page(request, message=SLOW, status=429)
    given = await form(request)
    if given is None:
        return _login_page(request, message=FORGED, status=403)
    try:
        person = await asyncio.to_thread(accounts.sign_in, given.get("name", ""), given.get("password", ""), _rules())
    except Denied as denied:
        attempts.count(client)
        return _login_page(request, given.get(NEXT, "/"), message=str(denied), status=401)
    await asyncio.to_thread(first_admin.forget, person.name)
    return await asyncio.to_thread(_enter, request, person.name, given.get(NEXT, "/"))


def refused(request: Request, message: str) -> Response:
    """The sign-in page, which says why a provider's sign-in failed."""
    return _login_page(request, message=message, status=403)


def _login_page(request: Request, to: str = "/", message: str = "", status: int = 200) -> Response:
    return form_page(request, signin_page.login, status, to=local(to), message=message, providers=provider.names(),
                 demo=_demo(), hint=_hint())  # fmt: skip


def _hint() -> str:
    """Where the first admin's password is; the page is shown without it while the database fails."""
    try:
        return first_admin.hint()
    except (SQLAlchemyError, RuntimeError, OSError):
        return ""


def _demo() -> str:
    """The password of the demo's people; shown only if the vendors are simulated on this machine."""
    settings = process.settings()
    return settings.demo_password.get_secret_value() if settings.sandbox_url else ""


async def to_provider(request: Request) -> Response:
    """Redirect to an identity provider, as st.login does, and remember the requested page."""
    name = request.path_params["name"]
    if name not in provider.names():
        return RedirectResponse("/login", 303)
    answer = RedirectResponse(f"/auth/login?provider={quote(provider.ticket(name))}", 303)
    answer.set_cookie(NEXT, local(request.query_params.get(NEXT, "/")), max_age=600, httponly=True, samesite="lax",
                      secure=auth.secure(), path="/login")  # fmt: skip
    return answer


# --- /logout, /password ----------------------------------------------------------------------------


async def logout(request: Request) -> Response:
    """A link on the console's own pages signs out at once; a link from elsewhere needs confirmation."""
    if request.method == "POST" and await form(request) is None:
        return form_page(request, signin_page.logout, 403, message=FORGED)
    if request.method == "GET" and request.headers.get("sec-fetch-site") != "same-origin":
        return form_page(request, signin_page.logout)
    session = await asyncio.to_thread(auth.session_of, request)
    if session:
        await asyncio.to_thread(sessions.end, session)
    answer = _login_page(request, message="You are signed out.")
    answer.delete_cookie(auth.cookie_name(), path="/", secure=auth.secure(), httponly=True, samesite="lax")
    return provider.forget(answer, request)


async def password(request: Request) -> Response:
    """Change one's own password; the sessions of the old password end."""
    session = await asyncio.to_thread(auth.session_of, request)
    name = session and await asyncio.to_thread(sessions.person, session)
    if not name:
        return RedirectResponse("/login", 303)
    if request.method == "GET":
        return form_page(request, signin_page.password, name=name)
    given = await form(request)
    if given is None:
        return form_page(request, signin_page.password, 403, name=name, message=FORGED)
    client = address.limited(request)
    try:
        if attempts.full(client):
            raise Denied(SLOW)
        if given.get("new") != given.get("again"):
            raise ValueError("The two new passwords do not match.")
        words = given.get("old", ""), given.get("new", "")
        await asyncio.to_thread(accounts.change_password, name, *words, _rules())
    except (Denied, ValueError) as error:
        attempts.count(client)
        return form_page(request, signin_page.password, 400, name=name, message=str(error))
    return await asyncio.to_thread(_enter, request, name, "/")


ROUTES = [
    Route("/login", _with_store(login), methods=["GET", "POST"]),
    Route("/login/{name}", to_provider, methods=["GET"]),
    Route("/logout", _with_store(logout), methods=["GET", "POST"]),
    Route("/password", _with_store(password), methods=["GET", "POST"]),
]
