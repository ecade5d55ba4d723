"""Handles a fix that depends on another issue's fix, because its input also triggers that issue's fault.

If the regression test hits the other fault on a new base, the fix is not wrong: it waits for the other issue's fix and
is tested again. It is escalated only if the other issue ends without a fix or the wait is too long. If this happens
while the fix is being written, even the best fix may look wrong, so it is written again once the other issue is fixed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlmodel import Session, col, select

from core.db import store
from core.models import ENDED, ChangeSet, Crash, Issue, Status
from core.ops import stage_log
from core.repair.localize.fixability import deepest_in_app
from core.runtime import Runtime
from core.signals.grouping import stack
from core.stages.context import StepContext
from core.stages.crashes import best_crash
from core.stages.results import Awaited

LOOK = 15.0  # seconds between two looks at the other issue
LOOKS = 480  # at one other issue: two hours in total
WAITS = "Waiting for the fix of issue "
LONGEST = 20  # issues in a chain where each waits for the next
CURED = (Status.RESOLVED, Status.DISMISSED)
Place = tuple[str, str, str]  # exception, file, function


@dataclass(frozen=True)
class OtherFault:
    """Another fault that a regression test hit. ``issue_id`` is 0 if it has no issue yet."""

    issue_id: int
    message: str


def met(failures: Iterable[str]) -> set[Place]:
    """Where the failed runs of a test ended, from pytest's short tracebacks, which name files and functions. Pure."""
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


def other(rt: Runtime, session: Session, issue: Issue, change: ChangeSet, failures: Iterable[str]) -> OtherFault | None:
    """The fault that the test hit. None if it hit its own crash again, an assertion, or an unknown
    failure: then the fix itself is in doubt.
    """
    places = met(failures)
    own = _place(session, issue)
    inside = {place for place in places if place[1] != change.test_path and place[0] != "AssertionError"}
    if own is None or not places or inside != places or own in places:
        return None
    found = next((one for one in _open(rt, session, issue) if _place(session, one) in places), None)
    message = f"its regression test hits another production bug: {_named(found)}"
    return OtherFault(found.id if found else 0, message)


def further_on(rt: Runtime, session: Session, issue: Issue, change: ChangeSet) -> int | None:
    """The issue in progress whose fault the reported input hits after a proposed fix."""
    places = {(kind, stack.normal_file(file), function) for kind, file, function in change.proof.get("further", ())}
    places.discard(_place(session, issue) or ("", "", ""))
    if not places:
        return None
    at_work = (one for one in _open(rt, session, issue) if one.status not in (*ENDED, Status.SCHEDULED))
    return next((one.id for one in at_work if _place(session, one) in places), None)


def _named(issue: Issue | None) -> str:
    return f"issue {issue.id} ({_title(issue)})" if issue else "one that no issue covers yet"


def _title(issue: Issue) -> str:
    return f"{issue.title[:120]}, in {issue.where}"


def _waits_for(session: Session, issue: Issue, awaited: int) -> bool:
    """Does the issue wait for the awaited one, directly or indirectly?"""
    for _ in range(LONGEST):
        found = re.match(rf"{WAITS}(\d+) ", issue.reason) if issue.status is Status.QUEUED else None
        if not found or int(found[1]) == awaited:
            return found is not None
        issue = session.get_one(Issue, int(found[1]))
    return False


def _place(session: Session, issue: Issue) -> Place | None:
    return place_of(best_crash(session, issue.id))


def _open(rt: Runtime, session: Session, issue: Issue) -> Iterator[Issue]:
    """Other unfixed issues of the repository: those in progress first, then newest first."""
    repository = rt.policy.services[issue.service].repository
    services = [name for name, service in rt.policy.services.items() if service.repository == repository]
    where = (Issue.of_service(*services), Issue.id != issue.id, col(Issue.status).not_in(CURED))
    found = session.exec(select(Issue).where(*where).order_by(col(Issue.id).desc())).all()
    return iter(sorted(found, key=lambda one: one.status in (*ENDED, Status.SCHEDULED)))


def look(context: StepContext, met: int, looks: int) -> Awaited:
    """Seconds until the next look; at 0 the fix is tried again if ``ok``, otherwise escalated.

    ``circle``: the other issue waits for this one in turn. Both tests use older inputs; a test with an input that
    production reports today may not hit the other fault.
    """
    with store.write() as session:
        other = session.get(Issue, met) if met else None
        if other is None:  # by the next attempt, the fault has an issue or is fixed
            return Awaited(0.0 if looks else LOOK, ok=True)
        if other.status in CURED:
            return Awaited(ok=True)
        if other.status in ENDED or looks >= LOOKS:
            return Awaited(message=f"it waited for the fix of {_named(other)}, which has no fix")
        stage_log.move(session, context.issue_id, Status.QUEUED, f"{WAITS}{other.id} ({_title(other)})")
        if looks and _waits_for(session, other, context.issue_id):
            return Awaited(circle=True, message=f"it and {_named(other)} wait for each other")
    return Awaited(LOOK, ok=True)
