"""Suppressed signals, silences, planned maintenance and merged issues, as safe HTML."""

from __future__ import annotations

from collections.abc import Sequence

from console.ui.markup import Safe, esc, join, link, moment, tag, when
from console.ui.widgets import badge, card, table
from core.models import now
from core.models.counted import counted
from core.models.kept import Silence
from core.queries.issues import Story
from core.queries.suppressed import Aside


def set_aside(found: Sequence[Aside]) -> Safe:
    """How many signals opened no issue in the last 24 h, and why."""
    signals = sum(row.signals for row in found)
    if not signals:
        return tag("p", "No signals were suppressed in the last 24 h.", class_="d-muted")
    rows = ((row.reason, f"{row.signals:,}", f"{row.occurrences:,}", when(row.last)) for row in found)
    return tag(
        "details",
        tag("summary", f"{counted(signals, 'signal')} suppressed in the last 24 h (no issue opened)"),
        table(("Why", "Signals", "Occurrences", "Last"), rows, (1, 2)),
    )


def state(silence: Silence) -> Safe:
    if silence.starts_at > now():
        return badge("wait", "◷", "planned")
    return badge("calm", "◌", "maintenance" if silence.planned else "silenced")


def silence(row: Silence) -> Safe:
    """One silence or planned maintenance: its scope, end, author and reason."""
    covers = (
        (link(f"/issues?issue={row.issue_id}", f"issue {row.issue_id}"), " ", row.title)
        if row.issue_id
        else (tag("code", row.service), " ", tag("code", row.title))
    )
    begins = ("from ", moment(row.starts_at), " ") if row.starts_at > now() else ()
    return card(
        "",
        tag("p", state(row), " ", *covers),
        tag("p", *begins, "until ", moment(row.ends_at), f", by {row.by}: {row.reason}", class_="d-muted"),
    )


def of_issue(story: Story) -> Safe:
    """The issue it was merged into, the issues merged into it, and its silence."""
    into, row = story.issue.merged_into, story.silence
    parts = []
    if into:
        parts.append(tag("p", "Merged into ", link(f"/issues?issue={into}", f"issue {into}"), "."))
    if story.absorbed:
        links = (part for n in story.absorbed for part in (" ", link(f"/issues?issue={n}", f"#{n}")))
        parts.append(tag("p", "Merged issues:", *links, class_="d-muted"))
    if row:
        parts.append(tag("p", state(row), " until ", moment(row.ends_at), f", by {row.by}: {row.reason}"))
    return join(parts) if parts else esc("")
