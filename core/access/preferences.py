"""How a person wants the console: the time zone of its times, and its theme."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from sqlmodel import Session

from core.access import sessions
from core.audit import chain
from core.db import store
from core.models.access import Person

UTC = "UTC"
THEMES = {"": "As the browser", "light": "Light", "dark": "Dark"}


@cache
def zones() -> frozenset[str]:
    """The names of the time zone database, read once: each read walks its whole folder, and every page needs them."""
    return frozenset(available_timezones())


@dataclass(frozen=True)
class Preferences:
    """``zone`` is a name of the IANA time zone database; ``theme`` a key of THEMES."""

    zone: str = UTC
    theme: str = ""

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone if self.zone in zones() else UTC)


def of(session_id: str) -> Preferences:
    """The preferences of the person behind a session; the defaults without a session."""
    with store.read() as session:
        found = sessions.behind(session, session_id)
    return _told(found) if found else Preferences()


def _told(person: Person) -> Preferences:
    return Preferences(person.zone or UTC, person.theme if person.theme in THEMES else "")


def keep(name: str, wanted: Preferences) -> None:
    """Raises ValueError for an unknown time zone or theme."""
    if wanted.zone not in zones():
        raise ValueError(f"{wanted.zone[:60]!r} is not a time zone. Enter a name such as Europe/Berlin or UTC.")
    if wanted.theme not in THEMES:
        raise ValueError("Choose a theme from the list.")
    with store.write() as session:
        _keep(session, name, wanted)


def _keep(session: Session, name: str, wanted: Preferences) -> None:
    found = session.get_one(Person, name)
    found.zone, found.theme = wanted.zone, wanted.theme
    chain.record(session, name, "preferences", f"person/{name}", {"zone": wanted.zone, "theme": wanted.theme})
