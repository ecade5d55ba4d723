"""Watch: follows a deployment, and rolls it back if it does harm or does not cure the fault.

core/stages/watch/look.py takes each look. No data is no success: if a deployment cannot be judged, a person is asked
and the watch continues. A deployment that another one replaced is superseded, and nothing is rolled back.
"""

from __future__ import annotations

from core.db import store
from core.models import ChangeSet, Deployment, Issue, Status
from core.ops import notify, stage_log
from core.ops.stage_log import Entry
from core.runtime import Runtime
from core.signals.release import State
from core.stages.context import StageContext
from core.stages.deliver import live, restoring, rows, traffic
from core.stages.deliver.reverting import Restored
from core.stages.results import Rollback, WatchResult
from core.stages.watch import look as looks
from core.stages.watch import steady, stepping
from core.stages.watch.look import WatchLook
from core.vendors.base import Deployed


def watch(context: StageContext, change_id: int) -> WatchResult:
    """One look at a deployment: watching (look again in ``seconds``), healthy, failed, or superseded.

    If the result stays ambiguous, a person is asked, and the watch continues until they keep it or roll it back.
    """
    rt, entry = context.runtime, context.log
    seen = looks.take(rt, context.issue_id, change_id)
    verdict, lasted = seen.verdict, seen.elapsed - steady.jumped(seen.release.row.id, seen.at)
    entry.detail = {"age_seconds": round(seen.elapsed, 1), "state": verdict.state}
    if seen.live and seen.superseded and not stepping.aborted(seen):
        return _superseded(rt, seen, seen.live, entry)
    if traffic.partly(seen.release.row):
        return stepping.step(rt, seen, entry)
    if seen.bad:
        return _end(entry, "failed", verdict.message)
    if seen.live and seen.release.row.kept_by:
        return _confirmed(seen, entry, f"kept by {seen.release.row.kept_by}")
    if verdict.state is State.VERIFIED and lasted >= min(rt.policy.watch.earliest, rt.policy.watch.seconds):
        return _confirmed(seen, entry, "verified")
    if verdict.state is State.UNSURE:
        looks.ask(seen)
    return _again(rt, seen, entry)


def _superseded(rt: Runtime, seen: WatchLook, serves: Deployed, entry: Entry) -> WatchResult:
    """Mark the row as superseded; the issue is judged by whether the live deployment contains the fix."""
    release = seen.release
    contained, message = live.judged(rt, release.row, release.change, serves)
    if seen.bad:
        message = f"{message}; the last look found: {seen.verdict.message}"
    _close(release.row, seen, "superseded", message)
    entry.message, entry.result = message, "ok" if contained and not seen.bad else "failed"
    ok, again = contained is True and not seen.bad, contained is False and not seen.bad
    return WatchResult("superseded", message=message, ok=ok, again=again, event="superseded")


def _confirmed(seen: WatchLook, entry: Entry, how: str) -> WatchResult:
    message = f"{how} after {seen.elapsed:.0f} s: {seen.message}"
    _close(seen.release.row, seen, "watching", message)
    return _end(entry, "healthy", message)


def _close(row: Deployment, seen: WatchLook, status: str, note: str) -> None:
    with store.write() as session:
        kept = session.get_one(Deployment, row.id)
        kept.status, kept.note, kept.ended_at = status, note[:2000], seen.at


def _again(rt: Runtime, seen: WatchLook, entry: Entry) -> WatchResult:
    entry.result, entry.message = "waiting", f"{seen.elapsed:.0f} s watched: {seen.message}"
    rules = rt.policy.watch
    return WatchResult("watching", min(rules.every, rules.seconds), asks=seen.verdict.state is State.UNSURE)


def _end(entry: Entry, state: str, message: str) -> WatchResult:
    entry.result, entry.message = ("ok" if state == "healthy" else "failed"), message
    return WatchResult(state, message=message)


# --- rollback ----------------------------------------------------------------------------------------


def roll_back(context: StageContext, change_id: int, why: str) -> Rollback:
    """Make production serve the previous deployment, unless it does so already."""
    with store.write() as session:
        stage_log.move(session, context.issue_id, Status.ROLLING_BACK, why)
    done = returned(context.runtime, context.issue_id, change_id, why)
    context.log.message = done.message
    return Rollback(True, done.message, event=done.status, late=done.late)


def returned(rt: Runtime, issue_id: int, change_id: int, why: str) -> Restored:
    """Roll a change back, and record what the vendor serves afterwards."""
    with store.read() as session:
        row = rows.newest(session, change_id)
    if row is None or not (row.vendor_id or restoring.made(rt, row)):
        return Restored("rolled_back", "nothing had reached production")
    done = restoring.restore(rt, row)
    with store.write() as session:
        kept, issue = session.get_one(Deployment, row.id), session.get_one(Issue, issue_id)
        kept.status, kept.ended_at, kept.alarm = done.status, store.clock(session), ""
        kept.note = f"{why}. {done.message}"[:2000]
        if done.status == "reverting":  # production serves the release until a person has merged the revert
            return done
        session.get_one(ChangeSet, change_id).status = "rolled_back"
        if done.status == "rolled_back":
            notify.queue(session, "rolled_back", issue, f"rollback-{row.key}", f"{why}. {done.message}")
    return done
