"""Puts our own SVG on the page (st.html drops SVG), and draws the light charts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from console.markup import Safe, clock, percent, tag

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
_mount = st.components.v2.component("drawing", js=JS, isolate_styles=False)


def drawing(svg: Safe, key: str) -> None:
    """Mount SVG built by console.markup (which escapes every text); plain strings are refused."""
    if not isinstance(svg, Safe):
        raise TypeError("only SVG built by console.markup is drawn")
    _mount(key=key, data=str(svg))


WIDTH, HEIGHT = 600.0, 120.0


def rate_chart(points: Sequence[tuple[datetime, float, float]], marks: Sequence[tuple[datetime, str]] = ()) -> Safe:
    """Error rate over time as an area; ``points`` are (time, requests, errors), ``marks`` deployments."""
    start, end = points[0][0], points[-1][0]
    length = max(1.0, (end - start).total_seconds())
    rates = [errors / requests if requests else 0.0 for _, requests, errors in points]
    top = max(0.05, *rates)

    def x(at: datetime) -> float:
        return (at - start).total_seconds() / length * WIDTH

    line = "L".join(
        f"{x(at):.1f} {HEIGHT - rate / top * (HEIGHT - 8):.1f}" for (at, _, _), rate in zip(points, rates, strict=True)
    )
    flags = [
        tag(
            "g",
            tag("title", f"{words} {clock(at)}"),
            tag("path", d=f"M{x(at):.1f} 0V{HEIGHT}"),
            class_="d-mark",
        )
        for at, words in marks
        if start <= at <= end
    ]
    svg = tag(
        "svg",
        tag("path", d=f"M0 {HEIGHT}L{line}L{WIDTH} {HEIGHT}Z", class_="d-area"),
        tag("path", d=f"M{line}", class_="d-line"),
        *flags,
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        preserveAspectRatio="none",
        class_="d-chart",
        role="img",
        aria_label=f"Error rate, now {percent(rates[-1], 1)}, highest {percent(max(rates), 1)}",
    )
    return tag(
        "figure",
        tag("figcaption", tag("span", percent(top, 0)), tag("span", "0 %")),
        svg,
        tag("div", tag("span", clock(start)), tag("span", clock(end)), class_="d-axis"),
        class_="d-figure",
    )
