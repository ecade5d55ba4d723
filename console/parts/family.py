"""The affected services, the parent and the children of an issue."""

from __future__ import annotations

from console.ui.confirm import Offer
from console.ui.markup import Safe, tag
from console.ui.widgets import STATUS, issue_link, of, table
from core.models import LinkKind
from core.models.counted import counted
from core.queries.families import LinkedIssue
from core.queries.issues import Story

KINDS = {
    LinkKind.SYMPTOM: "Explained by this crash",
    LinkKind.FIX: "Caused by its fix",
    LinkKind.PERSON: "Linked by a person",
}


def drawn(story: Story) -> Safe:
    affected = story.issue.affected
    services = f"Affects {counted(len(affected), 'service')}: {story.issue.where}." if len(affected) > 1 else ""
    return tag(
        "section",
        tag("p", services) if services else "",
        _rows("Parent issue", [story.parent]) if story.parent else "",
        _rows("Child issues", story.children) if story.children else "",
        class_="d-family",
    )


def _rows(title: str, found) -> Safe:
    return table((title, "Status", "Kind of link", "By", "Why"), map(_row, found))


def _row(one: LinkedIssue) -> tuple:
    return (
        issue_link(one.issue),
        of(STATUS, one.issue.status),
        KINDS[one.link.kind],
        one.link.by,
        tag("span", one.link.reason, class_="d-clip"),
    )


def offers(story: Story, others: dict[int, str]) -> list[Offer]:
    """Link and unlink, where they are possible."""
    issue = story.issue
    if issue.merged_into:
        return []
    if story.parent:
        return [Offer("unlink", issue.id, issue.title)]
    return [Offer("link", issue.id, issue.title, choices=others)] if others else []
