"""Waits for a person to merge a pull request, and then for the release that carries it.

Where the policy requires an approval, the merge is that approval. A pull request that is closed without a merge is a
rejection, with its closing comment as the reason. Without a code host, git shows the same: the main branch contains
the fix (merged), or the branch of the fix was deleted (rejected).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from core.audit import effects
from core.db import store
from core.models import Approval, ChangeSet, Deployment, Issue, ServiceHealth, Status
from core.ops import durable, notify, stage_log
from core.policy.services import Repository
from core.runtime import Runtime
from core.stages import learn, workspace
from core.stages.context import StepContext
from core.stages.deliver import rehearsal, release_words, releases, rows, scene, success_checks
from core.stages.deliver.release_words import REHEARSAL
from core.stages.pull_request import branch_of, fenced, open_for
from core.stages.results import MergeLook
from core.stages.workspace import Clone
from core.vendors.base import Deployed, PullState, VendorError
from core.vendors.command import CommandError

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds between two looks
SOON = 5.0  # seconds between two looks for a release after the merge


def ready(session: Session, issue: Issue, change: ChangeSet) -> str:
    """Notify people once that a fix awaits their merge. Returns the sentence."""
    message = f"Ready for review: {where(change)}. Merging it approves the fix. The platform watches the release."
    notify.once(session, "ready_for_review", issue, f"review-{change.id}-{change.head_sha[:12]}", message)
    return message


def offered(rt: Runtime, issue: Issue, change: ChangeSet) -> tuple[ChangeSet, str]:
    """(the change, why it cannot be proposed). A change that an earlier run published gets a new pull request.

    The earlier one was merged and reverted, so the change can be merged again only as a new commit on the main branch.
    """
    with store.read() as session:
        older = (ChangeSet.issue_id == issue.id, ChangeSet.run < change.run, ChangeSet.head_sha == change.head_sha)
        if session.exec(select(ChangeSet.id).where(*older)).first() is None:
            return change, ""
    name, repository = rt.repository_of(issue.service)
    found = workspace.clone_with(rt, name, repository, change)
    base = found.head(f"refs/remotes/origin/{repository.branch}")
    try:
        moved = found.moved(change, base)
    except CommandError:
        return change, "The patch no longer applies to the main branch."
    if found.patch_hash(moved.patch) != change.patch_hash:
        return change, "The main branch has changed, and the patch would differ there."
    branch = branch_of(issue.id)
    found.push(moved.sha, branch)
    effects.of_issue(issue.id, "push", moved.sha, branch=branch, sha=moved.sha)
    commit = {"base_sha": base, "head_sha": moved.sha, "commit": moved.text, "patch": moved.patch, "branch": branch}
    with store.write() as session:
        session.get_one(ChangeSet, change.id).sqlmodel_update(commit)
    open_for(rt, issue.id, change.id, repository)
    with store.read() as session:
        return session.get_one(ChangeSet, change.id), ""


def where(change: ChangeSet) -> str:
    return f"pull request {change.pull_number} ({change.pull_url})" if change.pull_number else f"branch {change.branch}"


def look(context: StepContext, change_id: int) -> MergeLook:
    """One look: open or merged (look again in ``seconds``), live, or refused."""
    rt, issue_id = context.runtime, context.issue_id
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
        row = rows.newest(session, change_id)
    if row and row.vendor_id:
        return MergeLook("live", message=row.note)
    name, repository = rt.repository_of(issue.service)
    found = workspace.clone_with(rt, name, repository, change)
    state = state_of(rt, found, repository, change)
    if state.state == "open":
        return _open(rt, found, issue, change, name)
    if state.state == "closed":
        return MergeLook("refused", message=_refusal(state, change))
    with store.write() as session:
        _approved(session, context, change, state)
    return _merged(rt, found, name, repository, issue, change, state)


def state_of(rt: Runtime, found: Clone, repository: Repository, change: ChangeSet) -> PullState:
    if rt.host and repository.github and change.pull_number:
        return rt.host.pull_state(repository.github, change.pull_number)
    return branch_state(found, change.branch, change.head_sha)


def branch_state(found: Clone, branch: str, sha: str) -> PullState:
    """The state of a branch that has no pull request: merged when the main branch carries its commit."""
    main = _main(found)
    if found.carries(main, sha):
        return PullState("merged", main, store.time())
    return PullState("open" if found.stands_at(branch) else "closed", message="Its branch was deleted.")


def _main(found: Clone) -> str:
    return found.head(f"refs/remotes/origin/{found.repository.branch}")


def _refusal(state: PullState, change: ChangeSet) -> str:
    """The reason of a rejection. The comment is a stranger's text."""
    who = f" by {fenced(state.by, 60)}" if state.by else ""
    why = fenced(state.message, 1000) or "no comment gives a reason"
    return f"{where(change)[:1].upper()}{where(change)[1:]} was closed without a merge{who}: {why}"


def look_now(key: str) -> None:
    """On a webhook: every workflow that waits for a merge or its release looks immediately."""
    waits = (Status.AWAITING_APPROVAL, Status.QUEUED)
    with store.write() as session:
        found = select(Issue).join(Deployment, col(Deployment.issue_id) == Issue.id)
        open_ = (Deployment.environment == "production", Deployment.status == "pending", col(Issue.status).in_(waits))
        for issue in session.exec(found.where(*open_)).all():
            durable.wake(session, issue, key)


# --- before the merge ---------------------------------------------------------------------------------


def _open(rt: Runtime, found: Clone, issue: Issue, change: ChangeSet, name: str) -> MergeLook:
    """Keep the success checks' results before the release, which happens without notice; rehearse the revert."""
    with store.read() as session:
        known = rows.newest(session, change.id)
    tried = _rehearsed(found, change, known.judged.get(REHEARSAL, {}) if known else {})
    answers = success_checks.ask(rt, scene.services_of(rt, name), {})
    message = f"Ready for review: {where(change)}"
    with store.write() as session:
        row = _waiting(session, change, name)
        row.judged = {**row.judged, "before": answers, REHEARSAL: tried}
        row.note = f"Awaiting the merge of {where(change)}. {release_words.rehearsed({REHEARSAL: tried})}"[:2000]
        if issue.status is not Status.AWAITING_APPROVAL or issue.reason != message:
            stage_log.move(session, issue.id, Status.AWAITING_APPROVAL, message)
    return MergeLook("open", EVERY, message)


def _rehearsed(found: Clone, change: ChangeSet, known: dict[str, Any]) -> dict[str, Any]:
    """The rehearsal on the main branch as it is now: what it lost since may keep the fix from being merged."""
    main = _main(found)
    return known if known.get("main") == main else {**rehearsal.of_merge(found, change), "main": main}


def _waiting(session: Session, change: ChangeSet, name: str) -> Deployment:
    """The row of the awaited release; a restarted run reuses the row that it had given up."""
    row = rows.of(session, change, name, "production", automatic=False)
    row.status, row.ended_at = "pending", None
    return row


def _approved(session: Session, context: StepContext, change: ChangeSet, state: PullState) -> None:
    """Record the merge as the approval of this patch, once, and void a pending approval."""
    issue = session.get_one(Issue, context.issue_id)
    by = f"{state.by or 'a person'} (merge)"
    asked = session.exec(select(Approval).where(Approval.change_set_id == change.id)).all()
    if any(row.state == "approved" for row in asked):
        return
    for row in asked:
        row.state = "stale" if row.state == "pending" else row.state
    at = state.at or store.clock(session)
    session.add(
        Approval(
            issue_id=issue.id,
            change_set_id=change.id,
            workflow_id=issue.workflow_id,
            patch_hash=change.patch_hash,
            asks=f"Merge {where(change)}"[:2000],
            state="approved",
            by=by[:100],
            reason=f"Merged as {state.sha[:12]}",
            requested_by=issue.requested_by,
            expires_at=at,
            answered_at=at,
        )
    )
    learn.note(session, issue.id, context.run, "merge", {"sha": state.sha, "by": by, "patch": change.patch_hash})


# --- after the merge ----------------------------------------------------------------------------------


def _merged(
    rt: Runtime, found: Clone, name: str, repository: Repository, issue: Issue, change: ChangeSet, state: PullState
) -> MergeLook:
    with found.lock:
        found.fetch()
    at = store.time()
    merged = _merge_time(name, change, state, at)
    live, message = _released(rt, found, name, repository, state.sha, merged, at)
    with store.write() as session:
        if live is None:
            stage_log.move(session, issue.id, Status.QUEUED, message)
            return MergeLook("merged", SOON, message)
    _watched(rt, name, found, change, state, live, message)
    return MergeLook("live", message=message)


def _merge_time(name: str, change: ChangeSet, state: PullState, at: datetime) -> datetime:
    """When it was merged, in ISO format: the code host's time, or that of the first look that found it merged."""
    with store.write() as session:
        row = _waiting(session, change, name)
        merged_at = row.judged.get("merged", {}).get("at") or (state.at or at).isoformat()
        row.judged = {**row.judged, "merged": {"sha": state.sha, "at": merged_at, "by": state.by}}
        row.note = f"Merged as {state.sha[:12]}; awaiting the release that contains it"
    return datetime.fromisoformat(merged_at)


def _released(
    rt: Runtime, found: Clone, name: str, repository: Repository, sha: str, merged: datetime, at: datetime
) -> tuple[Deployed | None, str]:
    """(the release that contains the merge, None while it is awaited; a sentence for people)."""
    rules = repository.pull_request
    signs = releases.seen(rt, name, repository, merged - releases.KNOWN)
    if carried := releases.carrying(found, [sign for sign in signs if sign.at >= merged], sha):
        live, source = carried
        return live, f"Merged as {sha[:12]}; {source} reports release {live.sha[:12]}, which contains it"
    if releases.known(found, signs):
        if at < merged + timedelta(minutes=rules.release_wait_minutes):
            return None, f"Merged as {sha[:12]}; awaiting the release that contains it"
        message = f"no release was reported in {rules.release_wait_minutes:g} minutes, so the watch starts now"
        return Deployed(sha, "", "READY", sha, since=at), f"Merged as {sha[:12]}; {message}"
    begins = merged + timedelta(minutes=rules.release_delay_minutes)
    if at < begins:
        return None, f"Merged as {sha[:12]}; the watch starts at {begins:%H:%M} UTC"
    message = "no source reports releases, so the watch starts at the merge"
    return Deployed(sha, "", "READY", sha, since=begins), f"Merged as {sha[:12]}; {message}"


def _health_before(rt: Runtime, name: str, since: datetime) -> dict[str, ServiceHealth]:
    """The health before the release. A source that does not respond must not keep a merged release unwatched."""
    try:
        return scene.health_before(rt, sorted(scene.services_of(rt, name)), since)
    except VendorError as error:
        log.warning("the figures before the release of %s are missing: %s", name, error)
        return {}


def _watched(
    rt: Runtime, name: str, found: Clone, change: ChangeSet, state: PullState, live: Deployed, message: str
) -> None:
    """Start the watch: record what production serves, since when, and what it replaced."""
    since = live.since or store.time()
    before = _health_before(rt, name, since)
    parent = found.commits(f"{state.sha}^1")[0]
    with store.write() as session:
        row = rows.of(session, change, name, "production", automatic=False)
        if row.vendor_id:
            return
        row.sqlmodel_update(
            {
                "vendor_id": live.vendor_id,
                "sha": live.sha,
                "url": change.pull_url,
                "previous_vendor_id": parent,
                "before": {service: health.model_dump() for service, health in before.items()},
                "status": "watching",
                "started_at": since,
                "ready_at": since,
                "note": message,
            }
        )
        session.add(row)
