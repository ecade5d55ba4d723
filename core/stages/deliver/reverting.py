"""Rollback where people merge: a revert pull request, followed until it is merged or closed.

A proposed revert is not a rollback yet: production serves the release until the revert is merged and released.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlmodel import Session, select

from core.audit import effects
from core.db import store
from core.models import ChangeSet, Deployment, Issue
from core.ops import notify
from core.policy.services import Repository
from core.runtime import Runtime
from core.stages import learn, workspace
from core.stages.deliver import merging
from core.stages.pull_request import fenced
from core.stages.workspace import Clone, Commit
from core.vendors.base import PullState, VendorError
from core.vendors.command import CommandError

log = logging.getLogger(__name__)
REVERT = "revert"  # key in Deployment.judged: {"sha", "branch", "number", "url"}


@dataclass(frozen=True)
class Restored:
    """The result of a rollback. ``status`` becomes the row's status: rolled_back, superseded (production serves another
    deployment), or reverting (a person has to merge the revert).

    ``late``: production never served the deployment, but the vendor may still move production to it.
    """

    status: str
    message: str
    late: bool = False


def propose(rt: Runtime, row: Deployment) -> Restored:
    """Open the revert as a pull request, or find the one that is open. Raises VendorError when it does not apply."""
    if row.status == "rolled_back":
        return Restored("rolled_back", row.note)
    with store.read() as session:
        change = session.get_one(ChangeSet, row.change_set_id)
        row = session.get_one(Deployment, row.id)
    if not row.vendor_id:
        return Restored("rolled_back", "nothing had reached production")
    revert = row.judged.get(REVERT) or _proposed(rt, row, change)
    return Restored("reverting", f"the revert is ready for review: {_where(revert)}. Merge it to remove the fix")


def _where(revert: dict) -> str:
    return (
        f"pull request {revert['number']} ({revert['url']})" if revert.get("number") else f"branch {revert['branch']}"
    )


def _proposed(rt: Runtime, row: Deployment, change: ChangeSet) -> dict:
    repository = rt.policy.repositories[row.repository]
    found = workspace.clone_with(rt, row.repository, repository, change)
    branch = f"revert/issue-{row.issue_id}-{row.id}"
    merged = row.judged.get("merged", {}).get("sha") or row.vendor_id
    made = _commit(found, row, merged)
    found.push(made.sha, branch)
    effects.of_issue(row.issue_id, "push", made.sha, branch=branch, sha=made.sha)
    revert = {"sha": made.sha, "branch": branch, **_opened(rt, repository, row, change, branch, merged)}
    with store.write() as session:
        kept = session.get_one(Deployment, row.id)
        kept.judged = {**kept.judged, REVERT: revert}
    return revert


def _commit(found: Clone, row: Deployment, merged: str) -> Commit:
    at = int(row.ready_at.timestamp()) if row.ready_at else 0
    message = f"Revert the fix of issue {row.issue_id}\n\nThis reverts {merged}, which caused harm in production.\n"
    try:
        return found.reverted(f"refs/changes/revert-{row.id}", merged, message, at)
    except CommandError as error:
        log.info("the revert of %s does not apply: %s", merged, error)
        message = f"the revert of {merged[:12]} does not apply to {found.repository.branch}: revert it by hand"
        raise VendorError("git", message, permanent=True) from None


def _opened(
    rt: Runtime, repository: Repository, row: Deployment, change: ChangeSet, branch: str, merged: str
) -> dict[str, object]:
    if not (rt.host and repository.github):
        return {}
    with store.read() as session:
        issue = session.get_one(Issue, row.issue_id)
    why = fenced(str(row.judged.get("says") or "A person requested it."), 1000)
    link = f"{rt.settings.public_url}/deployments?deployment={row.id}"
    body = f"**Why.** {why}\n\nThis reverts {merged} ({fenced(change.title, 200)}).\n\n[Deployment {row.id}]({link})"
    title = f"Revert the fix of {fenced(issue.title, 80)}"
    pull = rt.host.open_pull(repository.github, branch, repository.branch, title, body)
    return {"number": pull.number, "url": pull.url}


# --- after the proposal --------------------------------------------------------------------------------


def follow(rt: Runtime) -> None:
    """Check every open revert: if merged, it is a rollback; if closed, a person keeps the release."""
    with store.read() as session:
        open_ = session.exec(select(Deployment).where(Deployment.status == "reverting")).all()
    for row in open_:
        try:
            _end(row, _state(rt, row))
        except (VendorError, CommandError) as error:
            log.warning("the revert of deployment %s could not be checked: %s", row.id, error)
        except Exception:  # the next cycle retries, and the rest of this cycle continues
            log.exception("the revert of deployment %s could not be followed", row.id)


def _state(rt: Runtime, row: Deployment) -> PullState:
    repository, revert = rt.policy.repositories[row.repository], row.judged.get(REVERT, {})
    if rt.host and repository.github and revert.get("number"):
        return rt.host.pull_state(repository.github, revert["number"])
    found = workspace.clone(rt, row.repository, repository)
    return merging.branch_state(found, revert["branch"], revert["sha"])


def _end(row: Deployment, state: PullState) -> None:
    if state.state == "open":
        return
    with store.write() as session:
        kept = session.get_one(Deployment, row.id)
        if kept.status == "reverting":
            (_rolled_back if state.state == "merged" else _kept)(session, kept, state)
            kept.ended_at, kept.alarm = store.clock(session), ""


def _rolled_back(session: Session, row: Deployment, state: PullState) -> None:
    issue, change = session.get_one(Issue, row.issue_id), session.get_one(ChangeSet, row.change_set_id)
    message = f"The revert was merged as {state.sha[:12]}"
    row.status, row.note, change.status = "rolled_back", f"{row.note}. {message}"[:2000], "rolled_back"
    learn.remember(session, issue.id, change.run, "rolled_back", row.note, by=state.by or "platform")
    notify.queue(
        session, "rolled_back", issue, f"rollback-{row.key}", f"{message}. It takes effect when it is released."
    )


def _kept(session: Session, row: Deployment, state: PullState) -> None:
    who = state.by or "a person"
    row.status, row.kept_by = "verified", who[:100]
    row.note = f"{row.note}. {fenced(who, 60)} closed the revert: {fenced(state.message, 500) or 'no comment'}"[:2000]
