"""The service's metric around an issue, and the log lines of that time."""

from __future__ import annotations

from console.ui.drawing import LATENCY, RATE, TRAFFIC, Measure, drawing, rates, value_chart
from console.ui.markup import Safe, clock, link, tag
from console.ui.widgets import card, code, draw, table
from core.queries.beside import TRAFFIC as TRAFFIC_METRIC
from core.queries.beside import Beside

MEASURES = {"p95_ms": LATENCY, TRAFFIC_METRIC: TRAFFIC, "": RATE}


def chart(found: Beside, number: int) -> None:
    """The metric that the issue is about, with the usual values shaded; nothing without measurements."""
    measure, values = MEASURES[found.metric], found.values if found.metric else rates(found.points)
    if len(values) < 2:
        return
    usual = "" if found.usual is None else f"; shaded: usual, {_band(found, measure)}"
    name = f"{measure.name[0].lower()}{measure.name[1:]}"
    draw(tag("p", tag("b", found.service), f": {name} around the issue{usual}", class_="d-muted"))
    drawing(value_chart(values, found.marks, found.usual, measure, found.least), key=f"beside-{number}")


def _band(found: Beside, measure: Measure) -> str:
    most = measure.exact(found.usual or 0.0)
    return f"{measure.exact(found.least)} to {most}" if found.metric == TRAFFIC_METRIC else f"up to {most}"


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
