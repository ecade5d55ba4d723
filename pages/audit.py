"""Audit: who did what and when; each row is chained to the previous one. Filter, verify, export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import streamlit as st

from console import access, process
from console.page import page, picked
from console.parts import exports
from console.ui.markup import Safe, link, moment, tag, when
from console.ui.widgets import badge, card, cut, draw, empty, facts, table
from core.audit import chain, head
from core.db import store
from core.models import AuditRow
from core.models.counted import counted
from core.queries import trail

ORDER = 80
RIGHT = "audit"

SPANS = {"All": None, "24 h": 1, "7 days": 7, "30 days": 30}
PAGES = {"issue": "/issues?issue={}", "deployment": "/deployments?deployment={}", "policy": "/policy"}


def filters() -> trail.AuditFilter:
    with store.read() as session:
        actors, actions = trail.names(session)
    with st.grid(columns=4, min_column_width=200):
        text = st.text_input("Search", key="trail_text", placeholder="issue/12, policy …", type="search", live="300ms")
        actor = st.selectbox("Who", ["", *actors], format_func=lambda name: name or "anyone")
        action = st.selectbox("Action", ["", *actions], format_func=lambda name: name.replace("_", " ") or "any action")
        days = SPANS[st.selectbox("Since", list(SPANS))]
    since = datetime.now(UTC) - timedelta(days=days) if days else None
    return trail.AuditFilter((text or "").strip(), actor or "", action or "", since)


def body() -> None:
    if "row" in st.query_params:
        one(picked("row"))
    else:
        listing()


def one(number: int | None) -> None:
    """One row in full."""
    draw(link("/audit", "← All rows"))
    with store.read() as session:
        made = session.get(AuditRow, number) if number else None
    if made is None:
        draw(empty("Row not found", "The audit trail has no row with this number.", "✕"))
        return
    told = ((name.replace("_", " ").capitalize(), value) for name, value in made.detail.items())
    draw(
        card(
            f"Row {made.id}",
            facts(
                [
                    ("When", tag("span", moment(made.at), ", ", when(made.at))),
                    ("Who", made.actor),
                    ("Action", made.action.replace("_", " ")),
                    ("Subject", subject(made.subject)),
                    *((name, value) for name, value in told if value not in ("", None)),
                    ("Hash", tag("code", made.hash)),
                    ("Hash of the previous row", tag("code", made.previous) if made.previous else "none"),
                ]
            ),
            aside=badge("ok", "✓", "hash fits") if made.hash == chain.digest(made) else badge("bad", "✕", "changed"),
            heading="h2",
        )
    )


def listing() -> None:
    wanted = filters()
    with store.read() as session:
        found = trail.count(session, wanted)
    verification()
    if not found:
        none = wanted == trail.AuditFilter()
        draw(
            empty("The audit trail is empty", "Every action of a person or of the platform adds a row.", "◔")
            if none
            else empty("No matching rows", "Widen the search or clear a filter.")
        )
        return
    last = -(-found // trail.PAGE)
    number = st.pagination(last, key=f"trail_page_{last}") if last > 1 else 1
    with store.read() as session:
        rows = trail.page(session, wanted, number)
    draw(
        tag("p", f"{counted(found, 'row')}, newest first. The hash of each row on this page has been recomputed.",
            class_="d-muted"),
        table(("Row", "When", "Who", "Action", "Subject", "Detail", "Hash"), map(row, rows), (0,)),
    )  # fmt: skip
    downloads(wanted)
    more = f"A download holds the oldest {trail.EXPORT:,} rows. Choose a later start time to get the rest."
    draw(cut(found - 1, trail.EXPORT, more))


def row(made: AuditRow) -> tuple:
    fits = made.hash == chain.digest(made)
    return (
        link(f"/audit?row={made.id}", made.id),
        when(made.at),
        made.actor,
        tag("b", made.action.replace("_", " ")),
        subject(made.subject),
        tag("span", detail(made.detail), class_="d-clip"),
        tag("span", tag("code", made.hash[:12]), " ", "" if fits else badge("bad", "✕", "changed"), title=made.hash),
    )


def subject(text: str) -> Safe:
    kind, _, number = text.partition("/")
    if kind in PAGES and (number.isdigit() or kind == "policy"):
        return link(PAGES[kind].format(number), text)
    return tag("span", text)


def detail(payload: dict) -> str:
    return ", ".join(f"{name}: {value}" for name, value in payload.items() if value not in ("", None))


def verification() -> None:
    """The button that verifies the chain, and the last result of this visit."""
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button("Verify the chain", key="verify", shortcut="V")
        place = st.container()
    if asked:
        verify()
    if verdict := st.session_state.get("trail_verdict"):
        ok, state, message, at = verdict
        with place:
            draw(tag("p", badge("ok", "✓", "verified") if ok else badge("bad", "✕", state), f" {message}, ", when(at)))


def verify() -> None:
    """Verify the chain and show progress; the result stays on the page."""
    with store.read() as session:
        every = trail.count(session) or 1
    bar = st.progress(0.0, f"{counted(every, 'row')}")

    def show(done: int) -> None:
        bar.progress(min(1.0, done / every), f"{done:,} of {every:,} rows")

    found = head.verify(process.settings(), show)
    bar.empty()
    st.session_state["trail_verdict"] = (found.ok, str(found.state), found.message, datetime.now(UTC))


def downloads(wanted: trail.AuditFilter) -> None:
    files = (("CSV", exports.trail_csv, "audit.csv", "text/csv"),
             ("JSON lines", exports.trail_lines, "audit.jsonl", "application/jsonl"))  # fmt: skip
    with st.container(horizontal=True):
        for name, write, file, kind in files:
            given = partial(asked, write, wanted)
            st.download_button(f"Download as {name}", given, file, kind, on_click="ignore")


def asked(write, wanted: trail.AuditFilter) -> str:
    """Check the right again: the download may start long after the page was drawn."""
    access.require(access.AUDIT)
    with store.read() as session:
        return write(session, wanted)


page("Audit", "Who did what, and when. Each row holds the hash of the previous row.", body, RIGHT)
