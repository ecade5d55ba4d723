"""A fix that depends on another one, because its input meets another fault of production further on.

Met on a new base by its regression test, the fix is not wrong: it waits for the other issue's fix and is tested again;
a person gets it only when the other issue ends without one, or when the wait has become too long. Met while the fix is
written, the best fix may look wrong: it is written anew once the other issue is fixed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sqlmodel import Session, col, select

from core.db import store
from core.models import ENDED, ChangeSet, Crash, Issue, Status
from core.ops import stage_log
from core.repair.localize.fixability import deepest_in_app
from core.runtime import Runtime
from core.signals.grouping import stack
from core.stages.crashes import best_crash

LOOK = 15.0  # seconds between two looks at the other issue
LOOKS = 480  # looks at one other issue: two hours
WAITS = "Waiting for the fix of issue "
LONGEST = 20  # issues of a chain in which each waits for the next one
CURED = (Status.RESOLVED, Status.DISMISSED)
Place = tuple[str, str, str]  # exception, file, function


def met(failures: Iterable[str]) -> set[Place]:
    """Where the failed runs of a test ended: pytest's short tracebacks name each frame's file and function. Pure."""
    return {place for text in failures if (place := _ended(text))}


def _ended(text: str) -> Place | None:
    kind = re.match(r"failure: (?:\w+\.)*(\w+)\b", text)
    frames = re.findall(r"^(\S+?):\d+: in (\S+)", text, re.M)
    return (kind[1], stack.normal_file(frames[-1][0]), frames[-1][1]) if kind and frames else None


def place_of(crash: Crash | None) -> Place | None:
    if crash is None:
        return None
    frame = deepest_in_app(crash)
    return (crash.exception.type.rpartition(".")[2], stack.normal_file(frame.file), frame.function) if frame else None


def other(rt: Runtime, session: Session, issue: Issue, change: ChangeSet, failures: Iterable[str]) -> dict:
    """What the test met, for the test stage's result: {"met": issue, "says": in words}.

    The issue is 0 where none tells of that fault yet. Empty when it met its own crash again, an assertion, or nothing
    that can be told: then the fix itself is in doubt.
    """
    places = met(failures)
    own = _place(session, issue)
    inside = {place for place in places if place[1] != change.test_path and place[0] != "AssertionError"}
    if own is None or not places or inside != places or own in places:
        return {}
    found = next((one for one in _open(rt, session, issue) if _place(session, one) in places), None)
    says = f"its regression test hits another production bug: {_named(found)}"
    return {"met": found.id if found else 0, "says": says}


def further_on(rt: Runtime, session: Session, issue: Issue, change: ChangeSet) -> dict:
    """{"met": issue} when a proposed fix led the reported input to the fault of an issue that is being worked on."""
    places = {(kind, stack.normal_file(file), function) for kind, file, function in change.proof.get("further", ())}
    places.discard(_place(session, issue) or ("", "", ""))
    if not places:
        return {}
    at_work = (one for one in _open(rt, session, issue) if one.status not in (*ENDED, Status.SCHEDULED))
    return next(({"met": one.id} for one in at_work if _place(session, one) in places), {})


def _named(issue: Issue | None) -> str:
    return f"issue {issue.id} ({_title(issue)})" if issue else "one that no issue covers yet"


def _title(issue: Issue) -> str:
    return f"{issue.title[:120]}, in {issue.service}"


def _waits_for(session: Session, issue: Issue, awaited: int) -> bool:
    """Does the issue wait for the awaited one, or for one that does?"""
    for _ in range(LONGEST):
        told = re.match(rf"{WAITS}(\d+) ", issue.reason) if issue.status is Status.QUEUED else None
        if not told or int(told[1]) == awaited:
            return told is not None
        issue = session.get_one(Issue, int(told[1]))
    return False


def _place(session: Session, issue: Issue) -> Place | None:
    return place_of(best_crash(session, issue.id))


def _open(rt: Runtime, session: Session, issue: Issue) -> Iterator[Issue]:
    """Other issues of the repository that are not cured: first those at work, the newest first."""
    repository = rt.policy.services[issue.service].repository
    services = [name for name, service in rt.policy.services.items() if service.repository == repository]
    where = (col(Issue.service).in_(services), Issue.id != issue.id, col(Issue.status).not_in(CURED))
    found = session.exec(select(Issue).where(*where).order_by(col(Issue.id).desc())).all()
    return iter(sorted(found, key=lambda one: one.status in (*ENDED, Status.SCHEDULED)))


def look(rt: Runtime, issue_id: int, run: int, met: int, looks: int) -> dict:
    """Seconds until the next look; at 0 the fix is tried again if ``ok``, else a person gets it.

    ``circle``: the other issue waits for this one in its turn. Both tests were written for inputs of another day; one
    that is written on what production reports today need not meet the other fault.
    """
    with store.write() as session:
        other = session.get(Issue, met) if met else None
        if other is None:  # it has an issue by the next try, or is gone
            return {"ok": True, "seconds": 0.0 if looks else LOOK}
        if other.status in CURED:
            return {"ok": True, "seconds": 0.0}
        if other.status in ENDED or looks >= LOOKS:
            return {"ok": False, "seconds": 0.0, "says": f"it waited for the fix of {_named(other)}, which has no fix"}
        stage_log.move(session, issue_id, Status.QUEUED, f"{WAITS}{other.id} ({_title(other)})")
        if looks and _waits_for(session, other, issue_id):
            return {"ok": False, "circle": True, "seconds": 0.0, "says": f"it and {_named(other)} wait for each other"}
    return {"ok": True, "seconds": LOOK}
