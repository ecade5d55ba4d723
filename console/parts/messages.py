"""The messages of one person as safe HTML."""

from __future__ import annotations

from collections.abc import Sequence

from console.ui.markup import Safe, link, tag, when
from console.ui.widgets import card, table
from core.models import Notification


def drawn(rows: Sequence[Notification]) -> Safe | str:
    """Messages about the issues that the person subscribed to; nothing without one."""
    if not rows:
        return ""
    cells = ((_subject(row), tag("span", row.body, class_="d-clip"), when(row.created_at)) for row in rows)
    return card("Messages about your subscriptions", table(("Message", "Text", "When"), cells))


def _subject(row: Notification) -> Safe:
    return link(f"/issues?issue={row.issue_id}", tag("b", row.subject), class_="d-clip")
