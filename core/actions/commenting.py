"""The action that comments on a line of a change; the fixer reads the comment as feedback."""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session

from core.access.rights import OPERATE, Actor, Refused
from core.actions.registry import About, ActionResult, Asked, Dialog, Key, Whole, action, get, note, once
from core.models import ChangeSet
from core.models.following import LineComment

LONGEST = 500  # characters: as long as a finding of the review


@action(
    OPERATE,
    "the comment bears that person's name, and the fixer follows it",
    About.ISSUE,
    Dialog(
        "Comment on a line",
        "Comment on a line of this patch?",
        "The fixer reads it before its next attempt on this issue. To get one, reject the patch or start a new run.",
    ),
)
def comment_line(
    issue_id: int,
    *,
    actor: Actor,
    change: Whole,
    place: Annotated[str, Asked("Line", "one", "Choose a line.")],
    text: Annotated[str, Asked("What should change?", missing="Enter a comment.")],
    key: str,
) -> ActionResult:
    """Comment on a line of a change, as path:line of its new text; the fixer reads it before its next attempt."""
    if not text.strip() or len(text) > LONGEST:
        raise Refused(f"Enter a comment of at most {LONGEST} characters.")

    def act(session: Session, who: Actor, key: Key) -> str:
        found = get(session, ChangeSet, change, "this change")
        if found.issue_id != issue_id:
            raise Refused(f"Change {change} does not belong to issue {issue_id}.")
        path, _, line = place.rpartition(":")
        if f"+++ b/{path}\n" not in found.patch or not (line.isascii() and line.isdigit() and len(line) < 9):
            raise Refused(f"{place!r} is no line of this patch.")
        comment = LineComment(change_set_id=change, path=path, line=int(line), text=text.strip(), by=who.name)
        session.add(comment)
        note(session, who, "comment_line", issue_id, key, {"change": change, "place": place, "text": text})
        return "The comment is kept. The fixer reads it before its next attempt."

    content = {"change": change, "place": place, "text": text}
    return once("comment_line", actor, f"issue/{issue_id}", key, act, content)
