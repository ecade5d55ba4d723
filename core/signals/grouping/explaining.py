"""Which open crash explains a symptom: slow or failing requests of the service that crashes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from core.signals.grouping.open_issue import Open
from core.signals.grouping.symptoms import AVAILABILITY, ERRORS, LATENCY, SIGNS

EARLY = timedelta(minutes=15)  # an alert may begin so long before the first report of its crash
ACTIVE = timedelta(minutes=45)  # a crash that was not reported for so long is over
HOURS = timedelta(hours=12)  # an older crash is no news: it does not explain what begins now
SLOW = ("timeout", "connection")  # crashes that make requests slow
EXPLAINED = (ERRORS, LATENCY, AVAILABILITY)


def explains(crash: Open, symptom: Open) -> bool:
    """Does the crash affect the service and endpoint of the symptom, and was it active when the symptom began?

    A crash makes requests fail, not slow: it explains latency only where the request waited before it failed.
    """
    if crash.kind in SIGNS or not crash.type or symptom.symptom not in EXPLAINED:
        return False
    if not crash.services & symptom.services:
        return False
    if crash.endpoints and symptom.endpoints and not crash.endpoints & symptom.endpoints:
        return False
    if symptom.symptom == LATENCY and crash.operation not in SLOW:
        return False
    late = symptom.first_seen - crash.first_seen
    over = min(filter(None, (crash.ended, crash.last_seen + ACTIVE)))
    return -EARLY <= late <= HOURS and symptom.first_seen <= over


def explanation(symptom: Open, crashes: Iterable[Open]) -> Open | None:
    """Of the crashes that explain it: one that names its endpoint, then the one that began nearest to it."""
    found = [crash for crash in crashes if explains(crash, symptom)]
    return min(found, key=lambda crash: _rank(crash, symptom), default=None)


def _rank(crash: Open, symptom: Open) -> tuple:
    named = bool(crash.endpoints & symptom.endpoints)
    return not named, abs(symptom.first_seen - crash.first_seen), crash.id
