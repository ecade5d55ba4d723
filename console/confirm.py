"""A person's action: a button, a confirmation with its reason, done exactly once, and its answer.

The key is made when the dialog opens and travels with every click in it: a double click, a lost
connection or a second tab that repeats the call find the first one done.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from uuid import uuid4

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from console import access, asks
from console.markup import esc, tag
from console.widgets import draw

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Act:
    """``reason`` is the label of the text asked for; empty: none is asked. Further fields are in asks.py."""

    label: str
    asks: str
    says: str
    right: str = access.OPERATE
    shortcut: str | None = None
    kind: str = "secondary"
    reason: str = ""
    reason_name: str = "reason"
    home: str = "actions"  # the module of core that carries it out


ACTS = {
    "approve": Act(
        "Approve",
        "Approve this patch for production?",
        "Exactly this patch is deployed and watched; a worse error rate or latency rolls it back. "
        "The approval dies if the patch changes.",
        access.APPROVE,
        "A",
        "primary",
    ),
    "reject": Act(
        "Reject",
        "Reject this patch?",
        "Nothing is deployed; the issue goes to a person.",
        access.APPROVE,
        "X",
        reason="Why is it rejected?",
    ),
    "escalate": Act(
        "Escalate",
        "Hand this issue to a person?",
        "Automatic work on it stops.",
        shortcut="E",
        reason="Why, and what should they know?",
    ),
    "pass_on": Act(
        "Escalate",
        "Whom should it be escalated to?",
        "The question stays open; from then on they alone, or an admin, can answer it.",
        access.APPROVE,
        "E",
        reason="Why, and what should they know?",
    ),
    "hand_back": Act(
        "Hand back",
        "Hand this question back?",
        "Every approver can answer it again.",
        access.APPROVE,
        "H",
        reason="Why?",
    ),
    "retry": Act("Try again", "Start a new run?", "The issue is analyzed, decided and fixed anew.", shortcut="N"),
    "resolve": Act(
        "Resolve",
        "Record your own resolution?",
        "It is learned from: the next issue of its kind shows what cured this one.",
        shortcut="S",
        reason="What cured it?",
        reason_name="how",
    ),
    "dismiss": Act(
        "Dismiss",
        "Dismiss this issue?",
        "It is closed as not worth a fix and can be tried again.",
        shortcut="D",
        reason="Why?",
    ),
    "roll_back": Act(
        "Roll back",
        "Roll production back?",
        "Traffic returns to the version before; the issue is reopened and goes to a person.",
        access.APPROVE,
        "B",
        reason="Why?",
    ),
    "keep": Act(
        "Keep",
        "Keep this deployment?",
        "The watch ends at its next look unless that finds harm, and the issue counts as fixed.",
        access.APPROVE,
        "K",
        reason="Why is it right?",
    ),
    "merge": Act(
        "Merge",
        "Merge this issue into another one?",
        "Its signals move there and its own journey ends; later signals of its kind follow.",
        shortcut="M",
        home="triage",
    ),
    "split": Act(
        "Split",
        "Take signals out into an issue of their own?",
        "Later signals of the same kind go with them; both issues are counted anew.",
        shortcut="L",
        home="triage",
    ),
    "silence": Act(
        "Silence",
        "Open no issue of this for a while?",
        "What it covers is counted and shown, but calls nobody; it ends by itself.",
        shortcut="Q",
        reason="Why?",
        home="triage",
    ),
    "end_silence": Act(
        "End",
        "End it now?",
        "What comes from now on is told again; what was set aside stays so.",
        home="triage",
    ),
    "start_now": Act(
        "Start now",
        "Start without the maintenance window?",
        "The issue is diagnosed again and fixed at once; what asks for an approval still does.",
        shortcut="W",
        kind="primary",
        home="release_actions",
    ),
    "restart_from": Act(
        "Restart",
        "Restart from which stage?",
        "What was recorded before this stage is kept; the stage and all after it run again.",
        shortcut="T",
        reason="Why?",
        home="release_actions",
    ),
    "release_anyway": Act(
        "Release anyway",
        "Release this patch again?",
        "Exactly this patch is tested, deployed and watched once more, with your approval. A stop or a freeze "
        "still holds it.",
        access.APPROVE,
        "Y",
        reason="Why is it released anyway?",
        home="release_actions",
    ),
    "stop": Act(
        "Stop releases",
        "Stop all releases?",
        "Nothing new goes to production until a person starts releases again. What is live stays watched, and is "
        "rolled back if it fails.",
        shortcut="Z",
        reason="Why?",
        home="release_actions",
    ),
    "start": Act(
        "Start releases",
        "Start releases again?",
        "What waits goes to production, one release of a repository at a time.",
        access.APPROVE,
        "Z",
        "primary",
        home="release_actions",
    ),
    "lift": Act(
        "Lift the brake",
        "Lift the brake of this repository?",
        "Its automatic releases go on; failed releases are counted anew.",
        access.APPROVE,
        "K",
        reason="Why?",
        home="release_actions",
    ),
    "change_policy": Act(
        "Put in force",
        "Put this policy in force?",
        "The next decision follows it; decisions already made stay as they are. The present text is kept as a "
        "version that you can return to.",
        access.ADMINISTER,
        "P",
        "primary",
        reason="Why?",
    ),
}


@dataclass(frozen=True)
class Offer:
    """An act on one target; ``more`` are the action's further arguments, ``about`` what is shown,
    ``choices`` whom it can be given to; ``name`` tells offers apart whose target is no number; ``label`` is the
    button's, where the act's own would not tell two offers apart."""

    act: str
    target: int | str | None
    about: str = ""
    more: dict = field(default_factory=dict)
    choices: asks.Choices = ()
    name: str = ""
    label: str = ""


def buttons(offers: Sequence[Offer], *, shortcuts: bool = True) -> None:
    """A row of the offers that this person may take up."""
    here = access.current()
    with st.container(horizontal=True, gap="small"):
        for offer in offers:
            act = ACTS[offer.act]
            if here.may(act.right) and st.button(
                offer.label or act.label,
                key=f"{offer.act}-{offer.name or offer.target}",
                type=act.kind,
                shortcut=act.shortcut if shortcuts else None,
            ):
                st.dialog(act.asks)(_ask)(offer, uuid4().hex)


def _ask(offer: Offer, key: str) -> None:
    act = ACTS[offer.act]
    if done := st.session_state.pop(f"done-{key}", None):
        st.session_state["answer"] = done
        st.rerun()
    draw(tag("p", esc(offer.about), class_="d-muted") if offer.about else "", tag("p", act.says))
    if act.reason:
        st.text_area(act.reason, key=f"reason-{key}", max_chars=2000)
    asks.draw(offer.act, key, offer.choices)
    if fault := st.session_state.get(f"fault-{key}"):
        st.error(fault)
    with st.container(horizontal=True):
        st.button(act.label, key=f"do-{key}", type="primary", shortcut="Mod+Enter", on_click=_do, args=(offer, key))
        if st.button("Cancel", key=f"cancel-{key}"):
            st.rerun()


def _arguments(offer: Offer, key: str) -> dict:
    """What the dialog asked for, as the action's arguments. Raises ValueError for what is missing."""
    act, given = ACTS[offer.act], dict(offer.more)
    if act.reason:
        given[act.reason_name] = st.session_state.get(f"reason-{key}", "").strip()
        if not given[act.reason_name]:
            raise ValueError("Please say why: it is kept in the audit trail.")
    return given | asks.given(offer.act, key)


def _do(offer: Offer, key: str) -> None:
    """Ask the core. Its refusal stays in the dialog; its receipt closes it and is told on the page."""
    try:
        person = access.require(ACTS[offer.act].right)
        given = _arguments(offer, key)
    except access.SignedOut:
        st.session_state[f"fault-{key}"] = "Your session has ended: nothing was done. Sign in again."
        return
    except (access.Forbidden, ValueError) as refusal:
        st.session_state[f"fault-{key}"] = str(refusal)
        return
    home = import_module(f"core.{ACTS[offer.act].home}")  # at the first click: a page is drawn without the engine
    try:
        receipt = getattr(home, offer.act)(offer.target, actor=person, key=key, **given)
    except home.Refused as refusal:
        st.session_state[f"fault-{key}"] = str(refusal)
    except SQLAlchemyError:
        log.exception("%s of %s was not stored", offer.act, offer.target)
        st.session_state[f"fault-{key}"] = "The store did not answer, nothing was done. Click again: it counts once."
    else:
        st.session_state[f"done-{key}"] = (receipt.done, receipt.says)


def answer() -> None:
    """Tell once what became of the last action."""
    if told := st.session_state.pop("answer", None):
        done, says = told
        st.toast(f"{'✓' if done else '◆'} {says}", duration="long")  # signs that every font has
