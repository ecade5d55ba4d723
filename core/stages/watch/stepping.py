"""The traffic steps of a release: while it serves a share, each look judges it, then raises the share or rolls back.

A step lasts ``watch.earliest`` seconds, and up to ``watch.seconds`` while something rose or there were too few
requests. If the result is still ambiguous then, a person is asked and the share stays. Whether the fault is cured is
judged only when the release serves everything, because until then the replaced release keeps failing in parallel. Then
the watch begins, without the time of the steps.
"""

from __future__ import annotations

from datetime import datetime

from core.db import store
from core.ops.stage_log import Entry
from core.policy.sections import Watch
from core.runtime import Runtime
from core.signals.release import Judgement, State
from core.stages.deliver import brakes, traffic, ways
from core.stages.deliver.traffic import ALL
from core.stages.results import WatchResult
from core.stages.watch.look import WatchLook, ask
from core.vendors.base import Deployed, VendorError


def step(rt: Runtime, seen: WatchLook, entry: Entry) -> WatchResult:
    """One look at a release that serves a share: watching (look again in ``seconds``), or failed."""
    row = seen.release.row
    share = int(traffic.of(row)["share"])
    if aborted(seen):
        return _failed(entry, f"its release was aborted at {share} % of the traffic")
    if seen.verdict.state is State.HARM:
        return _failed(entry, f"at {share} % of the traffic: {seen.verdict.message}")
    try:
        reached = _shifted(rt, seen, share)
        if reached and _over(rt, seen):
            share = traffic.following(row)
            traffic.keep(row, share=share, since=None, asked=seen.at.isoformat())
            reached = _shifted(rt, seen, share)
    except VendorError as error:
        if not error.permanent:
            raise
        return _failed(entry, f"the traffic could not be moved to {share} %: {error.message}")
    if not reached and _overdue(rt, seen):
        return _failed(entry, f"the traffic did not move to {share} % in time")
    entry.result, entry.message = "waiting", _said(rt, seen, share, reached)
    return WatchResult("watching", min(rt.policy.watch.every, rt.policy.watch.seconds))


def aborted(seen: WatchLook) -> bool:
    """Did somebody abort the release during its steps, so that the replaced one serves everything again?"""
    row = seen.release.row
    return traffic.partly(row) and seen.live is not None and seen.live.vendor_id == row.previous_vendor_id


def _shifted(rt: Runtime, seen: WatchLook, share: int) -> bool:
    """Request the share; True when the release serves it, which starts its step (at 100 %, its watch)."""
    row = seen.release.row
    deliverer, order = ways.of(rt, row.repository), ways.order_of(row)
    if traffic.shifted(deliverer, order, share) < share:
        return False
    at = store.time().isoformat()
    if share >= ALL:
        deliverer.serve(Deployed(row.vendor_id, row.url, "READY", row.sha))
        traffic.keep(row, all=at)
    elif not traffic.of(row).get("since") or traffic.of(row)["share"] != share:
        traffic.keep(row, since=at)
    return True


def _overdue(rt: Runtime, seen: WatchLook) -> bool:
    """Was the share requested longer ago than a deployment may take?"""
    row = seen.release.row
    asked = traffic.of(row).get("asked")
    limit = ways.of(rt, row.repository).limit
    return bool(asked) and (seen.at - datetime.fromisoformat(asked)).total_seconds() > limit


def _over(rt: Runtime, seen: WatchLook) -> bool:
    """May the release continue to the next share?"""
    stored = traffic.of(seen.release.row)
    if stored["share"] >= ALL or not stored.get("since") or _held(rt, seen):
        return False
    if seen.release.row.kept_by:
        return True
    if doubtful(seen.verdict):
        ask(seen)
    return over(seen.verdict, (seen.at - datetime.fromisoformat(stored["since"])).total_seconds(), rt.policy.watch)


def over(verdict: Judgement, lasted: float, rules: Watch) -> bool:
    """Has the step lasted long enough? Harm in a service's metrics is confirmed or refuted first. Pure."""
    if verdict.rates or doubtful(verdict):
        return False
    return lasted >= (rules.seconds if verdict.open else min(rules.earliest, rules.seconds))


def doubtful(verdict: Judgement) -> bool:
    """Did something rise that the release may have caused, so that a person must decide? Pure."""
    return verdict.state is State.UNSURE and verdict.open


def _held(rt: Runtime, seen: WatchLook) -> str:
    """Why the release may not get more traffic now: a stop, a brake or a freeze; empty if nothing holds it."""
    row = seen.release.row
    with store.read() as session:
        held = brakes.on(session, rt.policy, row.repository, row.automatic)
    return held[1] if held else ""


def _said(rt: Runtime, seen: WatchLook, share: int, reached: bool) -> str:
    if not reached:
        return f"the traffic moves to {share} %"
    held = _held(rt, seen)
    return f"{share} % of the traffic, {seen.elapsed:.0f} s watched: {seen.message}" + (f". {held}" if held else "")


def _failed(entry: Entry, message: str) -> WatchResult:
    entry.result, entry.message = "failed", message
    return WatchResult("failed", message=message)
