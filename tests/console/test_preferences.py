"""A person's time zone and theme: kept, refused, and followed by every page."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console.server import app as server
from console.server import assets, first_paint
from console.ui import markup
from core.access import preferences, sessions
from core.access.preferences import Preferences
from core.db import store
from core.models import AuditRow
from core.models.access import Person
from tests import scenes, screens

SESSION = sessions.digest("viewer")
PAGE = {"accept": "text/html"}


@pytest.fixture
def client(console):
    with TestClient(Starlette(routes=server.app._user_routes, middleware=server.app._user_middleware)) as found:
        found.cookies.set("session", screens.cookie("viewer", "testclient"))
        yield found


def send(client, **given):
    ticket = re.search(r'name="ticket"[^>]*value="([^"]*)"', client.get("/preferences", headers=PAGE).text)[1]
    return client.post("/preferences", data={"ticket": ticket, **given}, follow_redirects=False)


def test_preferences_are_kept_and_audited(client):
    assert send(client, zone="Europe/Berlin", theme="dark").status_code == 303
    assert preferences.of(SESSION) == Preferences("Europe/Berlin", "dark")
    with store.read() as session:
        [row] = session.exec(select(AuditRow).where(AuditRow.action == "preferences")).all()
        assert (row.actor, row.detail) == ("viewer", {"zone": "Europe/Berlin", "theme": "dark"})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"zone": "Mars/Olympus", "theme": ""}, "is not a time zone"),
        ({"zone": "../../etc/passwd", "theme": ""}, "is not a time zone"),
        ({"zone": "<script>alert(1)</script>", "theme": ""}, "is not a time zone"),
        ({"zone": "UTC", "theme": "</style><script>"}, "Choose a theme"),
    ],
)
def test_a_wrong_preference_is_refused(client, given, says):
    answer = send(client, **given)
    assert answer.status_code == 400 and says in answer.text and "<script" not in answer.text
    assert preferences.of(SESSION) == Preferences()


def test_a_form_without_its_ticket_changes_nothing(client):
    answer = client.post("/preferences", data={"zone": "Europe/Berlin", "theme": "dark"}, follow_redirects=False)
    assert answer.status_code == 403 and preferences.of(SESSION) == Preferences()


def test_nobody_has_preferences_without_a_session(client):
    client.cookies.clear()
    assert client.get("/preferences", headers=PAGE, follow_redirects=False).status_code == 303


def stored(zone: str, theme: str = "") -> None:
    with store.write() as session:
        person = session.get_one(Person, "viewer")
        person.zone, person.theme = zone, theme


@pytest.mark.parametrize(("zone", "shown"), [("", "12:00:00 UTC"), ("Asia/Tokyo", "21:00:00 JST"), ("gone", "UTC")])
def test_times_are_shown_in_the_zone(console, zone, shown):
    stored(zone)
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)
    token = markup.ZONE.set(preferences.of(SESSION).tzinfo)
    try:
        assert shown in markup.moment(at) and shown in markup.clock(at) and shown in markup.when(at)
    finally:
        markup.ZONE.reset(token)


def test_every_page_follows_the_zone(console):
    stored("Asia/Tokyo")
    with store.write() as session:
        made = scenes.story(session)
    page = screens.seen(screens.visit("issues", "viewer", issue=made.id))
    assert " JST" in page and not re.search(r"\d\d:\d\d UTC", page)
    assert " UTC" in screens.seen(screens.visit("issues", "bob", issue=made.id)), "the next person has their own"
    assert "JST" in first_paint.html("/kpis", "", SESSION)


@pytest.mark.parametrize(("theme", "forced"), [("", False), ("dark", True), ("light", True)])
def test_a_chosen_theme_is_set_before_the_page_is_drawn(console, theme, forced):
    stored("", theme)
    page = assets.page("/", "", SESSION).decode()
    assert ("window.matchMedia = " in page) is forced
    assert not forced or page.index(f"color-scheme:{theme}") < page.index('id="first"')
    assert "window.matchMedia = " not in assets.page("/", "", "").decode()
