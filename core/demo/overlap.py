"""``demo run --overlap``: ships every fault within two minutes and reports how each one ended.

A fault's issue is the one of its service with its exception; a slowdown's issue is the one of its service without an
exception; a finding's issue has the words of its fault in its title. Code crashes and findings must end fixed and live:
production at the end must pass each fault's hidden checks. A harmful fix must be rolled back. A fault that no patch can
fix must end with a person, with its cause.

The right decision is the matrix's for the fault alone: from the share of its service's requests that really fail, the
impact in the catalogue, and the platform's confidence. The drill starts a fault that the matrix schedules at once, as a
person may. Releases that wait for the hourly limit must wait until nothing else moves; then a person raises the limit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.demo.faults import DemoFault
from core.policy.reader import Policy

SPAN = 120.0  # seconds in which all faults are shipped
LONGEST = 1800.0  # seconds from the last fault to the end of the drill
QUIET = 30.0  # seconds without a change until everything has settled
EVERY = 5.0
ENDED = ("resolved", "escalated", "dismissed")
AUTO, SCHEDULE, ESCALATE = "AUTO_RESOLVE", "SCHEDULE_MAINTENANCE", "ESCALATE_HUMAN"
Issues = Sequence[Mapping]
CURABLE = ("code", "security", "performance")
KINDS = {"security": "security"}  # kind of the issue by kind of the fault; else a crash, or neither
NAMED = ("exception", "security")


@dataclass(frozen=True)
class OverlapWorld:
    """The drill's interface to the demo."""

    policy: Policy
    ship: Callable[[DemoFault], float]  # -> time of shipping, in seconds since 1970
    issues: Callable[[], Issues]
    answers: Mapping[str, Callable[[int], None]]  # a person's action on an issue, by status
    raise_limit: Callable[[], None]
    behaves: Callable[[DemoFault], bool]
    seconds: Callable[[Mapping, float], float | None]
    curable: Sequence[str] = CURABLE  # kinds of faults that must end fixed


def plan(faults: Sequence[DemoFault], seed: int) -> list[tuple[float, DemoFault]]:
    """When each fault is shipped, in seconds from the start; the seed gives the order and the times."""
    chance = random.Random(seed)
    order = chance.sample(list(faults), len(faults))
    return list(zip(sorted(chance.uniform(0.0, SPAN) for _ in order), order, strict=True))


def run(world: OverlapWorld, faults: Sequence[DemoFault], seed: int) -> Iterator[dict]:
    """One row per fault, after everything has ended."""
    shipped = dict(_ship_all(world, plan(faults, seed)))
    queued = _settle(world, time.monotonic() + LONGEST)
    if queued:
        world.raise_limit()
        _settle(world, time.monotonic() + LONGEST)
    issues = world.issues()
    for fault in faults:
        found = of(fault, issues)
        yield row(world, fault, shipped[fault.name], found, bool(found) and found["id"] in queued)


def _ship_all(world: OverlapWorld, times: Sequence[tuple[float, DemoFault]]) -> Iterator[tuple[str, float]]:
    begun = time.monotonic()
    for at, fault in times:
        while (left := at - (time.monotonic() - begun)) > 0:
            time.sleep(min(left, EVERY))
            _answer(world)
        yield fault.name, world.ship(fault)


def _answer(world: OverlapWorld) -> Issues:
    """Act as the person; returns the issues."""
    issues = world.issues()
    for issue in issues:
        if answer := world.answers.get(issue["status"]):
            answer(issue["id"])
    return issues


def _settle(world: OverlapWorld, deadline: float) -> set[int]:
    """Wait until every issue has ended, or waits for the limit or for another one, and nothing changes for a while.

    Returns the issues that wait for the limit.
    """
    last, since = None, time.monotonic()
    while True:
        issues = _answer(world)
        queued = {issue["id"] for issue in issues if limited(issue)}
        states = sorted((issue["id"], issue["run"], issue["status"]) for issue in issues)
        if states != last or any(issue["status"] not in ENDED and not waits(issue) for issue in issues):
            last, since = states, time.monotonic()
        if time.monotonic() - since > QUIET or time.monotonic() > deadline:
            return queued
        time.sleep(EVERY)


def waits(issue: Mapping) -> bool:
    """Does its release wait for something other than its turn, or does another issue explain it?"""
    return bool(issue.get("parent")) or issue["status"] == "queued" and issue["reason"].startswith("Waiting")


def limited(issue: Mapping) -> bool:
    """Does it wait for the hourly limit of deployments?"""
    return waits(issue) and issue["reason"].endswith("an hour reached")


def of(fault: DemoFault, issues: Issues) -> Mapping | None:
    """The fault's own issue: the first of its service with its exception, else the first with its exception."""
    issues = [i for i in issues if not i.get("parent")]
    kind = KINDS.get(fault.kind) or ("exception" if fault.exception else "")
    matching = [
        i for i in issues if fault.exception in i["title"] and (i["kind"] == kind if kind else i["kind"] not in NAMED)
    ]
    return min(matching, key=lambda i: (i["service"] != fault.service, i["id"]), default=None)


def expected(fault: DemoFault, issue: Mapping | None, policy: Policy) -> str:
    """The matrix's decision (docs/architecture.md) for the fault alone, implemented independently. Pure."""
    confidence = (issue or {}).get("confidence")
    if fault.expected == ESCALATE or confidence is None:
        return fault.expected
    impact, t = policy.services[fault.service].impact, policy.thresholds
    mild, contained = fault.fails < policy.severity.high, impact == "low"
    matrix = (
        (AUTO, confidence >= t.auto_any and impact != "high"),
        (AUTO, confidence >= t.auto_mild and mild),
        (AUTO, confidence >= t.auto_contained and contained and not mild),
        (SCHEDULE, confidence >= t.escalate_below and mild and impact == "medium"),
    )
    return next((verdict for verdict, holds in matrix if holds), ESCALATE)


def row(world: OverlapWorld, fault: DemoFault, shipped: float, issue: Mapping | None, queued: bool = False) -> dict:
    outcome = issue["status"] if issue else "not found"
    decision = (issue or {}).get("verdict") or "-"
    curable = fault.kind in world.curable
    wanted = "resolved" if curable else "escalated"
    live = world.behaves(fault) if curable else None
    rollbacks = issue["rollbacks"] if issue else 0
    due = expected(fault, issue, world.policy)
    right = (decision, outcome, rollbacks) == (due, wanted, int(fault.kind == "backfire"))
    return {
        "fault": fault.name,
        "decision": decision,
        "expected_decision": due,
        "outcome": outcome,
        "expected_outcome": wanted,
        "seconds": world.seconds(issue, shipped) if issue else None,
        "rollbacks": rollbacks,
        "queued": queued,
        "behaves": live,
        "right": right and live is not False,
        "confidence": (issue or {}).get("confidence"),
        "cause": (issue or {}).get("cause"),
        "reason": (issue or {}).get("reason", "")[:300],
    }
