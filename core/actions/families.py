"""Actions on the families of issues: a person links an issue to its parent, or unlinks it.

The platform does not move the link of a person, and does not make one again that a person ended. A child that goes on
after its parent has ended becomes an issue of its own in either case.
"""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session

from core.access.rights import OPERATE, Actor, Refused
from core.actions.registry import About, ActionResult, Asked, Dialog, Key, Whole, action, get, note, once, why
from core.models import Issue, IssueLink, LinkKind
from core.stages import linking


@action(
    OPERATE,
    "it keeps an issue from starting a run of its own",
    About.ISSUE,
    Dialog(
        "Link to parent",
        "Which issue explains this one?",
        "It becomes a child: it starts no new run of its own, and it ends with its parent. Work in progress goes on.",
    ),
)
def link(
    issue_id: int,
    *,
    actor: Actor,
    parent: Annotated[Whole, Asked("Parent issue", "one", "Choose the issue that explains it.")],
    reason: Annotated[str, why()],
    key: str,
) -> ActionResult:
    """Make this issue the child of the issue that explains it."""
    _reasoned(reason)

    def act(session: Session, who: Actor, key: Key) -> str:
        issue, above = get(session, Issue, issue_id, "this issue"), get(session, Issue, parent, f"issue {parent}")
        for one in (issue, above):
            if one.merged_into:
                raise Refused(f"Issue {one.id} was merged into issue {one.merged_into}. Link that one.")
        if above.status in linking.OVER and issue.status not in linking.OVER:
            raise Refused(f"Issue {parent} has ended, so it explains nothing that goes on.")
        if issue_id in linking.ancestors(session, parent):
            raise Refused("An issue cannot be its own parent, directly or through other issues.")
        if before := linking.active(session, issue_id):
            linking.end(session, before, who.name, f"Linked to issue {parent}. {reason}")
        made = IssueLink(child_id=issue_id, parent_id=parent, kind=LinkKind.PERSON, reason=reason.strip()[:500])
        made.by = who.name
        linking.put(session, made)
        note(session, who, "link", issue_id, key, {"parent": parent, "reason": reason})
        return f"Issue {issue_id} is now a child of issue {parent}."

    return once("link", actor, f"issue/{issue_id}", key, act, {"parent": parent, "reason": reason})


@action(
    OPERATE,
    "it may start a run of the issue",
    About.ISSUE,
    Dialog(
        "Unlink from parent",
        "Unlink this issue from its parent?",
        "It is an issue of its own again, and starts a run if it waited. The platform does not link the two again.",
    ),
)
def unlink(issue_id: int, *, actor: Actor, reason: Annotated[str, why()], key: str) -> ActionResult:
    """Make this issue one of its own again."""
    _reasoned(reason)

    def act(session: Session, who: Actor, key: Key) -> str:
        get(session, Issue, issue_id, "this issue")
        standing = linking.active(session, issue_id)
        if standing is None:
            raise Refused("This issue has no parent.")
        linking.end(session, standing, who.name, reason.strip())
        note(session, who, "unlink", issue_id, key, {"parent": standing.parent_id, "reason": reason})
        return f"Issue {issue_id} is no longer a child of issue {standing.parent_id}."

    return once("unlink", actor, f"issue/{issue_id}", key, act, {"reason": reason})


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise Refused("Enter a reason. It is shown beside the link.")
