"""KPIs as safe HTML: tiles, time to repair by stage, calibration, uptime by service."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from console.ui.markup import Safe, join, moment, number, percent, span, tag
from console.ui.widgets import bar, table
from core.models.counted import counted
from core.queries import kpis
from core.queries.kpis import ConfidenceBin, Figure, Part

PLURAL = re.compile(r"(?<=[a-z])s\b")
REDUCTION = 0.93  # target: a mean repair takes so much less than by hand
WORDS = {
    "share": lambda v: percent(v, 1),
    "seconds": span,
    "hours": lambda v: f"{v:,.1f} h",
    "money": number,
    "score": lambda v: f"{v:.3f}",
}


def words(figure: Figure) -> str:
    if figure.value is None:
        return "not enough data"
    exact = figure.unit == "share" and (figure.target or 0) > 0.99  # a tenth of a percent would hide the difference
    return percent(figure.value, 2) if exact else WORDS[figure.unit](figure.value)


def target(figure: Figure) -> str:
    """ "≤ 5 min", or "" without a target."""
    if figure.target is None:
        return ""
    return f"{'≤' if figure.low_is_good else '≥'} {WORDS[figure.unit](figure.target)}"


def against(now: Figure, before: Figure) -> str:
    """The previous period in words, and whether the figure is better or worse."""
    if before.value is None or now.value is None:
        return f"previous period: {words(before)}"
    if words(now) == words(before):
        return "unchanged"
    better = (now.value < before.value) == now.low_is_good
    sign, change = "▼" if now.value < before.value else "▲", "better" if better else "worse"
    return f"{sign} {change}; previous period: {words(before)}"


def period(since: datetime, until: datetime, days: int, runs: int) -> Safe:
    """The period of the tiles, and the period they are compared with."""
    before = f"the previous {counted(days, 'day')}" if days > 1 else "the previous day"
    text = f"{moment(since)} to {moment(until)}: {counted(runs, 'run')} ended. Compared with {before}."
    return tag("p", text, class_="d-muted")


def cases_of(figure: Figure) -> str:
    """The cases behind a figure; the first plural of their words becomes singular for one case."""
    counts = PLURAL.sub("", figure.counts, count=1) if figure.n == 1 else figure.counts
    return f"{figure.n:,} {counts}"


def tile(now: Figure, before: Figure) -> Safe:
    met = kpis.meets(now)
    cases = cases_of(now) if now.value is not None else f"{cases_of(now)} so far; shown from {now.needs:,}"
    aim = "" if met is None else f"{'✓ meets' if met else '◆ misses'} the target {target(now)}"
    tone = {True: " d-ok", False: " d-person", None: ""}[met]
    return tag(
        "div",
        tag("span", now.name),
        tag("b", words(now), class_=None if now.value is not None else "d-none"),
        tag("small", aim or (f"target {target(now)}" if now.target is not None else "")),
        tag("small", cases),
        tag("small", against(now, before)),
        tag("small", now.formula, class_="d-formula") if now.unit in ("hours", "money") else "",
        title=now.formula,
        class_=f"d-stat{tone}",
    )


def reduction(n: int, seconds: float, baseline: float) -> str:
    """The mean against the manual baseline in percent; one case or two would mislead."""
    if n < kpis.ENOUGH:
        return f"{n} so far; the reduction against the manual baseline of {span(baseline)} is shown from {kpis.ENOUGH}."
    less = 1 - seconds / baseline
    aim = "meets" if less >= REDUCTION else "misses"
    return f"{percent(less)} less than the manual baseline of {span(baseline)}; {aim} the target {percent(REDUCTION)}."


def repair(n: int, found: Sequence[Part], baseline: float = kpis.BASELINE_SECONDS) -> Safe:
    """The mean time to repair by stage, as one bar on the baseline's scale and one on its own."""
    total = sum(part.seconds for part in found)
    if not total:
        return tag("p", "No run was fixed in this period.")
    share = min(1.0, total / baseline)
    pieces = (
        tag(
            "b",
            style=f"width:{part.seconds / total:.2%}",
            class_=f"d-part{place}",
            title=f"{part.name}: {span(part.seconds)}",
        )
        for place, part in enumerate(found)
    )
    rows = (
        (
            tag("span", tag("i", class_=f"d-dot d-part{place}", aria_hidden="true"), part.name),
            span(part.seconds),
            bar(part.seconds / total),
        )
        for place, part in enumerate(found)
    )
    return join(
        [
            tag("p", f"Mean of the last {counted(n, 'fixed run')}: {span(total)} from first error to verified fix. "
                f"{reduction(n, total, baseline)}"),
            tag("div", tag("span", "manual"), tag("div", tag("b", style="width:100%", class_="d-hand")),
                tag("span", span(baseline)), class_="d-versus"),
            tag("div", tag("span", "platform"), tag("div", tag("b", style=f"width:{share:.2%}", class_="d-part0")),
                tag("span", span(total)), class_="d-versus"),
            tag("div", *pieces, class_="d-ruler d-parts", role="img", aria_label="mean time to repair by stage"),
            table(("Stage", "Mean", "Share"), rows, (1,)),
        ]
    )  # fmt: skip


def calibration(bins: Sequence[ConfidenceBin]) -> Safe:
    rows = (
        (f"{b.low:.1f} to {b.high:.1f}", f"{b.n:,}", f"{b.confidence:.2f}", bar(b.share),
         f"{percent(b.interval[0])} to {percent(b.interval[1])}")
        for b in bins
    )  # fmt: skip
    return table(("Confidence", "Decisions", "Mean confidence", "Fixes that held", "95 % interval"), rows, (1, 2))


def services(served: Mapping[str, tuple[float, float]]) -> Safe:
    rows = (
        (tag("b", name), number(requests), number(errors), percent(1 - errors / requests, 2) if requests else "–")
        for name, (requests, errors) in sorted(served.items())
    )
    return table(("Service", "Requests", "Failed", "Success"), rows, (1, 2, 3))


def formulas(found: Sequence[Figure]) -> Safe:
    rows = ((f.name, words(f), target(f), f.formula, f.counts, f"{f.n:,}", f"{f.needs:,}") for f in found)
    return table(("Figure", "Value", "Target", "Formula", "Counts", "Cases", "Cases needed"), rows, (5, 6))
