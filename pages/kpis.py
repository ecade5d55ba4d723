"""KPIs: what the platform is worth, each figure with its formula, its cases and the period before."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import streamlit as st

from console import charts, context
from console.markup import moment, number, percent, span, tag
from console.page import page
from console.widgets import draw, empty, stats, table
from core import kpis, store
from core.views import outcomes

PERIODS = {"24 h": 1, "7 days": 7, "30 days": 30, "90 days": 90}
WORDS = {
    "share": lambda v: percent(v, 1),
    "seconds": span,
    "hours": lambda v: f"{v:,.1f} h",
    "money": lambda v: f"{number(v)}",
    "score": lambda v: f"{v:.3f}",
}


def body() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        days = PERIODS[st.segmented_control("Period", list(PERIODS), default="7 days", required=True)]
        hourly = st.number_input("Cost of an engineer's hour, your currency", 1, 1000, 90, width=280)
    until = datetime.now(UTC)
    since, source = until - timedelta(days=days), context.policy()[0].watch.source
    with store.read() as session:
        runs = outcomes.ended(session, since, until)
        now = figures(session, runs, source, since, until, hourly)
        earlier = since - timedelta(days=days)
        before = figures(session, outcomes.ended(session, earlier, since), source, earlier, since, hourly)
    draw(
        tag(
            "p",
            f"{moment(since)} to {moment(until)}; {len(runs):,} runs ended. Compared with the {days} days before.",
            class_="d-muted",
        )
    )
    draw(stats(*(tile(f, b) for f, b in zip(now, before, strict=True)), five=True))
    if not runs:
        draw(
            empty(
                "No run has ended in this period",
                "Figures appear with the first outcomes; choose a longer period to look further back.",
                "◔",
            )
        )
        return
    graphs(runs)
    export(now, before)


def figures(session, runs, source, since, until, hourly) -> list[kpis.Figure]:
    deployed, served = (
        outcomes.deployed(session, since, until),
        outcomes.requests(session, source, since, until),
    )
    return [
        kpis.mttr(runs),
        kpis.mttr_median(runs),
        kpis.auto_resolution(runs),
        kpis.decision_accuracy(runs),
        kpis.mean_confidence(runs),
        kpis.rollback_rate(deployed),
        kpis.availability(*served),
        kpis.detection(runs),
        kpis.hours_saved(runs),
        kpis.money_saved(runs, hourly),
    ]


def words(figure: kpis.Figure) -> str:
    return WORDS[figure.unit](figure.value) if figure.value is not None else "not enough data"


def tile(now: kpis.Figure, before: kpis.Figure):
    cases = f"over {now.n:,} {now.counts}" if now.value is not None else f"{now.n:,} of {now.needs:,} {now.counts}"
    was = f"before: {words(before)}"
    if now.target is None or now.value is None:
        tone, aim = "", ""
    else:
        good = now.value <= now.target if now.low_is_good else now.value >= now.target
        tone, sign = ("ok", "✓ meets") if good else ("person", "◆ misses")
        aim = f"{sign} the target {'≤' if now.low_is_good else '≥'} {WORDS[now.unit](now.target)}"
    return tag(
        "div",
        tag("span", now.name),
        tag("b", words(now), class_=None if now.value is not None else "d-none"),
        tag("small", aim) if aim else "",
        tag("small", cases),
        tag("small", was),
        title=now.formula,
        class_=f"d-stat d-{tone}" if tone else "d-stat",
    )


def graphs(runs) -> None:
    names = ["Repair times", "Calibration", "Outcomes a day", "Formulas"]
    times, calibrated, days, formulas = st.tabs(names, key="kpi_graph", on_change="rerun")
    if times.open:
        with times:
            draw(
                tag(
                    "p",
                    f"Each dot is one run. By hand a repair took {span(kpis.BASELINE_SECONDS)} (baseline).",
                )
            )
            st.plotly_chart(
                charts.repair_times(runs, kpis.BASELINE_SECONDS),
                key="times",
                alt="Repair time of each run against the baseline of two hours",
            )
    if calibrated.open:
        with calibrated:
            calibration(runs)
    if days.open:
        with days:
            st.plotly_chart(charts.outcomes_by_day(runs), key="days", alt="Ended runs a day by result")
    if formulas.open:
        with formulas:
            draw(
                table(
                    ("Figure", "Formula", "Counts", "Cases needed"),
                    (
                        (f.name, f.formula, f.counts, f.needs)
                        for f in [
                            kpis.mttr(runs),
                            kpis.mttr_median(runs),
                            kpis.auto_resolution(runs),
                            kpis.decision_accuracy(runs),
                            kpis.mean_confidence(runs),
                            kpis.brier(runs),
                            kpis.rollback_rate(kpis.Deployed()),
                            kpis.availability(0, 0),
                            kpis.hours_saved(runs),
                        ]
                    ),
                    (3,),
                )
            )


def calibration(runs) -> None:
    bins, score = kpis.calibration(runs), kpis.brier(runs)
    if score.value is None:
        draw(empty("Not enough data", f"{score.n} of {score.needs} decisions to act have ended."))
        return
    draw(
        tag(
            "p",
            f"Does a confidence of 0.8 hold in 8 of 10 cases? Brier score {score.value:.3f} over {score.n} "
            "decisions (0 is perfect, 0.25 a coin). Bars are 95 % intervals (Wilson).",
        )
    )
    st.plotly_chart(charts.calibration(bins), key="calibration", alt="Confidence against the share of fixes that held")


def export(now, before) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["figure", "value", "unit", "cases", "counts", "value in the period before", "formula"])
    rows.writerows(
        [f.name, f.value, f.unit, f.n, f.counts, b.value, f.formula] for f, b in zip(now, before, strict=True)
    )
    st.download_button("Download as CSV", text.getvalue(), "kpis.csv", "text/csv", on_click="ignore")


page("KPIs", "What it is worth: figures with their formulas, and no figure without enough cases.", body)
