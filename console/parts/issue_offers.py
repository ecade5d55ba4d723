"""The actions that an issue offers, by its status."""

from __future__ import annotations

from collections.abc import Sequence

from console.parts import work
from console.ui.confirm import Offer
from core.actions import reverting
from core.models import ENDED, Status
from core.queries import issues
from core.signals.analysis import suspects


def on_issue(told: issues.Story) -> list[Offer]:
    """The actions that the issue's status allows."""
    issue, asked = told.issue, told.pending
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
    return [] if issue.merged_into else found + work.offers(told)


def on_signals(told: issues.Story, others: dict[int, str]) -> list[Offer]:
    """The actions on the issue's signals."""
    issue, found = told.issue, []
    if issue.merged_into:
        return found
    if others:
        found += [Offer("merge", issue.id, issue.title, choices=others)]
    if len(told.parts) > 1:
        found += [Offer("split", issue.id, issue.title, choices=told.parts)]
    if told.silence:
        return [*found, Offer("end_silence", told.silence.id, told.silence.reason)]
    over = issue.status in (Status.RESOLVED, Status.DISMISSED)
    return found if over else [*found, Offer("silence", issue.id, issue.title)]


def of_people(told: issues.Story, person: str, owners: Sequence[str]) -> list[Offer]:
    """The actions of the people around the issue, for this person."""
    issue, found = told.issue, []
    if issue.merged_into:
        return found
    if issue.status not in (Status.RESOLVED, Status.DISMISSED):
        found += [] if issue.acknowledged_by else [Offer("acknowledge", issue.id, issue.title)]
        found += [Offer("set_owner", issue.id, issue.title, choices=owners)]
    follow = "unsubscribe" if person in told.subscribers else "subscribe"
    return [*found, Offer(follow, issue.id, issue.title), Offer("add_note", issue.id, issue.title)]


def on_suspect(told: issues.Story) -> list[Offer]:
    """The revert of the suspect change, if it names a commit and no work on the issue runs."""
    issue, commit = told.issue, suspects.commit(told.analyses[-1].evidence) if told.analyses else ""
    if not commit or issue.merged_into or issue.status not in reverting.BEFORE:
        return []
    return [Offer("revert_change", issue.id, f"{commit[:10]} of {issue.title}", {"commit": commit})]
