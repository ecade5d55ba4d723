"""What a page shows first, as safe HTML: drawn by its script, and by the server before the script runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.ui.markup import Safe, clock, link, percent, tag, when
from console.ui.widgets import SEVERITY, STATUS, issue_link, of, stat, stats, table
from core.access.rights import Actor
from core.models import Approval, ChangeSet, Issue, Status
from core.models.counted import counted
from core.settings import Settings

LEADS = {
    "pipeline": "Errors in, verified fixes out: where everything stands.",
    "issues": "One issue a cause: what was seen, decided and done about it.",
    "kpis": "What it is worth: figures with their formulas, and no figure without enough cases.",
}
FLOW = "The workflow now, and the last 24 h on its arrows"
ENDED = (Status.RESOLVED, Status.ESCALATED, Status.DISMISSED)
ORDERS = {"newest": "the latest", "last error": "the last error", "occurrences": "the most frequent"}


def person(actor: Actor) -> Safe:
    """Who is signed in here, and the ways out."""
    return tag(
        "div",
        tag("b", actor.name),
        tag("span", actor.role.value),
        tag("a", "Password", href="/password", target="_self"),
        tag("a", "Sign out", href="/logout", target="_self"),
        class_="d-person-here",
    )


def foot(settings: Settings) -> tuple[Safe, ...]:
    """What the side bar says of this process to everybody."""
    told = []
    if not settings.console_engine:
        says = "CONSOLE_ENGINE is off: a worker does the rounds"
        told.append(tag("p", "Engine: ", tag("b", "off in this process"), title=says))
    if settings.sandbox_url:
        says = "Every vendor's API is played on this machine; the shop, its code and its errors are real."
        told.append(tag("p", tag("b", "Simulated vendors, real shop"), title=says))
    return tuple(told)


def headline(by: Mapping[Status, int], day: Mapping[str, int]) -> Safe:
    """Issues by where they stand, and what the last day brought."""
    people = by.get(Status.AWAITING_APPROVAL, 0)
    return stats(
        stat(sum(number for status, number in by.items() if status not in ENDED), "issues in work now"),
        stat(people, "wait for an approval now", tone="person" if people else ""),
        stat(
            by.get(Status.ESCALATED, 0),
            "escalated to a person now",
            link("/issues?status=escalated", "show") if by.get(Status.ESCALATED) else "",
        ),
        stat(day["fixed"], "fixed and verified, 24 h", tone="ok" if day["fixed"] else ""),
        stat(day["rolled_back"], "rolled back, 24 h", tone="bad" if day["rolled_back"] else ""),
        stat(f"{day['signals']:,}", "signals read, 24 h", f"made {day['issues']:,} issues"),
    )


def question(approval: Approval, issue: Issue, change_set: ChangeSet) -> tuple[Safe, ...]:
    """A pending approval: what is asked, since when, and where its patch can be read."""
    return (
        tag("div", of(SEVERITY, issue.severity), issue_link(issue), class_="d-line-up"),
        tag("p", approval.asks),
        tag(
            "p",
            "Asked ",
            when(approval.asked_at),
            ", expires ",
            when(approval.expires_at),
            f" ({clock(approval.expires_at)}). ",
            link(f"/codegen?change={change_set.id}", "Read the patch and its proof"),
            class_="d-muted",
        ),
    )


def issue_list(found: int, rows: Sequence[Issue], sort: str = "newest") -> tuple[Safe, Safe]:
    """How many there are, and one page of them."""
    heads = ("Issue", "Status", "Severity", "Service", "Occurrences", "Confidence", "Last error", "First error")
    cells = (
        (
            issue_link(i),
            of(STATUS, i.status),
            of(SEVERITY, i.severity),
            i.service,
            f"{i.occurrences:,}",
            percent(i.confidence),
            when(i.last_seen),
            when(i.first_seen),
        )
        for i in rows
    )
    says = f"{counted(found, 'issue')}, {ORDERS[sort]} first; {len(rows)} on this page."
    return tag("p", says, class_="d-muted"), table(heads, cells, (4, 5))
