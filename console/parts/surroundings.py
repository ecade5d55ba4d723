"""The figures of an issue, the people around it, and what is not known, as safe HTML."""

from __future__ import annotations

from collections.abc import Sequence

from console.ui.markup import Safe, join, moment, percent, tag, when
from console.ui.widgets import card, stat, stats
from core.models import ENDED, Issue
from core.models.counted import counted
from core.ops import subscribers
from core.queries import counting
from core.queries.around import IssueRate, IssueSurroundings
from core.queries.issues import Story


def figures(story: Story, found: IssueSurroundings) -> Safe:
    """The rate, the users and the first release, then how often and when."""
    issue = story.issue
    value, noun = counted(issue.occurrences, "occurrence").split(" ", 1)
    return stats(
        _rate(issue, found.rate),
        stat(f"{issue.users:,}", "Affected users") if issue.users else stat("–", "Affected users", "not reported"),
        stat(_release(issue, found), "Since release", "" if issue.release else "no report names one"),
        stat(value, noun.capitalize(), f"from {counting.with_noun(story.signal_count, 'signal')}"),
        stat(when(issue.first_seen), "First error", moment(issue.first_seen)),
        stat(when(issue.last_seen), "Last error", moment(issue.last_seen)),
    )


def _rate(issue: Issue, rate: IssueRate) -> Safe:
    failing = "" if rate.failing is None else f"{percent(rate.failing, 1)} of requests to {issue.service} fail"
    hint = failing or f"no figures of {issue.service or 'the service'}"
    tone = "bad" if rate.reports and issue.status not in ENDED else ""
    return stat(f"{rate.a_minute:,.1f}", "Errors a minute, last 5 min", hint, tone)


def _release(issue: Issue, found: IssueSurroundings) -> Safe:
    name = issue.release or "unknown"
    words = tag("span", name if len(name) <= 16 else f"{name[:15]}…", class_="d-release", title=name)
    if not found.links:
        return words
    return tag("a", words, href=found.links.commit, target="_blank", rel="noopener noreferrer")


def people(story: Story, mail: bool) -> Safe:
    """Who owns the issue, who acknowledged it, and who gets its messages by what channel; ``mail`` is connected."""
    issue = story.issue
    by = [f"{name} ({subscribers.WORDS[subscribers.channel(name, mail)]})" for name in story.subscribers]
    seen = join([f"Acknowledged by {issue.acknowledged_by} ", when(issue.acknowledged_at)])
    parts = [
        f"Owner: {issue.owner or 'nobody'}",
        seen if issue.acknowledged_by else "Not acknowledged",
        f"Subscribers: {', '.join(by) or 'nobody'}",
    ]
    return tag("p", join(parts, " · "), class_="d-muted")


def unknown(unknowns: Sequence[str]) -> Safe | str:
    """The missing evidence as a list; nothing if none is missing."""
    if not unknowns:
        return ""
    return card("What the platform does not know", tag("ul", *(tag("li", one) for one in unknowns), class_="d-unknown"))
