"""The messages of the console as safe HTML."""

from __future__ import annotations

from collections.abc import Sequence

from console.ui.markup import Safe, link, tag, when
from console.ui.widgets import card, table
from core.models import Notification

MINE, ALL = "Messages about your subscriptions", "Notifications of the last 24 hours"


def drawn(rows: Sequence[Notification], title: str = MINE) -> Safe | str:
    """The messages in a card; nothing without one."""
    if not rows:
        return ""
    cells = ((_subject(row), tag("span", row.body, class_="d-clip"), when(row.created_at)) for row in rows)
    return card(title, table(("Message", "Text", "When"), cells))


def _subject(row: Notification) -> Safe:
    words = tag("b", row.subject)
    return link(f"/issues?issue={row.issue_id}", words, class_="d-clip") if row.issue_id else words
