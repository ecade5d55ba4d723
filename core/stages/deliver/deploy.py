"""Deploy: preview, approval, production. Each deployment has a key of issue, run and attempt,
which the deployer looks for before it creates anything.
"""

from __future__ import annotations

import time
from datetime import timedelta

from sqlmodel import Session, col, func, select

from core.audit import chain
from core.db import store
from core.models import Approval, ChangeSet, Deployment, Issue, Status, now
from core.ops import notify, stage_log
from core.ops.stage_log import Entry
from core.policy.services import Repository
from core.runtime import Runtime, connected
from core.signals import health
from core.stages.context import StageContext, StepContext
from core.stages.deliver import release_checks, scene, success_checks
from core.stages.results import ApprovalAnswer, ApprovalAsked, Delivered
from core.vendors.base import Deployed, VendorError

BUILD_SECONDS = 600.0
POLL_SECONDS = 1.0
PROBES = 3
FAILED = ("ERROR", "CANCELED", "BLOCKED")


def preview(context: StageContext, change_id: int) -> Delivered:
    rt, entry = context.runtime, context.log
    with store.read() as session:
        issue, change = session.get_one(Issue, context.issue_id), session.get_one(ChangeSet, change_id)
    name, repository = rt.repository_of(issue.service)
    if not (rt.deployer and repository.vercel_project):
        return _stop(
            entry, f"Deployments are not configured for repository {name!r} (set vercel_project and VERCEL_TOKEN)."
        )
    with store.write() as session:
        row = _row(session, change, name, "preview", automatic=True)
    if repository.environment:
        rt.deployer.configure(repository.vercel_project, repository.environment)
    made = rt.deployer.preview(repository.vercel_project, repository.github, change.branch, change.head_sha, row.key)
    made = _built(rt, made)
    if made.state != "READY":
        return _failed(row, made, entry, f"The preview build failed ({made.state}): {made.note}")
    if fault := probe(rt, made.url + repository.health_path):
        return _failed(row, made, entry, f"The preview is not healthy: {fault}")
    _update(
        row.key,
        vendor_id=made.vendor_id,
        url=made.url,
        sha=change.head_sha,
        status="ready",
        ready_at=now(),
        ended_at=now(),
    )
    entry.says = f"Preview {made.vendor_id} is healthy."
    return Delivered(ok=True)


def _row(session: Session, change: ChangeSet, repository: str, environment: str, automatic: bool) -> Deployment:
    """The deployment of a change, found by its key or made: one preview a commit, and one in production, after which
    comes another when it was superseded.
    """
    key = f"issue-{change.issue_id}-run-{change.run}-attempt-{change.attempt}-{environment}"
    if environment == "preview":
        key += f"-{change.head_sha[:12]}"
    elif before := _superseded(session, change):
        key += f"-{before + 1}"
    found = session.exec(select(Deployment).where(Deployment.key == key)).first()
    if found is None:
        found = Deployment(
            key=key,
            issue_id=change.issue_id,
            change_set_id=change.id,
            repository=repository,
            environment=environment,
            automatic=automatic,
        )
    found.sha = change.head_sha
    session.add(found)
    return found


def _superseded(session: Session, change: ChangeSet) -> int:
    where = (Deployment.change_set_id == change.id, Deployment.status == "superseded")
    return session.exec(select(func.count()).where(*where)).one()


def _update(key: str, **values) -> None:
    with store.write() as session:
        row = session.exec(select(Deployment).where(Deployment.key == key)).one()
        row.sqlmodel_update(values)
        session.add(row)


def _built(rt: Runtime, made: Deployed) -> Deployed:
    """Poll until the build has ended. Raises VendorError after ten minutes."""
    deployer, deadline = connected(rt.deployer, "deployer"), time.monotonic() + BUILD_SECONDS
    while made.state not in ("READY", *FAILED):
        if time.monotonic() > deadline:
            raise VendorError(
                deployer.name, f"{made.vendor_id} is still building after {BUILD_SECONDS:.0f} s", permanent=True
            )
        time.sleep(POLL_SECONDS)
        made = deployer.status(made.vendor_id)
    return made


def probe(rt: Runtime, url: str) -> str:
    """Why the address is not healthy; empty if all three probes returned 200."""
    for _ in range(PROBES):
        if fault := rt.probe(url):
            return fault
    return ""


def _failed(row: Deployment, made: Deployed, entry: Entry, says: str) -> Delivered:
    _update(row.key, vendor_id=made.vendor_id, url=made.url, status="failed", note=says, ended_at=now())
    return _stop(entry, says)


def _stop(entry: Entry, says: str) -> Delivered:
    entry.failed(says)
    return Delivered(says=says)


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
                asked = old  # also an answered one: its answer waits in this workflow's topic
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
                asks=f"Release the fix of {issue.service} to production. {issue.reason}"[:2000],
            )
            session.add(asked)
            session.flush()
            notify.queue(session, "approval_asked", issue, f"approval-{asked.id}", asked.asks, approval_id=asked.id)
        left = (asked.expires_at - now()).total_seconds()
        return ApprovalAsked(asked.id, change.patch_hash, max(left, 0.0))


def expire(context: StepContext, approval_id: int) -> ApprovalAnswer:
    with store.write() as session:
        row = session.get_one(Approval, approval_id)
        if row.state == "pending":
            row.state, row.answered_at = "expired", now()
    return ApprovalAnswer(says="The approval expired without an answer.")


# --- production ----------------------------------------------------------------------------------


def production(context: StageContext, change_id: int, automatic: bool) -> Delivered:
    rt, issue_id, entry = context.runtime, context.issue_id, context.log
    with store.write() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
        name, repository = rt.repository_of(issue.service)
        row = _row(session, change, name, "production", automatic)
        ready = session.exec(
            select(Deployment)
            .where(
                Deployment.change_set_id == change_id,
                Deployment.status == "ready",
                Deployment.environment == "preview",
                Deployment.sha == change.head_sha,
            )
            .order_by(col(Deployment.id).desc())
            .limit(1)
        ).first()
        missing = release_checks.missing(session, issue_id, context.run, change)
    if missing or ready is None:
        says = f"Nothing was deployed: {'; '.join(missing) or 'this commit has no healthy preview'}"
        _update(row.key, status="failed", note=says, ended_at=now())
        return _stop(entry, says)
    if not row.previous_vendor_id:
        _update(row.key, started_at=now())  # its place in the limit was taken when it was admitted
        _remember(rt, row, repository, name)
    if row.status in ("rolled_back", "superseded"):
        return _stop(entry, f"Nothing more is deployed: this deployment is {row.status}.")
    begun = time.monotonic()
    deployer = connected(rt.deployer, "deployer")
    made = deployer.promote(repository.vercel_project, ready.vendor_id, row.key)
    _update(row.key, vendor_id=made.vendor_id)  # from here on, a rollback can find it
    made = _built(rt, made)
    if made.state != "READY":
        return _failed(row, made, entry, f"The production deployment failed ({made.state}): {made.note}")
    moved = {} if row.ready_at else {"promote_seconds": time.monotonic() - begun, "ready_at": store.time()}
    _update(row.key, url=made.url, status="watching", **moved)
    try:
        deployer.serve(repository.vercel_project, made.vendor_id)
    except VendorError as error:
        if not error.permanent:
            raise
        return _stop(entry, f"Production does not serve the deployment: {error.message}")
    if repository.production_url and (fault := probe(rt, repository.production_url + repository.health_path)):
        return _stop(entry, f"Production is not healthy after the deployment: {fault}")
    with store.write() as session:
        _audited(session, row, issue_id, automatic)
    entry.says = f"Production serves {made.vendor_id}."
    return Delivered(ok=True)


def _audited(session, row: Deployment, issue_id: int, automatic: bool) -> None:
    try:
        chain.record(
            session,
            "platform",
            "deploy",
            f"issue/{issue_id}",
            {"sha": row.sha, "automatic": automatic},
            key=row.key,
        )
    except chain.AlreadyDone:
        return


def _remember(rt: Runtime, row: Deployment, repository: Repository, name: str) -> None:
    """The deployment that a rollback restores, and the earlier health of the services and their success checks."""
    live = connected(rt.deployer, "deployer").production(repository.vercel_project)
    services = sorted(scene.services_of(rt, name))
    at = now()
    points = rt.health.points(list(rt.policy.services), at - scene.HISTORY, at) if rt.health else []
    scene.keep(points)
    recent = [p for p in points if p.at >= at - timedelta(seconds=rt.policy.watch.seconds)]
    before = health.by_service(recent, services) if rt.health else {}
    _update(
        row.key,
        previous_vendor_id=live.vendor_id if live else "",
        before={service: state.model_dump() for service, state in before.items()},
        judged={"before": success_checks.ask(rt, services, before), **_since(live)},
    )


def _since(live: Deployed | None) -> dict:
    return {scene.REPLACED: live.since.isoformat()} if live and live.since else {}
