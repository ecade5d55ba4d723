"""Code generation: every change that was written, its proof, and how the generators fare."""

from __future__ import annotations

import streamlit as st

from console import change
from console.diff import size
from console.markup import link, number, percent, span, tag, when
from console.page import page, picked
from console.widgets import RESULT, draw, empty, issue_link, of, stat, stats, table
from core import store
from core.views import changes


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
                "No change has been written yet",
                "A change follows a decision to fix: a patch with a regression test and its proof.",
                "◔",
            )
        )
        return
    summary(by)
    last = -(-found // changes.PAGE)
    chosen = st.pagination(last, key=f"change_page_{last}") if last > 1 else 1
    with store.read() as session:
        rows = changes.page(session, chosen)
    st.header(f"Change sets ({found:,})", anchor=False)
    draw(
        table(
            ("Change", "Issue", "Status", "Generator", "Lines", "Confidence", "Written", "Note"),
            map(change_row, rows),
            (4, 5),
        )
    )
    st.header("By generator and template", anchor=False)
    draw(
        table(
            (
                "Generator",
                "Template",
                "Written",
                "Proved",
                "Shipped",
                "Rolled back",
                "Mean time",
                "Cost, USD",
            ),
            (
                (
                    r["generator"],
                    tag("code", r["template"] or "free form"),
                    r["written"],
                    r["proved"],
                    r["shipped"],
                    r["rolled_back"],
                    span(r["seconds"]),
                    f"{r['cost_usd'] or 0:.3f}",
                )
                for r in by
            ),
            range(2, 8),
        )
    )


def summary(by) -> None:
    total = {k: sum(r[k] or 0 for r in by) for k in ("written", "proved", "shipped", "rolled_back", "cost_usd")}
    draw(
        stats(
            stat(number(total["written"]), "changes written"),
            stat(
                number(total["proved"]),
                "proved or further",
                percent(total["proved"] / total["written"]) + " of written",
            ),
            stat(number(total["shipped"]), "shipped to production", tone="ok" if total["shipped"] else ""),
            stat(number(total["rolled_back"]), "rolled back", tone="bad" if total["rolled_back"] else ""),
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
        made.generator,
        f"+{added} −{removed}",
        percent(made.confidence),
        when(made.created_at),
        tag("span", made.note, class_="d-clip"),
    )


def one(chosen: int | None) -> None:
    draw(link("/codegen", "← All changes"))
    with store.read() as session:
        found = changes.one(session, chosen) if chosen else None
    if found is None:
        draw(empty("Change not found", "No change set has this number.", "✕"))
        return
    found_change, issue = found
    draw(
        tag("h2", found_change.change_set.title or "Change"),
        tag("p", "For issue ", issue_link(issue)),
        change.drawn(found_change),
    )


page("Code generation", "Every patch with its test, its proof and its review.", body)
