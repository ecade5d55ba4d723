"""Needs you: approvals, merges and escalated issues in one inbox, and one of them in full.

The inbox works from the keyboard: J and K move; the keys on the buttons answer.
"""

from __future__ import annotations

import streamlit as st

from console import access, process
from console.page import page, picked
from console.parts import approval, issue, issue_offers, messages, panels, patch, story
from console.ui.confirm import Offer, buttons
from console.ui.widgets import card, cut, draw, empty
from core.actions import answering
from core.db import store
from core.models import Approval, Issue
from core.queries import approvals, issues, pipeline
from core.queries import messages as inbox_messages

ORDER = 20

Place = tuple[str, int]  # "approval" or "issue", and its number


def body() -> None:
    with store.read() as session:
        asked, past = approvals.waiting(session), approvals.answered(session)
        merges, given_up = pipeline.reviews(session), approvals.escalated(session)
        mine = inbox_messages.of(session, access.shown_to().name)
    places = [*(("approval", row.id) for row, _ in asked), *(("issue", row.id) for row in given_up)]
    chosen = _chosen() or (places[0] if places else None)
    inbox(asked, given_up, chosen)
    draw(panels.review_list(merges))
    if chosen:
        moves(places, chosen)
        ONE[chosen[0]](chosen[1])
    draw(messages.drawn(mine))
    if past:
        draw(card("Recent decisions", approval.closed(past)))


def _chosen() -> Place | None:
    """What the address names; 0 for a number that cannot be one."""
    named = next((kind for kind in ONE if kind in st.query_params), None)
    return (named, picked(named) or 0) if named else None


def inbox(asked: list[tuple[Approval, Issue]], given_up: list[Issue], chosen: Place | None) -> None:
    if not asked and not given_up:
        text = "Fixes that need a person's approval and issues that the platform cannot end appear here."
        draw(empty("Nothing needs you", text, "✓"))
        return
    draw(approval.listing(asked, given_up, chosen))
    draw(cut(len(asked), approvals.PAGE, f"Showing the {approvals.PAGE} approvals that expire first."))
    draw(cut(len(given_up), approvals.PAGE, f"Showing the {approvals.PAGE} escalated issues with the latest errors."))


def moves(places: list[Place], chosen: Place) -> None:
    """Buttons for the next and the previous one; they wrap around."""
    if not set(places) - {chosen}:
        return
    at = places.index(chosen) if chosen in places else -1
    with st.container(horizontal=True, gap="small"):
        for label, key, to in (("Next", "J", at + 1), ("Previous", "K", max(at, 0) - 1)):
            st.button(label, key=f"move-{label}", shortcut=key, on_click=go, args=places[to % len(places)])


def go(kind: str, number: int) -> None:
    st.query_params.from_dict({kind: str(number)})


def one_approval(number: int) -> None:
    here, policy = access.shown_to(), process.policy()[0]
    with store.read() as session:
        asked = approvals.question(session, number, here, policy) if number else None
        choices = answering.assignees(session, policy)
    if asked is None:
        draw(empty("Approval not found", "No approval has this number.", "✕"))
        return
    draw(approval.head(asked))
    if asked.approval.state == "pending":
        answer(asked, here, choices)
    patch.choice()
    draw(approval.drawn(asked, policy.watch))


def one_issue(number: int) -> None:
    """An escalated issue with its actions and its story."""
    with store.read() as session:
        issue_story = issues.story(session, number) if number else None
    if issue_story is None:
        draw(empty("Issue not found", "No issue has this number. It may belong to another database.", "✕"))
        return
    draw(story.head(issue_story))
    buttons([*issue_offers.on_issue(issue_story), *issue_offers.on_suspect(issue_story)])
    draw(issue.suspect(issue_story.analyses[-1].evidence) if issue_story.analyses else "", issue.narrative(issue_story))


ONE = {"approval": one_approval, "issue": one_issue}


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
        offers += patch.offers(asked.change.change_set)
        buttons(offers)


page(panels.NEEDS, panels.LEADS["approvals"], body)
