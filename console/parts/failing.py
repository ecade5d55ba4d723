"""What fails now, as safe HTML: a row for each service with its error rate, what is being done, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from console.ui.drawing import rate_chart
from console.ui.markup import Safe, join, link, percent, tag, when
from console.ui.widgets import SEVERITY, STATUS, empty, issue_link, of
from core.models import Issue, Status
from core.models.counted import counted
from core.models.reason import next_step
from core.queries.failing import FailingService

TITLE = "Failing now"
SHOWN = 3  # issues of a service; a link leads to the others
DOES = {
    Status.NEW: "The platform will analyze it in the next cycle.",
    Status.ANALYZING: "The platform looks for the cause.",
    Status.DECIDING: "The platform decides what to do.",
    Status.SCHEDULED: "Waits for the maintenance window.",
    Status.FIXING: "The platform writes a fix.",
    Status.REVIEWING: "The fix is reviewed.",
    Status.TESTING: "The fix is tested.",
    Status.PREVIEWING: "The fix is tried in a preview.",
    Status.QUEUED: "The fix waits for its turn to be released.",
    Status.DEPLOYING: "The fix is being released.",
    Status.WATCHING: "The fix is live and watched.",
    Status.ROLLING_BACK: "The release is being rolled back.",
}


def section(services: Sequence[FailingService], any_source: bool, usual: Mapping[str, float]) -> Safe:
    """All failing services, the worst first; in each chart the ``usual`` rates of its service are shaded."""
    if not services:
        text = "No service has errors now." if any_source else "No connector has delivered data yet."
        return empty("Nothing is failing" if any_source else "No data yet", text, "✓" if any_source else "◔")
    return tag("ul", *(_row(one, usual.get(one.service)) for one in services), class_="d-failing")


def _row(one: FailingService, usual: float | None) -> Safe:
    return tag(
        "li",
        tag(
            "div",
            tag("b", one.service, class_="d-failing-name"),
            tag("b", percent(one.rate, 1), class_="d-failing-rate") if one.rate is not None else "",
            tag("span", "of requests fail" if one.rate is not None else "Error rate not measured", class_="d-muted"),
            tag("span", _reach(one), "since ", when(one.since), class_="d-muted"),
        ),
        rate_chart(one.points, one.marks, usual)
        if len(one.points) > 1
        else tag("span", "No chart yet", class_="d-muted"),
        tag("div", *_issues(one)),
    )


def _reach(one: FailingService) -> str:
    return f"{counted(one.users, 'affected user')}, " if one.users else ""


def _issues(one: FailingService):
    if not one.issues:
        yield tag("p", "No issue yet. The next collection cycle groups its errors.", class_="d-muted")
    for issue in one.issues[:SHOWN]:
        head = tag("div", of(SEVERITY, issue.severity), of(STATUS, issue.status), class_="d-line-up")
        yield tag("div", head, issue_link(issue), wants(issue), class_="d-failing-issue")
    if (more := len(one.issues) - SHOWN) > 0:
        address = f"/issues?{urlencode({'service': one.service})}"
        yield tag("p", link(address, f"{counted(more, 'more issue')} of {one.service}"))


def wants(issue: Issue) -> Safe:
    """What the platform does about it, or what it needs from a person."""
    if issue.status == Status.AWAITING_APPROVAL:
        return tag("p", tag("b", "Needs you: "), link("/approvals", "approve or reject the fix"))
    if issue.status == Status.ESCALATED:
        return tag("p", tag("b", "Needs you: "), next_step(issue.reason) or "The platform cannot fix it.")
    return tag("p", DOES.get(issue.status, issue.reason), class_="d-muted")


def people(issues: Sequence[Issue], more: int) -> Safe | str:
    """Escalated issues: the reason, and a link to the issue with its actions."""
    if not issues:
        return ""
    rows = (tag("li", tag("div", of(SEVERITY, i.severity), issue_link(i), class_="d-line-up"),
                tag("p", f"{next_step(i.reason)} Last error ".lstrip(), when(i.last_seen), class_="d-muted"))
            for i in issues)  # fmt: skip
    rest = tag("p", link("/approvals", f"{counted(more, 'more escalated issue')}"), class_="d-muted") if more else ""
    return join([tag("ul", *rows, class_="d-needs"), rest])
