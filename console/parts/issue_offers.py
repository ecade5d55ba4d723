"""The actions that an issue offers, by its status."""

from __future__ import annotations

from collections.abc import Sequence

from console.parts import work
from console.ui.confirm import Offer
from core.actions import reverting
from core.models import ENDED, Status
from core.queries import issues
from core.signals.analysis import suspects


def on_issue(story: issues.Story) -> list[Offer]:
    """The actions that the issue's status allows."""
    issue, asked = story.issue, story.pending
    found = []
    if asked:
        found += [
            Offer("approve", asked.id, asked.asks, {"patch_hash": asked.patch_hash}),
            Offer("reject", asked.id, asked.asks),
        ]
    if issue.status not in ENDED:
        found += [Offer("escalate", issue.id, issue.title)]
    if issue.status == Status.SCHEDULED:
        found += [Offer("start_now", issue.id, issue.title)]
    if issue.status in (Status.ESCALATED, Status.DISMISSED):
        found += [Offer("retry", issue.id, issue.title)]
    if issue.status == Status.ESCALATED:
        found += [Offer("resolve", issue.id, issue.title)]
    if issue.status not in (Status.RESOLVED, Status.DISMISSED):
        found += [Offer("dismiss", issue.id, issue.title)]
    return [] if issue.merged_into else found + work.offers(story)


def on_signals(story: issues.Story, others: dict[int, str]) -> list[Offer]:
    """The actions on the issue's signals."""
    issue, found = story.issue, []
    if issue.merged_into:
        return found
    if others:
        found += [Offer("merge", issue.id, issue.title, choices=others)]
    if len(story.parts) > 1:
        found += [Offer("split", issue.id, issue.title, choices=story.parts)]
    if story.silence:
        return [*found, Offer("end_silence", story.silence.id, story.silence.reason)]
    over = issue.status in (Status.RESOLVED, Status.DISMISSED)
    return found if over else [*found, Offer("silence", issue.id, issue.title)]


def of_people(story: issues.Story, person: str, owners: Sequence[str]) -> list[Offer]:
    """The actions of the people around the issue, for this person."""
    issue, found = story.issue, []
    if issue.merged_into:
        return found
    if issue.status not in (Status.RESOLVED, Status.DISMISSED):
        found += [] if issue.acknowledged_by else [Offer("acknowledge", issue.id, issue.title)]
        found += [Offer("set_owner", issue.id, issue.title, choices=owners)]
    follow = "unsubscribe" if person in story.subscribers else "subscribe"
    return [*found, Offer(follow, issue.id, issue.title), Offer("add_note", issue.id, issue.title)]


def on_suspect(story: issues.Story) -> list[Offer]:
    """The revert of the suspect change, if it names a commit and no work on the issue runs."""
    issue, commit = story.issue, suspects.commit(story.analyses[-1].evidence) if story.analyses else ""
    if not commit or issue.merged_into or issue.status not in reverting.BEFORE:
        return []
    return [Offer("revert_change", issue.id, f"{commit[:10]} of {issue.title}", {"commit": commit})]
