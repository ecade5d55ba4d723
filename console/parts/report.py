"""The KPIs as one self-contained page for printing or sending: no scripts and no external resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from console.parts import kpis
from console.ui.markup import Safe, moment, tag
from core.queries.kpis import ConfidenceBin, Figure, Part

STYLE = Safe("""<style>
:root{font:13px/1.45 system-ui,sans-serif;color:#17202e}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;break-after:avoid}p{margin:.3rem 0}
.d-stats{display:grid;grid-template-columns:repeat(5,1fr);gap:.6rem}
.d-stat{border:1px solid #cfd6e0;border-top:3px solid #cfd6e0;
border-radius:8px;padding:.5rem .6rem;display:flex;flex-direction:column;break-inside:avoid}.d-stat b{font-size:1.3rem}
.d-stat.d-ok{border-top-color:#00684b}.d-stat.d-person{border-top-color:#7d5200}small{color:#55607a}
table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #d9dee6;padding:.3rem .5rem;text-align:left;vertical-align:top}
th{color:#55607a;font-weight:550}.d-num{text-align:right;font-variant-numeric:tabular-nums}
.d-bar{display:inline-block;width:6rem;
height:.5rem;border:1px solid #cfd6e0;margin-right:.5rem}.d-bar span{display:block;height:100%;background:#00599c}
.d-ruler,.d-versus{display:none}@page{margin:14mm}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
</style>""")


def page(
    since: datetime,
    until: datetime,
    now: Sequence[Figure],
    before: Sequence[Figure],
    repair: tuple[int, Sequence[Part], float],
    bins: Sequence[ConfidenceBin],
    served: Mapping[str, tuple[float, float]],
) -> str:
    body = tag(
        "body",
        tag("h1", "DevOps Intelligence Platform: KPI report"),
        tag("p", f"{moment(since)} to {moment(until)}, compared with the previous period of the same length."),
        tag("h2", "Figures"),
        tag("div", *(kpis.tile(*pair) for pair in zip(now, before, strict=True)), class_="d-stats"),
        tag("h2", "Time to repair by stage"),
        kpis.repair(*repair),
        tag("h2", "Calibration of the confidence"),
        kpis.calibration(bins) if bins else tag("p", "Not enough data."),
        tag("h2", "Requests by service"),
        kpis.services(served) if served else tag("p", "No measurements."),
        tag("h2", "Formulas"),
        kpis.formulas(now),
    )
    head = tag("head", Safe('<meta charset="utf-8">'), tag("title", f"KPIs to {until:%Y-%m-%d}"), STYLE)
    return "<!DOCTYPE html>" + tag("html", head, body, lang="en")
