"""The first content of a page, as safe HTML. The server draws it; the page's script replaces it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.ui.markup import Safe, clock, join, link, percent, tag, when
from console.ui.widgets import SEVERITY, STATUS, card, issue_link, of, stat, stats, table
from core.access.rights import Actor
from core.models import Approval, ChangeSet, Issue, Status
from core.models.counted import counted
from core.policy.environment import EnvironmentRules
from core.settings import Settings

LEADS = {
    "pipeline": "What is failing, what is being fixed, and what waits for you.",
    "approvals": "What waits for a person: fixes to approve, pull requests to merge, and escalated issues.",
    "issues": "Each issue groups errors with one cause.",
    "kpis": "What the platform achieves. A figure appears once it has enough cases; hover for its formula.",
}
NEEDS = "Needs you"
FLOW = "Workflow: current issues, and transitions in the last 24 h"
ENDED = (Status.RESOLVED, Status.ESCALATED, Status.DISMISSED)
ORDERS = {"newest": "newest first", "last error": "most recent error first", "occurrences": "most occurrences first"}


def person(actor: Actor) -> Safe:
    """Who is signed in, with links to preferences and password, and to sign out."""
    return tag(
        "div",
        tag("b", actor.name),
        tag("span", actor.role.value),
        tag("a", "Preferences", href="/preferences", target="_self"),
        tag("a", "Password", href="/password", target="_self"),
        tag("a", "Sign out", href="/logout", target="_self"),
        class_="d-person-here",
    )


def foot(settings: Settings, rules: EnvironmentRules) -> tuple[Safe, ...]:
    """The sidebar's information about this process."""
    parts = []
    if not settings.console_engine:
        text = "CONSOLE_ENGINE is off; a separate worker runs the collection cycles"
        parts.append(tag("p", "Engine: ", tag("b", "off in this process"), title=text))
    if rules.staging:
        most = counted(rules.most or 0, "record")
        kept = f"A collection cycle keeps {most} of each source. A person approves every fix."
        parts.append(tag("p", "Environment: ", tag("b", "staging"), title=kept))
    if settings.sandbox_url:
        text = "Vendor APIs are simulated on this machine. The shop, its code and its errors are real."
        parts.append(tag("p", tag("b", "Simulated vendors, real shop"), title=text))
    return tuple(parts)


def headline(by: Mapping[Status, int], day: Mapping[str, int]) -> Safe:
    """Issues by status, and the counts of the last 24 hours."""
    people = by.get(Status.AWAITING_APPROVAL, 0)
    return stats(
        stat(sum(number for status, number in by.items() if status not in ENDED), "In progress"),
        stat(people, "Awaiting approval", tone="person" if people else ""),
        stat(
            by.get(Status.ESCALATED, 0),
            "Escalated",
            link("/issues?status=escalated", "Show") if by.get(Status.ESCALATED) else "",
        ),
        stat(day["fixed"], "Fixed and verified, 24 h", tone="ok" if day["fixed"] else ""),
        stat(day["rolled_back"], "Rolled back, 24 h", tone="bad" if day["rolled_back"] else ""),
        stat(f"{day['signals']:,}", "Signals read, 24 h", f"{counted(day['issues'], 'new issue')}"),
    )


def question(approval: Approval, issue: Issue, change_set: ChangeSet) -> tuple[Safe, ...]:
    """A pending approval: its question, its age, and a link to the patch."""
    return (
        tag("div", of(SEVERITY, issue.severity), issue_link(issue), class_="d-line-up"),
        tag("p", approval.asks),
        tag(
            "p",
            "Requested ",
            when(approval.asked_at),
            ", expires ",
            when(approval.expires_at),
            f" ({clock(approval.expires_at)}). ",
            link(f"/codegen?change={change_set.id}", "Read the patch and its proof"),
            class_="d-muted",
        ),
    )


def review_list(rows: Sequence[tuple[Issue, ChangeSet]]) -> Safe | str:
    """Pull requests that wait for a merge: merging one approves its fix."""
    if not rows:
        return ""
    cells = ((issue_link(issue), of(SEVERITY, issue.severity), pull_link(change)) for issue, change in rows)
    return card("Ready for review: merging approves the fix", table(("Issue", "Severity", "Pull request"), cells))


def pull_link(change: ChangeSet) -> Safe:
    """The pull request of a change, or its branch; the address is the code host's."""
    if not change.pull_number:
        return tag("code", change.branch)
    shown = f"#{change.pull_number}"
    if not change.pull_url.startswith(("https://", "http://")):
        return tag("span", shown)
    return tag("a", shown, href=change.pull_url, target="_blank", rel="noopener noreferrer")


def explained_by(number: int | None) -> Safe | str:
    """Why an issue has no run of its own."""
    return tag("small", "explained by ", link(f"/issues?issue={number}", f"#{number}")) if number else ""


def issue_list(
    found: int, rows: Sequence[Issue], explainers: Mapping[int, int], sort: str = "newest"
) -> tuple[Safe, Safe]:
    """The number of issues, and one page of them; ``explainers`` names the issue that explains another."""
    heads = ("Issue", "Status", "Severity", "Service", "Occurrences", "Confidence", "Last error", "First error")
    cells = (
        (
            join([issue_link(i), explained_by(explainers.get(i.id))]),
            of(STATUS, i.status),
            of(SEVERITY, i.severity),
            i.where,
            f"{i.occurrences:,}",
            percent(i.confidence),
            when(i.last_seen),
            when(i.first_seen),
        )
        for i in rows
    )
    text = f"{counted(found, 'issue')}, {ORDERS[sort]}; {len(rows)} on this page."
    return tag("p", text, class_="d-muted"), table(heads, cells, (4, 5))
