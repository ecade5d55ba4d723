"""The action that proposes to take the suspect change of an issue out again."""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session, col, select

from core.access.rights import OPERATE, Actor, Refused
from core.actions.registry import About, ActionResult, Dialog, Key, Shown, action, get, note, once
from core.db import store
from core.models import Analysis, Issue, Status
from core.ops import durable
from core.signals import triage_rules
from core.signals.analysis import suspects

BEFORE = (Status.ESCALATED, Status.DISMISSED)


def suspect_of(issue_id: int) -> str:
    """The commit of the issue's suspect change; empty without one."""
    with store.read() as session:
        return _suspect(session, issue_id)


def _suspect(session: Session, issue_id: int) -> str:
    newest = select(Analysis).where(Analysis.issue_id == issue_id).order_by(col(Analysis.id).desc()).limit(1)
    found = session.exec(newest).first()
    return suspects.commit(found.evidence) if found else ""


@action(
    OPERATE,
    "it starts work, and records the person whom four eyes keep from approving it",
    About.ISSUE,
    Dialog(
        "Propose revert",
        "Propose to revert the suspect change?",
        "The revert is proved, reviewed and tested like every fix. A person approves it before production.",
        shortcut="U",
    ),
)
def revert_change(issue_id: int, *, actor: Actor, commit: Annotated[str, Shown(suspect_of)], key: str) -> ActionResult:
    """Propose the revert of the suspect change as a fix of the issue; a person approves it before production."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status not in BEFORE:
            raise Refused(f"The issue is {issue.status}. Escalate it first.")
        if issue.merged_into:
            raise Refused(f"The issue was merged into issue {issue.merged_into}. Propose the revert there.")
        if not commit or commit != _suspect(session, issue_id):
            raise Refused("This is not the issue's suspect change, or it names no commit.")
        triage_rules.unknow(session, issue_id)
        durable.begin(session, issue, requested_by=who.name, reverts=commit)
        note(session, who, "revert_change", issue_id, key, {"run": issue.run, "commit": commit})
        return f"Run {issue.run} has started. It proposes the revert of {commit[:10]}."

    return once("revert_change", actor, f"issue/{issue_id}", key, act, {"commit": commit})
