"""``demo run --overlap``: every fault shipped within two minutes, as bad days come, and how each one ended.

A fault's issue is the one of its service with its exception; a slowness is the one of its service without one. Code
crashes have to end fixed and live, by the hidden checks of each on what production runs at the end; the fix that harms
has to be rolled back; what no patch can cure has to end with a person, with its cause.

The decision that is right is what the matrix says of the fault alone: of how many of its service's requests really
fail by it, of the impact that the catalogue states, and of the confidence that the platform had. A fault that the
matrix schedules is started at once, as a person may. What waits for the hour's limit is seen to wait until nothing
else moves; then a person raises the limit.
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
QUIET = 30.0  # seconds without a change after which everything has settled
EVERY = 5.0
ENDED = ("resolved", "escalated", "dismissed")
AUTO, SCHEDULE, ESCALATE = "AUTO_RESOLVE", "SCHEDULE_MAINTENANCE", "ESCALATE_HUMAN"
Issues = Sequence[Mapping]


@dataclass(frozen=True)
class OverlapWorld:
    """What the drill does to the demo, and asks of it."""

    policy: Policy
    ship: Callable[[DemoFault], float]  # -> when, in seconds since 1970
    issues: Callable[[], Issues]
    answers: Mapping[str, Callable[[int], None]]  # what a person does about an issue, by the status that asks for it
    raise_limit: Callable[[], None]
    behaves: Callable[[DemoFault], bool]
    seconds: Callable[[Mapping, float], float | None]


def plan(faults: Sequence[DemoFault], seed: int) -> list[tuple[float, DemoFault]]:
    """When each fault is shipped, in seconds from the beginning; the order and the times come from the seed."""
    chance = random.Random(seed)
    order = chance.sample(list(faults), len(faults))
    return list(zip(sorted(chance.uniform(0.0, SPAN) for _ in order), order, strict=True))


def run(world: OverlapWorld, faults: Sequence[DemoFault], seed: int) -> Iterator[dict]:
    """One row a fault, when everything has ended."""
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
    """Do what a person is asked for; returns the issues."""
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
    """Does its release wait for something, and not for its turn alone?"""
    return issue["status"] == "queued" and issue["reason"].startswith("Waiting")


def limited(issue: Mapping) -> bool:
    """Does it wait for room in the hour's limit of deployments?"""
    return waits(issue) and issue["reason"].endswith("an hour reached")


def of(fault: DemoFault, issues: Issues) -> Mapping | None:
    """The fault's own issue: the first of its service with its exception, else the first with its exception."""
    told = [i for i in issues if fault.exception in i["title"] and bool(fault.exception) == (i["kind"] == "exception")]
    return min(told, key=lambda i: (i["service"] != fault.service, i["id"]), default=None)


def expected(fault: DemoFault, issue: Mapping | None, policy: Policy) -> str:
    """What the matrix (docs/architecture.md) says of the fault alone, written down anew. Pure."""
    told = (issue or {}).get("confidence")
    if fault.expected == ESCALATE or told is None:
        return fault.expected
    impact, t = policy.services[fault.service].impact, policy.thresholds
    mild, contained = fault.fails < policy.severity.high, impact == "low"
    matrix = (
        (AUTO, told >= t.auto_any and impact != "high"),
        (AUTO, told >= t.auto_mild and mild),
        (AUTO, told >= t.auto_contained and contained and not mild),
        (SCHEDULE, told >= t.escalate_below and mild and impact == "medium"),
    )
    return next((verdict for verdict, holds in matrix if holds), ESCALATE)


def row(world: OverlapWorld, fault: DemoFault, shipped: float, issue: Mapping | None, queued: bool = False) -> dict:
    outcome = issue["status"] if issue else "not found"
    decision = (issue or {}).get("verdict") or "-"
    wanted = "resolved" if fault.kind == "code" else "escalated"
    live = world.behaves(fault) if fault.kind == "code" else None
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
        "cause": (issue or {}).get("cause"),
        "reason": (issue or {}).get("reason", "")[:300],
    }
