"""KPIs: what the platform achieves; each figure with its formula, its cases and the previous period."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import streamlit as st

from console import process
from console.page import page
from console.parts import kpis as figures
from console.parts import panels, periods, report
from console.ui import charts
from console.ui.markup import span, tag
from console.ui.widgets import draw, empty, stats
from core.db import store
from core.models.counted import counted
from core.queries import kpis, outcomes

ORDER = 60

PERIODS = {"24 h": 1, "7 days": 7, "30 days": 30, "90 days": 90}


def body() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        days = PERIODS[st.segmented_control("Period", list(PERIODS), default="7 days", required=True)]
    until = datetime.now(UTC)
    since = until - timedelta(days=days)
    policy = process.policy()[0]
    source = policy.watch.source
    with store.read() as session:
        tally = outcomes.tally(session, since, until, policy.value.baseline)
        now = outcomes.figures(session, policy.watch.source, policy.value, since, until, tally)
    before = periods.before(policy, since, days)
    draw(
        figures.period(since, until, days, tally.runs),
        stats(*(figures.tile(f, b) for f, b in zip(now, before, strict=True)), five=True),
    )
    if not tally.runs:
        draw(
            empty(
                "No run ended in this period",
                "Figures appear with the first outcomes. Choose a longer period to look further back.",
                "◔",
            )
        )
        return
    details(tally, now, source, since, until)
    exports(tally, now, before, source, since, until)


def details(tally, now, source, since, until) -> None:
    """Only the open tab is computed; plotly is loaded only by tabs with charts."""
    names = ("Time to repair", "Individual runs", "Calibration", "Outcomes by day", "Requests by service", "Formulas")
    drawing = (times, runs, calibration, days, requests, formulas)
    tabs = st.tabs(names, key="kpi_graph", on_change="rerun")
    for tab, draw_it in zip(tabs, drawing, strict=True):
        if tab.open:
            with tab:
                draw_it(tally, now, source, since, until)


def times(tally, now, source, since, until) -> None:
    with store.read() as session:
        draw(figures.repair(*outcomes.repair_parts(session, since, until), baseline()))


def baseline() -> float:
    return process.policy()[0].value.baseline


def runs(tally, now, source, since, until) -> None:
    with store.read() as session:
        found = outcomes.latest(session, since, until)
    by_hand = span(baseline())
    draw(
        tag(
            "p",
            f"Each mark is one of the last {counted(len(found), 'run')}. Manual baseline: {by_hand} for each repair.",
        )
    )
    figure = charts.repair_times(found, baseline())
    st.plotly_chart(figure, key="times", alt="Repair time of each run, with the manual baseline")


def decisions(since, until) -> list[kpis.ConfidenceTally]:
    with store.read() as session:
        return outcomes.judged(session, since, until)


def calibration(tally, now, source, since, until) -> None:
    judged = decisions(since, until)
    bins, score = kpis.calibration(judged), kpis.brier(judged)
    if score.value is None:
        draw(empty("Not enough data", f"{score.n} of {score.needs} required decisions to act have ended."))
        return
    draw(
        tag(
            "p",
            f"Calibrated means: of the fixes with confidence 0.8, 8 of 10 hold. Brier score {score.value:.3f} over "
            f"{counted(score.n, 'decision')} (0 is perfect, 0.25 is a coin toss). Bars are 95 % Wilson intervals.",
        )
    )
    st.plotly_chart(charts.calibration(bins), key="calibration", alt="Share of fixes that held, by confidence")
    draw(figures.calibration(bins))


def days(tally, now, source, since, until) -> None:
    with store.read() as session:
        counts = outcomes.by_day(session, since, until)
    st.plotly_chart(charts.outcomes_by_day(counts), key="days", alt="Ended runs by day and result")


def requests(tally, now, source, since, until) -> None:
    with store.read() as session:
        served = outcomes.served(session, source, since, until)
    if served:
        draw(tag("p", f"Source: {source}. Target: 99.9 %."), figures.services(served))
    else:
        draw(empty("No measurements", f"{source} reported no requests in this period."))


def formulas(tally, now, source, since, until) -> None:
    draw(figures.formulas([*now, kpis.brier(decisions(since, until))]))


def exports(tally, now, before, source, since, until) -> None:
    with st.container(horizontal=True):
        st.download_button("Download as CSV", as_csv(now, before), "kpis.csv", "text/csv", on_click="ignore")
        st.download_button(
            "Download printable report",
            lambda: printable(tally, now, before, source, since, until),
            f"kpis-{until:%Y-%m-%d}.html",
            "text/html",
            on_click="ignore",
        )


def as_csv(now, before) -> str:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["figure", "value", "unit", "target", "cases", "counts", "value in the previous period", "formula"])
    rows.writerows(
        [f.name, f.value, f.unit, f.target, f.n, f.counts, b.value, f.formula] for f, b in zip(now, before, strict=True)
    )
    return text.getvalue()


def printable(tally, now, before, source, since, until) -> str:
    with store.read() as session:
        repair = outcomes.repair_parts(session, since, until)
        served = outcomes.served(session, source, since, until)
        bins = kpis.calibration(outcomes.judged(session, since, until))
    return report.page(since, until, now, before, (*repair, baseline()), bins, served)


page("KPIs", panels.LEADS["kpis"], body)
