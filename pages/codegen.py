"""Code generation: every change, its proof, and the results of each generator."""

from __future__ import annotations

import streamlit as st

from console.page import page, picked
from console.parts import change, patch
from console.ui.confirm import buttons
from console.ui.diff import size
from console.ui.markup import link, number, percent, span, tag, when
from console.ui.widgets import RESULT, bar, card, cut, draw, empty, issue_link, of, stat, stats, table
from core.db import store
from core.models import now
from core.queries import changes, counting, quality

ORDER = 40


def body() -> None:
    if "change" in st.query_params:
        one(picked("change"))
    else:
        listing()


def listing() -> None:
    with store.read() as session:
        found, by = changes.count(session), changes.statistics(session)
    if not found:
        draw(
            empty(
                "No changes yet",
                "After a decision to fix, the platform writes a patch with a regression test and a proof of fix.",
                "◔",
            )
        )
        return
    summary(by, found)
    trends()
    kind = st.segmented_control("Status", list(changes.KINDS), default="All", required=True)
    if kind != "All":
        with store.read() as session:
            found = changes.count(session, kind)
    last = -(-min(found, counting.MOST) // changes.PAGE)
    chosen = st.pagination(last, key=f"change_page_{kind}_{last}") if last > 1 else 1
    with store.read() as session:
        rows = changes.page(session, chosen, kind)
    st.header(f"Change sets ({counting.words(found)})", anchor=False)
    heads = ("Change", "Issue", "Status", "Template", "Generator", "Attempt", "Lines", "Confidence", "Duration",
             "Created", "Note")  # fmt: skip
    draw(
        table(heads, map(change_row, rows), (5, 6, 7, 8))
        if rows
        else empty("No matching changes", "Choose another filter.")
    )
    st.header(f"By generator and template (up to the last {changes.COUNTED:,} changes)", anchor=False)
    draw(statistics(by), cut(len(by), changes.ROWS, f"Showing the {changes.ROWS} with the most changes."))


def trends() -> None:
    """The quality of the changes by week; plotly is loaded only when it is open."""
    with st.expander(f"Quality over the last {quality.DAYS} days", key="quality", on_change="rerun") as opened:
        if not opened.open:
            return
        with store.read() as session:
            weeks = quality.by_week(session, now())
        if not weeks:
            draw(empty("No reviews yet", "Each reviewed change adds to the figures of its week."))
            return
        draw(quality_table(weeks))
        from console.ui import charts  # plotly takes a second to load

        with st.grid(columns=2, min_column_width=320):
            for name, (words, _) in quality.FIGURES.items():
                figure = charts.quality_by_week(weeks, name)
                st.plotly_chart(figure, key=f"quality-{name}", alt=f"{words} by week")


def quality_table(weeks):
    """The same figures as text, the newest week first."""
    heads = ("Week of", "Reviews", *(words for words, _ in quality.FIGURES.values()))
    rows = (
        (f"{week:%Y-%m-%d}", found.reviews, *(mean(found.means.get(name), name) for name in quality.FIGURES))
        for week, found in reversed(weeks.items())
    )
    return table(heads, rows, (1, 2, 3, 4, 5))


def mean(value: float | None, name: str) -> str:
    if value is None:
        return "–"
    return percent(value) if quality.FIGURES[name][1] == "share" else f"{value:.1f}"


def statistics(by):
    """Results by generator, template and edit: shares of its changes, its time and its cost."""
    heads = ("Generator", "Template", "Edit", "Changes", "Proved", "Shipped", "Rolled back", "Mean time", "Tokens",
             "Cost, USD")  # fmt: skip
    rows = (
        (
            r["generator"],
            tag("code", r["kind"]),
            tag("code", r["template"] or "free form"),
            r["written"],
            bar(r["proved"] / r["written"], f"{r['proved']}"),
            bar(r["shipped"] / r["written"], f"{r['shipped']}", "ok"),
            bar(r["rolled_back"] / r["written"], f"{r['rolled_back']}", "bad"),
            span(r["seconds"]),
            f"{r['tokens'] or 0:,}",
            f"{r['cost_usd'] or 0:.3f}",
        )
        for r in by
    )
    return table(heads, rows, (3, 7, 8, 9))


def summary(by, found: int) -> None:
    total = {k: sum(r[k] or 0 for r in by) for k in ("written", "proved", "shipped", "rolled_back", "cost_usd")}
    draw(
        stats(
            stat(
                number(found),
                "Changes",
                f"other figures: the last {changes.COUNTED:,}" if found > changes.COUNTED else "",
            ),
            stat(
                number(total["proved"]),
                "Proved",
                percent(total["proved"] / total["written"]) + " of changes",
            ),
            stat(number(total["shipped"]), "Verified in production", tone="ok" if total["shipped"] else ""),
            stat(number(total["rolled_back"]), "Rolled back", tone="bad" if total["rolled_back"] else ""),
            stat(f"{total['cost_usd']:.2f}", "USD spent on models"),
        )
    )


def change_row(row) -> tuple:
    made, issue = row
    added, removed = size(made.patch)
    return (
        link(
            f"/codegen?change={made.id}",
            tag("b", f"{made.id}"),
            " ",
            made.title or made.template or "change",
            class_="d-clip",
        ),
        issue_link(issue),
        of(RESULT, made.status),
        tag("code", made.kind),
        made.generator,
        f"{made.attempt}",
        f"+{added} −{removed}",
        percent(made.confidence) if made.confidence else "not measured",
        span(made.seconds),
        when(made.created_at),
        tag("span", made.note, class_="d-clip"),
    )


def one(chosen: int | None) -> None:
    draw(link("/codegen", "← All changes"))
    with store.read() as session:
        found = changes.one(session, chosen) if chosen else None
        tried = changes.attempts(session, found[0].change_set) if found else []
    if found is None:
        draw(empty("Change not found", "No change set has this number.", "✕"))
        return
    found_change, issue = found
    draw(
        tag("h2", found_change.change_set.title or "Change"),
        tag("p", "Issue ", issue_link(issue)),
    )
    if found_change.change_set.patch:
        patch.choice()
        buttons(patch.offers(found_change.change_set))
    draw(
        change.drawn(found_change),
        card(
            "All attempts on this issue",
            attempts(tried, chosen),
            cut(len(tried), changes.ATTEMPTS, f"Showing the latest {changes.ATTEMPTS} attempts."),
        ),
    )


def attempts(tried, chosen: int | None):
    heads = ("Attempt", "Status", "Generator", "Edit", "Duration", "Tokens", "Cost, USD", "Note")
    rows = (
        (
            tag("b", f"run {c.run}, attempt {c.attempt}")
            if c.id == chosen
            else link(f"/codegen?change={c.id}", f"run {c.run}, attempt {c.attempt}"),
            of(RESULT, c.status),
            c.generator,
            tag("code", c.template or "free form"),
            span(c.seconds),
            f"{c.tokens:,}",
            f"{c.cost_usd:.3f}",
            tag("span", c.note, class_="d-clip"),
        )
        for c in tried
    )
    return table(heads, rows, (4, 5, 6))


page("Code generation", "Every patch with its regression test, proof and review.", body)
