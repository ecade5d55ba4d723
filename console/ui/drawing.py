"""Puts our own SVG on the page (st.html drops SVG), and draws the light charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit.components.v2 as components

from console.ui.markup import ZONE, Safe, clock, moment, percent, tag
from core.models.counted import counted

JS = """
export default function ({ parentElement, data }) {
  let place = parentElement.querySelector(".d-drawing");
  if (!place) {
    place = document.createElement("div");
    place.className = "d-drawing";
    parentElement.appendChild(place);
  }
  if (place.dataset.drawn !== data) { place.innerHTML = data; place.dataset.drawn = data; }
}
"""
_mount = components.component("drawing", js=JS, isolate_styles=False)


def drawing(svg: Safe, key: str) -> None:
    """Mount SVG built by console.ui.markup (which escapes every text); plain strings are refused."""
    if not isinstance(svg, Safe):
        raise TypeError("only SVG built by console.ui.markup is drawn")
    _mount(key=key, data=str(svg))


WIDTH, HEIGHT = 600.0, 120.0


TEAM = "the team's"
LANES = {"production": 26.0, "preview": 62.0, TEAM: 98.0}
MARKS = {
    "verified": "ok",
    "rolled_back": "bad",
    "failed": "bad",
    "superseded": "wait",
    "reverting": "bad",
    "watching": "work",
    "ready": "ok",
    "pending": "wait",
}


def strip(
    marks: Sequence[tuple[int, datetime, str, str]],
    since: datetime,
    until: datetime,
    theirs: Sequence[tuple[datetime, str]] = (),
) -> Safe:
    """Deployments over time, with a lane for each environment and one for ``theirs``: (time, words) of the team's
    changes. Each mark of ours opens its deployment."""
    length = max(1.0, (until - since).total_seconds())

    def along(at: datetime) -> float:
        return 90 + 1060 * (at - since).total_seconds() / length

    def of_team(at: datetime, words: str) -> Safe:
        dot = tag("circle", cx=f"{along(at):.1f}", cy=f"{LANES[TEAM]:g}", r=4)
        return tag("g", tag("title", f"{words}, {moment(at)}"), dot, class_="d-deploy d-calm")

    def mark(number: int, at: datetime, environment: str, status: str) -> Safe:
        x, y = along(at), LANES.get(environment, 62.0)
        label = f"{environment} deployment {number}: {status.replace('_', ' ')}, {moment(at)}"
        shape = (
            tag("path", d=f"M{x - 5:.1f} {y - 5:g}l10 10m0 -10l-10 10")
            if MARKS.get(status) == "bad"
            else tag("circle", cx=f"{x:.1f}", cy=f"{y:g}", r=5.5)
        )
        drawn = tag("g", tag("title", label), shape, class_=f"d-deploy d-{MARKS.get(status, 'calm')}")
        return tag("a", drawn, href=f"/deployments?deployment={number}", target="_self", data_nav="", aria_label=label)

    lanes = (
        tag("g", tag("text", name, x=8, y=y + 4), tag("path", d=f"M90 {y:g}H1150"), class_="d-lane")
        for name, y in LANES.items()
    )
    ends = (tag("text", f"{at.astimezone(ZONE.get()):%b %d %H:%M %Z}", x=x, y=128, text_anchor=to, class_="d-lane-end")
            for at, x, to in ((since, 90, "start"), (until, 1150, "end")))  # fmt: skip
    name = f"{counted(len(marks), 'deployment')}, and {counted(len(theirs), 'change')} of the team, over time"
    drawn = [*lanes, *ends, *(of_team(*one) for one in theirs), *(mark(*one) for one in marks)]
    return tag("svg", *drawn, viewBox="0 0 1180 136", class_="d-strip", role="group", aria_label=name)


@dataclass(frozen=True)
class Measure:
    """What a chart shows: its name, the lowest top of its scale, and a value in words, on the scale and exactly."""

    name: str
    least: float
    short: Callable[[float], str]
    exact: Callable[[float], str]


RATE = Measure("Error rate", 0.05, lambda value: percent(value, 0), lambda value: percent(value, 1))
LATENCY = Measure(
    "95th percentile of the latency", 1.0, lambda value: f"{value:.0f} ms", lambda value: f"{value:.0f} ms"
)
TRAFFIC = Measure("Requests an interval", 1.0, lambda value: f"{value:.0f}", lambda value: f"{value:.0f}")


def rate_chart(
    points: Sequence[tuple[datetime, float, float]],
    marks: Sequence[tuple[datetime, str]] = (),
    limit: float | None = None,
) -> Safe:
    """Error rate over time as an area; ``points`` are (time, requests, errors), ``marks`` deployments."""
    return value_chart(rates(points), marks, limit)


def rates(points: Sequence[tuple[datetime, float, float]]) -> list[tuple[datetime, float]]:
    """(time, error rate) of (time, requests, errors)."""
    return [(at, errors / requests if requests else 0.0) for at, requests, errors in points]


def value_chart(
    points: Sequence[tuple[datetime, float]],
    marks: Sequence[tuple[datetime, str]] = (),
    limit: float | None = None,
    measure: Measure = RATE,
    least: float = 0.0,
) -> Safe:
    """Values over time as an area.

    ``least`` and ``limit`` are the lowest and the highest value that is allowed or usual: the band between is shaded.
    """
    start, end = points[0][0], points[-1][0]
    length = max(1.0, (end - start).total_seconds())
    values = [value for _, value in points]
    top = max(measure.least, *values, (limit or 0) * 1.2)

    def x(at: datetime) -> float:
        return (at - start).total_seconds() / length * WIDTH

    svg = tag(
        "svg",
        *([_allowed(least / top, limit / top)] if limit is not None else []),
        *_area([(x(at), value / top) for at, value in points]),
        *(_flag(x(at), f"{words} {clock(at)}") for at, words in marks if start <= at <= end),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        preserveAspectRatio="none",
        class_="d-chart",
        role="img",
        aria_label=f"{measure.name}, now {measure.exact(values[-1])}, highest {measure.exact(max(values))}",
    )
    return tag(
        "figure",
        tag("figcaption", tag("span", measure.short(top)), tag("span", measure.short(0))),
        svg,
        tag("div", tag("span", clock(start)), tag("span", clock(end)), class_="d-axis"),
        class_="d-figure",
    )


def _y(share: float) -> float:
    """Where a value is, as a share of the scale's top."""
    return HEIGHT - share * (HEIGHT - 8)


def _allowed(low: float, high: float) -> Safe:
    """The shaded band between two shares of the scale's top."""
    return tag("path", d=f"M0 {_y(high):.1f}H{WIDTH}V{_y(low):.1f}H0z", class_="d-allowed")


def _area(points: Sequence[tuple[float, float]]) -> tuple[Safe, Safe]:
    """The filled area and its upper line; ``points`` are (x, share of the height)."""
    line = "L".join(f"{x:.1f} {_y(share):.1f}" for x, share in points)
    area = tag("path", d=f"M0 {HEIGHT}L{line}L{WIDTH} {HEIGHT}Z", class_="d-area")
    return area, tag("path", d=f"M{line}", class_="d-line")


def _flag(x: float, words: str) -> Safe:
    return tag("g", tag("title", words), tag("path", d=f"M{x:.1f} 0V{HEIGHT}"), class_="d-mark")
