"""Approvals: the inbox of pending approvals, and one of them in full.

The inbox works from the keyboard: J and K move; A, X, E and H answer.
"""

from __future__ import annotations

import streamlit as st

from console import access, process
from console.page import page, picked
from console.parts import approval, panels
from console.ui.confirm import Offer, buttons
from console.ui.widgets import card, cut, draw, empty
from core.actions import answering
from core.db import store
from core.queries import approvals, pipeline

ORDER = 20


def body() -> None:
    with store.read() as session:
        rows, past = approvals.waiting(session), approvals.answered(session)
        merges = pipeline.reviews(session)
    ids = [row.id for row, _ in rows]
    chosen = picked("approval") or (ids[0] if ids else None)
    inbox(rows, chosen)
    draw(panels.review_list(merges))
    if "approval" in st.query_params or ids:
        moves(ids, chosen)
        one(chosen)
    if past:
        draw(card("Recent decisions", approval.closed(past)))


def inbox(rows, chosen: int | None) -> None:
    if rows:
        first = f"Showing the {approvals.PAGE} approvals that expire first."
        draw(approval.listing(rows, chosen), cut(len(rows), approvals.PAGE, first))
    else:
        says = "Fixes that need a person's approval appear here."
        draw(empty("No pending approvals", says, "✓"))


def moves(ids: list[int], chosen: int | None) -> None:
    """Buttons for the next and the previous approval; they wrap around."""
    if not set(ids) - {chosen}:
        return
    place = ids.index(chosen) if chosen in ids else -1
    with st.container(horizontal=True, gap="small"):
        for label, key, to in (("Next", "J", place + 1), ("Previous", "K", max(place, 0) - 1)):
            st.button(label, key=f"move-{label}", shortcut=key, on_click=go, args=(ids[to % len(ids)],))


def go(approval_id: int) -> None:
    st.query_params["approval"] = str(approval_id)


def one(number: int | None) -> None:
    here, policy = access.current(), process.policy()[0]
    with store.read() as session:
        asked = approvals.question(session, number, here, policy) if number else None
        choices = answering.assignees(session, policy)
    if asked is None:
        draw(empty("Approval not found", "No approval has this number.", "✕"))
        return
    draw(approval.head(asked))
    if asked.approval.state == "pending":
        answer(asked, here, choices)
    draw(approval.drawn(asked, policy.watch))


def answer(asked: approvals.OpenApproval, here: access.Actor, choices: list[str]) -> None:
    """The answer buttons, or why this person cannot answer."""
    row, about = asked.approval, asked.change.change_set.title
    if not here.may(access.APPROVE):
        draw(
            card(
                "",
                f"Your role ({here.role.value}) can only read. An approver or an admin answers.",
                tone="wait",
            )
        )
    elif not asked.mine:
        draw(card("", f"Assigned to {row.assignee}. Only they or an admin can answer it.", tone="wait"))
    else:
        if asked.barred:
            draw(card("", asked.barred, tone="person"))
        offers = [Offer("approve", row.id, about, {"patch_hash": row.patch_hash})] if not asked.barred else []
        offers += [Offer("reject", row.id, about), Offer("pass_on", row.id, about, choices=choices)]
        offers += [Offer("hand_back", row.id, about)] if row.assignee else []
        buttons(offers)


page("Approvals", "Fixes that need a decision: approve, reject, reassign or hand back.", body)
