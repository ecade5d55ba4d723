"""Holds on releases: a banner on every page while one is active, and the buttons on the Pipeline page."""

from __future__ import annotations

from datetime import UTC, datetime

from console import process
from console.ui.confirm import Offer, buttons
from console.ui.markup import Safe, link, moment, tag
from console.ui.widgets import badge, draw
from core.db import store
from core.decision import windows
from core.models.kept import Hold
from core.policy.reader import Policy
from core.stages.deliver import holds
from core.stages.deliver.holds import EVERYTHING


def _standing() -> list[Hold]:
    with store.read() as session:
        return holds.standing(session)


def _line(sign: str, title: str, text: str, aside: Safe | str = "") -> Safe:
    words = tag("span", tag("b", title), " ", text, " ", aside)
    return tag("div", badge("bad", sign, "held"), words, class_="d-hold", role="status")


def _told(hold: Hold) -> Safe:
    more = link("/pipeline", "Pipeline")
    if hold.scope == EVERYTHING:
        because = f": {hold.reason}" if hold.reason else ""
        return _line("■", "Releases are stopped.", f"{hold.by}, {moment(hold.at)}{because}", more)
    return _line("◆", f"Automatic releases of {hold.scope} are on hold.", f"The brake is on: {hold.reason}.", more)


def _frozen(policy: Policy) -> list[Safe]:
    at = datetime.now(UTC)
    return [
        _line("❄", "Releases are frozen.", f"{windows.describe(f)}, {', '.join(f.repositories) or 'all repositories'}.")
        for f in policy.guards.freezes
        if f.start <= at < f.end
    ]


def banner() -> None:
    """One line for each hold and freeze; nothing while releases run."""
    draw(*map(_told, _standing()), *_frozen(process.policy()[0]))


def controls() -> None:
    """Stop or start all releases, and lift each brake."""
    standing = _standing()
    stopped = any(hold.scope == EVERYTHING for hold in standing)
    offers = [Offer("start" if stopped else "stop", EVERYTHING, name="releases")]
    brakes = [hold for hold in standing if hold.scope != EVERYTHING]
    offers += [Offer("lift", b.scope, b.reason, name=b.scope, label=f"Lift the brake of {b.scope}") for b in brakes]
    buttons(offers, shortcuts=len(brakes) < 2)
