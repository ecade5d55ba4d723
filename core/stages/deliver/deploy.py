"""Deploy: preview, approval, production.

The idempotency key of a deployment consists of issue, run and attempt; the way to production looks for it before it
creates anything.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.audit import effects
from core.db import store
from core.models import Approval, ChangeSet, Deployment, Issue, Status, now
from core.ops import notify, stage_log
from core.ops.stage_log import Entry
from core.policy.reader import ConfigurationError
from core.runtime import Runtime
from core.stages.context import StageContext, StepContext
from core.stages.deliver import (
    baseline,
    ci_checks,
    merging,
    rehearsal,
    release_checks,
    release_words,
    rows,
    smoke,
    traffic,
    ways,
)
from core.stages.deliver.rehearsal import KEPT_BACK
from core.stages.results import ApprovalAnswer, ApprovalAsked, Delivered
from core.vendors.base import Deployed, VendorError
from core.vendors.delivery.types import FINISHED, Configured, Deliverer, ReleaseOrder

POLL_SECONDS = 1.0
LOOK_SECONDS = 5.0  # between two checks of a deployment that the flow waits for
PROBES = 3
WAITING = "WAITING"  # for a person at the vendor
PERSON = "waited_for_a_person"  # key in Deployment.judged: the end of that wait


def preview(context: StageContext, change_id: int) -> Delivered:
    """Deploy a preview and check its health; where people merge, the pull request is the preview."""
    rt, entry = context.runtime, context.log
    with store.read() as session:
        issue, change = session.get_one(Issue, context.issue_id), session.get_one(ChangeSet, change_id)
    name, repository = rt.repository_of(issue.service)
    try:
        deliverer = ways.of(rt, name)
    except ConfigurationError as error:
        return _stop(entry, f"Deployments are not configured for repository {name!r}: {error}.")
    if not deliverer.promotes:
        change, fault = merging.offered(rt, issue, change)
        if fault:
            return _stop(entry, fault)
    with store.write() as session:
        row = rows.of(session, change, name, "preview", automatic=True)
    row = _with_variables(deliverer, row)
    order = ways.order_of(row, change)
    made = _built(deliverer, order, deliverer.preview(order))
    if fault := _fault(rt, deliverer, row, change, made):
        return _failed(row, made, entry, fault)
    ci = ci_checks.look(rt, repository, change, row.started_at, store.time())
    if ci.fault:
        return _failed(row, made, entry, ci.fault)
    if ci.seconds:
        entry.result, entry.message = "waiting", ci.message
        return Delivered(seconds=ci.seconds, message=ci.message)
    checked = f" {ci.message}." if ci.message else ""
    entry.message = _previewed(rt, deliverer, made, issue, change) + checked
    _keep(deliverer, row, made, change, entry.message)
    return Delivered(ok=True, by_merge=not deliverer.promotes)


def _fault(rt: Runtime, deliverer: Deliverer, row: Deployment, change: ChangeSet, made: Deployed) -> str:
    """Why the preview is refused; empty if it was built and, where it has an address, is healthy."""
    if made.state != "READY":
        return f"The preview build failed ({made.state}): {made.note}"
    if not deliverer.previews:
        return ""
    repository = rt.policy.repositories[row.repository]
    if fault := probe(rt, made.url + repository.health_path):
        return f"The preview is not healthy: {fault}"
    return smoke.fault(rt, row.repository, repository, change, row, made.url)


def _keep(deliverer: Deliverer, row: Deployment, made: Deployed, change: ChangeSet, message: str) -> None:
    url = made.url if deliverer.previews else change.pull_url
    seen = {"vendor_id": made.vendor_id, "url": url, "sha": change.head_sha, "note": "" if made.url else message}
    rows.update(row.key, status="ready", ready_at=now(), ended_at=now(), **seen)
    if deliverer.previews:
        effects.of_issue(change.issue_id, "preview", row.key, sha=change.head_sha, url=url)


def _with_variables(deliverer: Deliverer, row: Deployment) -> Deployment:
    """The row with the comparison of the variables before the first preview, without values."""
    if not isinstance(deliverer, Configured) or "variables" in row.judged:
        return row
    return rows.update(row.key, judged={**row.judged, "variables": deliverer.compared()})


def _previewed(rt: Runtime, deliverer: Deliverer, made: Deployed, issue: Issue, change: ChangeSet) -> str:
    if deliverer.previews:
        return f"Preview {made.vendor_id} is healthy."
    if deliverer.promotes:
        return f"The commit {change.head_sha[:12]} is tested. This way to production has no preview."
    with store.write() as session:
        return merging.ready(session, issue, change)


def _built(deliverer: Deliverer, order: ReleaseOrder, made: Deployed) -> Deployed:
    """Poll until the build ends, waits for a person, or the flow has to wait durably instead. Raises VendorError."""
    deadline = time.monotonic() + deliverer.patience
    while made.state not in (*FINISHED, WAITING):
        if time.monotonic() > deadline:
            if not deliverer.patience:
                return made
            message = f"{made.vendor_id} is still building after {deliverer.patience:.0f} s"
            raise VendorError(deliverer.name, message, permanent=True)
        time.sleep(POLL_SECONDS)
        made = deliverer.status(order, made)
    return made


def probe(rt: Runtime, url: str) -> str:
    """Why the address is not healthy; empty if all three probes returned 200."""
    for _ in range(PROBES):
        if fault := rt.probe(url):
            return fault
    return ""


def _failed(row: Deployment, made: Deployed, entry: Entry, message: str) -> Delivered:
    rows.update(row.key, vendor_id=made.vendor_id, url=made.url, status="failed", note=message, ended_at=now())
    return _stop(entry, message)


def _stop(entry: Entry, message: str) -> Delivered:
    entry.failed(message)
    return Delivered(message=message)


# --- approval ------------------------------------------------------------------------------------


def ask(context: StepContext, change_id: int) -> ApprovalAsked:
    """Request approval of exactly this patch; older approvals of the issue become stale."""
    issue_id, limit = context.issue_id, timedelta(minutes=context.runtime.policy.approval.expires_minutes)
    with store.write() as session:
        issue = stage_log.move(session, issue_id, Status.AWAITING_APPROVAL)
        change = session.get_one(ChangeSet, change_id)
        asked = None
        for old in session.exec(select(Approval).where(Approval.issue_id == issue_id)):
            if old.workflow_id == issue.workflow_id and old.patch_hash == change.patch_hash:
                asked = old  # even an answered one: this workflow's topic already holds its answer
            elif old.state == "pending":
                old.state = "stale"
        if asked is None:
            asked = Approval(
                issue_id=issue_id,
                change_set_id=change_id,
                workflow_id=issue.workflow_id,
                patch_hash=change.patch_hash,
                requested_by=issue.requested_by,
                expires_at=now() + limit,
                asks=f"Release the fix of {issue.where} to production. {issue.reason}"[:2000],
            )
            session.add(asked)
            session.flush()
            notify.queue(session, "approval_asked", issue, f"approval-{asked.id}", asked.asks, approval_id=asked.id)
        left = (asked.expires_at - now()).total_seconds()
        return ApprovalAsked(asked.id, change.patch_hash, max(left, 0.0))


def expire(context: StepContext, approval_id: int) -> ApprovalAnswer:
    """End the wait for an answer. An answer that was stored while the wait ended counts."""
    with store.write() as session:
        row = session.get_one(Approval, approval_id)
        if row.state == "pending":
            row.state, row.answered_at = "expired", now()
        if row.state == "rejected":
            return ApprovalAnswer(event="refused", message=f"Rejected by {row.by}: {row.reason}")
        if row.state == "approved":
            return ApprovalAnswer(ok=True)
    return ApprovalAnswer(message="The approval expired without an answer.")


# --- production ----------------------------------------------------------------------------------


def production(context: StageContext, change_id: int, automatic: bool) -> Delivered:
    rt, issue_id, entry = context.runtime, context.issue_id, context.log
    with store.write() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
        name, _ = rt.repository_of(issue.service)
        row = rows.of(session, change, name, "production", automatic)
        ready = _preview_of(session, change)
        missing = release_checks.missing(session, issue_id, context.run, change, rt.policy)
    if missing or ready is None:
        return _withheld(row, entry, missing)
    deliverer = ways.of(rt, name)
    if not (row.previous_vendor_id or "before" in row.judged):
        rows.update(row.key, started_at=now())  # its place in the limit was taken when it was admitted
        row = baseline.remember(rt, deliverer, row, name)
    if row.status in ("rolled_back", "superseded"):
        return _stop(entry, f"No further deployment: this one is {row.status}.")
    order = ways.order_of(row, change, ready.vendor_id)
    row, refused = _prepared(deliverer, row, change, order)
    if refused:
        rows.update(row.key, status="failed", note=refused, ended_at=now(), judged={**row.judged, KEPT_BACK: True})
        return _stop(entry, refused)
    begun = time.monotonic()
    made = deliverer.promote(order)
    row = rows.update(row.key, vendor_id=made.vendor_id)  # from here on, a rollback can find it
    made = _built(deliverer, order, made)
    if made.state not in FINISHED:
        return _waits(deliverer, row, made, entry)
    if made.state != "READY":
        return _failed(row, made, entry, f"The production deployment failed ({made.state}): {made.note}")
    moved = {} if row.ready_at else _moved(deliverer, row, begun)
    row = rows.update(row.key, url=made.url, status="watching", **moved)
    return _serve(context, deliverer, order, row, made)


def _withheld(row: Deployment, entry: Entry, missing: Sequence[str]) -> Delivered:
    stopped = "The release was stopped" if row.vendor_id else "Nothing was deployed"
    message = f"{stopped}: {'; '.join(missing) or 'this commit has no healthy preview'}"
    rows.update(row.key, status="failed", note=message, ended_at=now())
    return _stop(entry, message)


def _serve(
    context: StageContext, deliverer: Deliverer, order: ReleaseOrder, row: Deployment, made: Deployed
) -> Delivered:
    """Let production, or its first share, serve the finished deployment."""
    try:
        if not _served(deliverer, row, made):
            return _waits(deliverer, row, replace(made, note=f"The traffic moves to {order.steps[0]} %"), context.log)
    except VendorError as error:
        if not error.permanent:
            raise
        return _stop(context.log, f"Production does not serve the deployment: {error.message}")
    return _ended(context, row, made)


def _ended(context: StageContext, row: Deployment, made: Deployed) -> Delivered:
    """Probe production, which serves the deployment or its first share, and record the result."""
    repository = context.runtime.policy.repositories[row.repository]
    if repository.production_url and (
        fault := probe(context.runtime, repository.production_url + repository.health_path)
    ):
        return _stop(context.log, f"Production is not healthy after the deployment: {fault}")
    with store.write() as session:
        seen = {"sha": row.sha, "automatic": row.automatic}
        effects.once(session, "deploy", f"issue/{context.issue_id}", seen, row.key)
    context.log.message = _live(row, made)
    return Delivered(ok=True)


def _prepared(deliverer: Deliverer, row: Deployment, change: ChangeSet, order: ReleaseOrder) -> tuple[Deployment, str]:
    """(row, why it must not be released): check the traffic steps and rehearse the rollback first."""
    if row.vendor_id:
        return row, ""
    try:
        traffic.accepted(deliverer, order)
    except VendorError as error:
        if not error.permanent:
            raise
        return row, f"Nothing was deployed: {error.message}"
    row = rehearsal.run(deliverer, row, order)
    with store.read() as session:
        refused = rehearsal.refusal(session, row, change)
    return row, f"Nothing was deployed. {refused}" if refused else ""


def _served(deliverer: Deliverer, row: Deployment, made: Deployed) -> bool:
    """Does production serve the release, or its first share? Raises VendorError."""
    if not traffic.partly(row):
        deliverer.serve(made)
        return True
    first = traffic.steps(row)[0]
    if traffic.shifted(deliverer, ways.order_of(row), first) < first:
        return False
    if not traffic.of(row).get("begun"):
        at = store.time().isoformat()
        traffic.keep(row, begun=at, since=at)
    return True


def _live(row: Deployment, made: Deployed) -> str:
    serves = f"{made.vendor_id} serves {traffic.steps(row)[0]} % of production." if traffic.partly(row) else ""
    rehearsed = release_words.rehearsed(row.judged)
    return (serves or f"Production serves {made.vendor_id}.") + (f" {rehearsed}." if rehearsed else "")


def _preview_of(session: Session, change: ChangeSet) -> Deployment | None:
    """The newest healthy preview of exactly the commit of the change."""
    return session.exec(
        select(Deployment)
        .where(
            Deployment.change_set_id == change.id,
            Deployment.status == "ready",
            Deployment.environment == "preview",
            Deployment.sha == change.head_sha,
        )
        .order_by(col(Deployment.id).desc())
        .limit(1)
    ).first()


def _moved(deliverer: Deliverer, row: Deployment, begun: float) -> dict:
    """When it was ready, and how many seconds it took: since ``begun`` on this machine, or over all looks."""
    at = store.time()
    seconds = time.monotonic() - begun if deliverer.patience else (at - row.started_at).total_seconds()
    return {"promote_seconds": seconds, "ready_at": at}


def _waits(deliverer: Deliverer, row: Deployment, made: Deployed, entry: Entry) -> Delivered:
    """The flow looks again unless the deployment takes too long; time spent waiting for a person does not count."""
    at = store.time()
    if made.state == WAITING:
        rows.update(row.key, judged={**row.judged, PERSON: at.isoformat()})
    since = max(row.started_at, datetime.fromisoformat(row.judged.get(PERSON, row.started_at.isoformat())))
    if made.state != WAITING and (at - since).total_seconds() > deliverer.limit:
        message = f"{made.vendor_id} is not finished after {deliverer.limit / 60:g} minutes"
        raise VendorError(deliverer.name, message, permanent=True)
    entry.result, entry.message = "waiting", made.note or f"{deliverer.name}: the deployment is in progress"
    return Delivered(seconds=LOOK_SECONDS, message=entry.message)
