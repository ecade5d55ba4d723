"""The service's error rate around an issue, and the log lines of that time."""

from __future__ import annotations

from console.ui.drawing import drawing, rate_chart
from console.ui.markup import Safe, clock, link, percent, tag
from console.ui.widgets import card, code, draw, table
from core.queries.beside import Beside


def chart(found: Beside, number: int) -> None:
    """The chart, with the usual rates shaded; nothing without measurements."""
    if len(found.points) < 2:
        return
    usual = "" if found.usual is None else f"; shaded: usual, up to {percent(found.usual, 1)}"
    draw(tag("p", tag("b", found.service), f": error rate around the issue{usual}", class_="d-muted"))
    drawing(rate_chart(found.points, found.marks, found.usual), key=f"beside-{number}")


def logs(found: Beside) -> Safe | str:
    """The lines before the error, and what else the affected services logged within two minutes."""
    if not (found.lines or found.logs):
        return ""
    rows = ((clock(row.at), row.service, tag("span", row.title, class_="d-clip"), _issue(row)) for row in found.logs)
    return card(
        "Logs beside",
        code("\n".join(found.lines)) if found.lines else "",
        table(("At", "Service", "Logged", "Issue"), rows) if found.logs else "",
    )


def _issue(row) -> Safe | str:
    return link(f"/issues?issue={row.issue_id}", f"#{row.issue_id}") if row.issue_id else "not grouped"
