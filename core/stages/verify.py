"""Verify: watch a deployment and roll it back when it does harm, does not cure, or cannot be judged.

Compared are the repository's services in a window after the deployment with one of the same length
before it. No data is no success: a watch that saw too little ends in a rollback.
"""

from __future__ import annotations

from datetime import datetime
from itertools import chain

from sqlmodel import col, select

from core import journal, notify, store
from core.health import FEWEST_ERRORS, FEWEST_POINTS, combine, slower
from core.journal import Entry
from core.models import ChangeSet, Deployment, Issue, ServiceHealth, Status
from core.runtime import Runtime
from core.settings import Watch
from core.stages import restoring
from core.vendors.base import VendorError

PATIENCE = 2  # windows to wait for enough requests before the watch is called blind
CURED_SHARE = 0.5  # the service's error rate must fall below this share of what it was
Health = dict[str, ServiceHealth]


def judge(service: str, before: Health, after: Health, rules: Watch, over: bool = True) -> list[str]:
    """What speaks against the deployment, so far or when the watch is ``over``; empty when nothing does. Pure."""
    none = ServiceHealth()
    harm = [_harm(name, before.get(name, none), state, rules, over) for name, state in after.items()]
    uncured = _not_cured(service, before.get(service, none), after.get(service, none), rules)
    return [*chain.from_iterable(harm), *uncured]


def _harm(name: str, before: ServiceHealth, after: ServiceHealth, rules: Watch, over: bool) -> list[str]:
    found = []
    was, now_ = before.error_rate or 0.0, after.error_rate or 0.0
    if now_ > was + rules.error_rate_margin and after.errors - was * after.requests >= FEWEST_ERRORS:
        found.append(f"{name}: the error rate rose from {was:.1%} to {now_:.1%}")
    enough = over or after.samples >= FEWEST_POINTS
    if enough and slower(before, after, rules.latency_factor, rules.latency_floor_ms):
        found.append(f"{name}: the 95th percentile rose from {before.p95_ms:.0f} to {after.p95_ms:.0f} ms")
    return found


def _not_cured(service: str, before: ServiceHealth, after: ServiceHealth, rules: Watch) -> list[str]:
    was, now_ = before.error_rate or 0.0, after.error_rate or 0.0
    if was > rules.error_rate_margin and after.errors >= FEWEST_ERRORS and now_ > was * CURED_SHARE:
        return [f"{service}: the error it was made for goes on ({was:.1%} before, {now_:.1%} after)"]
    return []


def watch(rt: Runtime, issue_id: int, run: int, attempt: int, entry: Entry, change_id: int) -> dict:
    """One look at a deployment: watching (look again in ``seconds``), healthy, or failed."""
    with store.read() as session:
        issue, row = session.get_one(Issue, issue_id), _live(session, change_id)
    rules, at = rt.policy.watch, store.time()
    services = [s for s, service in rt.policy.services.items() if service.repository == row.repository]
    before = {name: ServiceHealth(**state) for name, state in row.before.items()}
    age = (at - row.ready_at).total_seconds()
    after, trouble = _look(rt, services, row, at)
    against = judge(issue.service, before, after, rules, over=age >= rules.seconds)
    seen = combine(list(after.values()))
    _keep(row, after)
    entry.detail = {"age_seconds": round(age, 1), "requests": seen.requests, "errors": seen.errors}
    if against and seen.requests >= rules.minimum_requests:
        return _end(entry, "failed", "; ".join(against))
    if age < rules.seconds:
        return _again(entry, rules, f"{age:.0f} of {rules.seconds:.0f} s watched: {_told(seen)}{trouble}")
    if seen.requests >= rules.minimum_requests:
        _keep(row, after, ended_at=at)
        return _end(entry, "healthy", f"healthy for {age:.0f} s: {_told(seen)}")
    if age < rules.seconds * PATIENCE:
        return _again(entry, rules, f"too few requests to judge ({seen.requests:.0f}){trouble}")
    return _end(
        entry,
        "failed",
        f"the watch saw too little to call it healthy ({seen.requests:.0f} requests){trouble}",
    )


def _live(session, change_id: int) -> Deployment:
    return session.exec(
        select(Deployment)
        .where(Deployment.change_set_id == change_id, Deployment.environment == "production")
        .order_by(col(Deployment.id).desc())
        .limit(1)
    ).one()


def _look(rt: Runtime, services: list[str], row: Deployment, at) -> tuple[Health, str]:
    """What the health source says since the deployment; a fault of the vendor is said, not hidden."""
    if rt.health is None:
        return {}, "; no source of metrics is connected"
    try:
        return rt.health.health(services, row.ready_at, at), ""
    except VendorError as error:
        return {}, f"; {error}"


def _keep(row: Deployment, after: Health, ended_at: datetime | None = None) -> None:
    with store.write() as session:
        kept = session.get_one(Deployment, row.id)
        kept.after, kept.ended_at = {name: state.model_dump() for name, state in after.items()}, ended_at


def _told(seen: ServiceHealth) -> str:
    rate = f"{seen.error_rate:.1%}" if seen.error_rate is not None else "no"
    return f"{seen.requests:.0f} requests, {rate} errors"


def _again(entry: Entry, rules: Watch, says: str) -> dict:
    entry.result, entry.says = "waiting", says
    return {"state": "watching", "seconds": min(rules.every, rules.seconds)}


def _end(entry: Entry, state: str, says: str) -> dict:
    entry.result, entry.says = ("ok" if state == "healthy" else "failed"), says
    return {"state": state, "says": says}


def roll_back(rt: Runtime, issue_id: int, run: int, attempt: int, entry: Entry, change_id: int, why: str) -> dict:
    """Return production to what it served before. Looks first whether it does already.

    The row says what was seen at the vendor: rolled_back, or superseded when production serves another deployment.
    """
    with store.read() as session:
        issue, row = session.get_one(Issue, issue_id), restoring.newest(session, change_id)
    if row is None or not (row.vendor_id or restoring.made(rt, row)):
        entry.says = "nothing had reached production"
        return {"ok": True, "says": entry.says}
    back = restoring.restore(rt, row)
    entry.says = back.says
    with store.write() as session:
        done = session.get_one(Deployment, row.id)
        done.status, done.ended_at, done.note, done.alarm = back.status, store.clock(session), why[:2000], ""
        session.get_one(ChangeSet, change_id).status = "rolled_back"
        journal.move(session, issue_id, Status.ROLLING_BACK, why)
        notify.queue(session, "rolled_back", issue, f"rollback-{row.key}", f"{why}. {entry.says}")
    return {"ok": True, "says": entry.says, **({"late": True} if back.late else {})}
