"""A person's action: a button, a confirmation with a reason, one execution, and its result.

The dialog creates an idempotency key when it opens and sends it with every click. A double click, a lost connection
or a second tab therefore repeats nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from console import access
from console.ui import dialog_fields
from console.ui.markup import esc, plain, tag
from console.ui.widgets import draw
from core.access.rights import Refused
from core.actions.registry import registry

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Offer:
    """An action on one target.

    ``more`` holds arguments that the dialog does not ask for; it shows ``about``; ``choices`` are the options of the
    argument that the person selects. ``name`` identifies an offer whose target is not a number. ``label`` replaces
    the action's own label if two buttons would share it.
    """

    act: str
    target: int | str | None
    about: str = ""
    more: dict = field(default_factory=dict)
    choices: dialog_fields.Choices = ()
    name: str = ""
    label: str = ""


def buttons(offers: Sequence[Offer], *, shortcuts: bool = True) -> None:
    """A row of buttons for the offers that this person has the right to."""
    here = access.shown_to()
    with st.container(horizontal=True, gap="small"):
        for offer in offers:
            action = registry()[offer.act]
            if here.may(action.right) and st.button(
                offer.label or action.dialog.label,
                key=f"{offer.act}-{offer.name or offer.target}",
                type="primary" if action.dialog.primary else "secondary",
                shortcut=action.dialog.shortcut if shortcuts else None,
            ):
                st.dialog(action.dialog.question)(_ask)(offer, uuid4().hex)


def _ask(offer: Offer, key: str) -> None:
    action = registry()[offer.act]
    if done := st.session_state.pop(f"done-{key}", None):
        st.session_state["answer"] = done
        st.rerun()
    draw(tag("p", esc(offer.about), class_="d-muted") if offer.about else "", tag("p", action.dialog.consequence))
    dialog_fields.draw(action, key, offer.choices)
    if fault := st.session_state.get(f"fault-{key}"):
        st.error(plain(fault))
    label = action.dialog.label
    with st.container(horizontal=True):
        st.button(label, key=f"do-{key}", type="primary", shortcut="Mod+Enter", on_click=_do, args=(offer, key))
        if st.button("Cancel", key=f"cancel-{key}"):
            st.rerun()


def _do(offer: Offer, key: str) -> None:
    """Run the action in the core. A refusal stays in the dialog; a receipt closes it and is shown on the page."""
    action = registry()[offer.act]
    try:
        person = access.require(action.right)
        given = {**offer.more, **dialog_fields.given(action, key)}
        receipt = action.run(offer.target, actor=person, key=key, **given)
    except access.SignedOut:
        st.session_state[f"fault-{key}"] = "Your session has ended. Nothing changed. Sign in again."
    except (Refused, ValueError) as refusal:
        st.session_state[f"fault-{key}"] = str(refusal)
    except SQLAlchemyError:
        log.exception("%s of %s was not stored", offer.act, offer.target)
        st.session_state[f"fault-{key}"] = "The database did not respond. Nothing changed; retrying is safe."
    else:
        st.session_state[f"done-{key}"] = (receipt.done, receipt.message)


def answer() -> None:
    """Show the result of the last action once."""
    if receipt := st.session_state.pop("answer", None):
        done, message = receipt
        st.toast(f"{'✓' if done else '◆'} {plain(message)}", duration="long")  # signs that exist in every font
