"""The late watch: a release that was confirmed early is watched until the full watch time has passed.

Meanwhile its issue counts as fixed. Harm that begins late still rolls the release back and reopens the issue. If it is
unclear at the end whether the release caused a late rise, a person decides.
"""

from __future__ import annotations

from core.db import store
from core.models import Issue, now
from core.ops import notify
from core.signals.release import State
from core.stages import handover, learn
from core.stages.context import StepContext
from core.stages.deliver import rows
from core.stages.results import Awaited, WatchResult
from core.stages.watch import look, steady
from core.stages.watch import watch as verify
from core.vendors.base import VendorError


def watch(context: StepContext, change_id: int) -> WatchResult:
    """One look of the late watch: watching (look again in ``seconds``), failed, or over."""
    with store.read() as session:
        row = rows.newest(session, change_id)
    if row is None or row.status != "verified":
        return WatchResult("over")
    seen, rules = look.take(context.runtime, context.issue_id, change_id), context.runtime.policy.watch
    lasted = seen.elapsed - steady.jumped(row.id, seen.at)
    if seen.superseded:
        return WatchResult("over")
    if seen.bad:
        return WatchResult("failed", message=f"late regression after {seen.elapsed:.0f} s: {seen.verdict.message}")
    if lasted < rules.seconds or seen.verdict.state is State.WATCHING:
        return WatchResult("watching", min(rules.every, rules.seconds))
    if seen.verdict.state is State.UNSURE:
        look.ask(seen)
    return WatchResult("over")


def roll_back(context: StepContext, change_id: int, why: str) -> Awaited:
    """Roll back and reopen the issue; while the vendor refuses, retry in ``seconds``."""
    rt, issue_id, run = context.runtime, context.issue_id, context.run
    try:
        done = verify.returned(rt, issue_id, change_id, why)
    except VendorError as error:
        _alarm(issue_id, change_id, f"{why}; the rollback failed and is retried: {error}")
        return Awaited(rt.policy.watch.every)
    with store.read() as session:
        current = session.get_one(Issue, issue_id).run == run
    if current:
        handover.run(context, done.status, f"{why}; {done.message}")
    else:  # a newer run already works on the issue
        with store.write() as session:
            learn.remember(session, issue_id, run, "rolled_back", f"{why}; {done.message}")
    return Awaited(ok=True)


def _alarm(issue_id: int, change_id: int, message: str) -> None:
    """Alert once a day that production serves a harmful release."""
    with store.write() as session:
        key = f"late-{change_id}-{now():%Y%m%d}"
        notify.queue(session, "deployment_failed", session.get_one(Issue, issue_id), key, message)
