"""Plotly figures from rows, in the person's time zone. Colours after Okabe and Ito; the theme sets the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go

from console.ui.markup import ZONE
from core.models.counted import counted
from core.queries import quality
from core.queries.kpis import ConfidenceBin, Ended
from core.queries.quality import Quality

BLUE, ORANGE, GREEN, RED, GREY = "#2F8FCE", "#D08A00", "#009E73", "#D55E00", "#7A869C"
SIGNS = {
    "fixed": (GREEN, "circle"),
    "rolled_back": (RED, "x"),
    "failed": (RED, "cross"),
    "escalated": (ORANGE, "diamond"),
    "human": (BLUE, "square"),
}
PATTERNS = {"fixed": "", "rolled_back": "x", "failed": "/", "escalated": ".", "human": "-"}  # in addition to the colour


def _figure(*traces, x: str, y: str, **more) -> go.Figure:
    figure = go.Figure(traces)
    figure.update_layout(
        height=360,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        xaxis_title=x,
        yaxis_title=y,
        legend={"orientation": "h", "y": -0.28},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        **more,
    )
    return figure


def here(at: datetime) -> datetime:
    """The time in the person's zone."""
    return at.astimezone(ZONE.get())


def repair_times(runs: Sequence[Ended], baseline: float) -> go.Figure:
    """Minutes from first error to end of each run, by result; the baseline as a line. Log scale."""
    traces, zone = [], f"{here(runs[-1].at):%Z}"
    for result, (colour, sign) in SIGNS.items():
        those = [r for r in runs if r.result == result and r.total_seconds]
        if those:
            traces.append(
                go.Scatter(
                    x=[here(r.at).replace(tzinfo=None) for r in those],
                    y=[r.total_seconds / 60 for r in those if r.total_seconds],
                    mode="markers",
                    name=result.replace("_", " "),
                    marker={"color": colour, "symbol": sign, "size": 9},
                    hovertemplate=f"%{{y:.1f}} min, %{{x|%Y-%m-%d %H:%M}} {zone}<extra>%{{fullData.name}}</extra>",
                )
            )
    by_hand = go.Scatter(
        x=[here(at(r.at for r in runs)).replace(tzinfo=None) for at in (min, max)],
        y=[baseline / 60] * 2,
        mode="lines",
        name=f"manual baseline: {baseline / 60:g} min",
        line={"dash": "dash", "color": GREY},
        hoverinfo="skip",
    )
    figure = _figure(*traces, by_hand, x=f"time, {zone}", y="minutes from first error to end")
    figure.update_yaxes(type="log", dtick=1)
    return figure


def calibration(bins: Sequence[ConfidenceBin]) -> go.Figure:
    """Share of fixes that held, by confidence, with 95 % intervals; the diagonal is perfect."""
    perfect = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="perfect", line={"dash": "dash", "color": GREY})
    seen = go.Scatter(
        x=[b.confidence for b in bins],
        y=[b.share for b in bins],
        mode="lines+markers",
        name="observed",
        marker={"size": [8 + min(16, b.n) for b in bins], "color": BLUE},
        line={"color": BLUE},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [max(0, b.interval[1] - b.share) for b in bins],
            "arrayminus": [max(0, b.share - b.interval[0]) for b in bins],
            "color": BLUE,
        },
        customdata=[(b.held, b.n) for b in bins],
        hovertemplate="confidence %{x:.2f}: %{customdata[0]} of %{customdata[1]} held<extra></extra>",
    )
    figure = _figure(perfect, seen, x="confidence of the decision", y="share of fixes that held")
    figure.update_xaxes(range=[0, 1.02])
    figure.update_yaxes(range=[-0.02, 1.05], tickformat=".0%")
    return figure


def outcomes_by_day(counts: Mapping[tuple[str, str], int]) -> go.Figure:
    """Ended runs per day (UTC), stacked by result; ``counts`` by (day, result)."""
    days = sorted({day for day, _ in counts})
    traces = [
        go.Bar(
            x=days,
            y=[counts.get((day, result), 0) for day in days],
            name=result.replace("_", " "),
            marker={"color": colour, "pattern": {"shape": PATTERNS[result]}},
        )
        for result, (colour, _) in SIGNS.items()
        if any(found == result for _, found in counts)
    ]
    return _figure(*traces, x="day, UTC", y="runs that ended", barmode="stack")


def quality_by_week(weeks: Mapping[datetime, Quality], figure: str) -> go.Figure:
    """The mean of one figure of quality.FIGURES in each week, with the number of its reviews."""
    words, unit = quality.FIGURES[figure]
    known = {week: found for week, found in weeks.items() if figure in found.means}
    line = go.Scatter(
        x=list(known),
        y=[found.means[figure] for found in known.values()],
        mode="lines+markers",
        line={"color": BLUE},
        marker={"size": 9},
        customdata=[counted(found.reviews, "review") for found in known.values()],
        hovertemplate="week of %{x|%Y-%m-%d}: %{y:.2f}, %{customdata}<extra></extra>",
    )
    drawn = _figure(line, x="week, UTC", y=words)
    drawn.update_layout(height=260, showlegend=False)
    drawn.update_yaxes(rangemode="tozero", **({"tickformat": ".0%", "range": [0, 1.05]} if unit == "share" else {}))
    return drawn
