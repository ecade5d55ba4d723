"""/preferences: a person's time zone and theme, server-rendered; and the theme's script for the console's pages."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.server import auth, signin
from console.server.signin_page import document
from console.ui.markup import Safe, tag
from core.access import preferences as kept
from core.access import sessions
from core.access.preferences import THEMES, Preferences

FORCED = """<style>:root{{color-scheme:{theme}}}body{{background:{ground}}}</style><script>(() => {{
    const real = window.matchMedia.bind(window), theme = "{theme}";
    window.matchMedia = (query) => {{
      const found = real(query);
      if (!/prefers-color-scheme/.test(query)) return found;
      const deaf = () => {{}};
      return {{matches: query.includes(theme), media: query, onchange: null, addEventListener: deaf,
        removeEventListener: deaf, addListener: deaf, removeListener: deaf, dispatchEvent: () => false}};
    }};
  }})()</script>"""
GROUNDS = {"light": "#f7f8fa", "dark": "#0d131e"}


def forced(theme: str) -> str:
    """What makes a page light or dark whatever the browser says; empty for a person who follows the browser."""
    return FORCED.format(theme=theme, ground=GROUNDS[theme]) if theme in GROUNDS else ""


def preferences(*, ticket: str, wanted: Preferences, message: str = "") -> str:
    zones = tag("datalist", *(tag("option", value=name) for name in sorted(kept.zones())), id="zones")
    chosen = {"selected": ""}
    themes = (
        tag("option", label, value=key, **(chosen if key == wanted.theme else {})) for key, label in THEMES.items()
    )
    form = tag(
        "form",
        tag("label", "Time zone", for_="zone"),
        _input(id="zone", name_="zone", list="zones", value=wanted.zone, maxlength="60"),
        zones,
        tag("label", "Theme", for_="theme"),
        tag("select", *themes, id="theme", name_="theme"),
        _input(name_="ticket", type="hidden", value=ticket),
        tag("button", "Save"),
        method="post", action="/preferences",
    )  # fmt: skip
    alert = tag("div", message, class_="says", role="alert") if message else ""
    back = tag("a", "Back to the console", href="/", class_="go quiet")
    words = tag("p", "All times in the console are shown in your time zone.")
    return document("Preferences", tag("section", tag("h1", "Preferences"), words, alert, form, back))


def _input(**attributes: str) -> Safe:
    return Safe(tag("input", **attributes).removesuffix("</input>"))


async def page(request: Request) -> Response:
    """Show and keep the preferences of the person behind this browser's session."""
    session = await asyncio.to_thread(auth.session_of, request)
    name = session and await asyncio.to_thread(sessions.person, session)
    if not session or not name:
        return RedirectResponse("/login", 303)
    wanted = await asyncio.to_thread(kept.of, session)
    if request.method == "GET":
        return signin.form_page(request, preferences, wanted=wanted)
    given = await signin.form(request)
    if given is None:
        return signin.form_page(request, preferences, 403, wanted=wanted, message=signin.FORGED)
    wanted = Preferences(given.get("zone", "").strip(), given.get("theme", ""))
    try:
        await asyncio.to_thread(kept.keep, name, wanted)
    except ValueError as error:
        return signin.form_page(request, preferences, 400, wanted=wanted, message=str(error))
    return RedirectResponse("/", 303, {"Cache-Control": "no-store"})


ROUTES = [Route("/preferences", page, methods=["GET", "POST"])]
