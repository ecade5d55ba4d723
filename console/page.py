"""The frame of every page: the right it needs, its title, its live body, and the result of the last action."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from console import access
from console.parts import alarm, holding
from console.ui import confirm, failures
from console.ui.live import live
from console.ui.widgets import draw, tag

PAGES = {  # address: title
    "pipeline": "Pipeline",
    "approvals": "Approvals",
    "issues": "Issues",
    "codegen": "Code generation",
    "deployments": "Deployments",
    "kpis": "KPIs",
    "policy": "Policy",
    "audit": "Audit",
    "settings": "Settings",
    "people": "People",
}
# address: the right that the page needs, if more than to view
NEEDS: dict[str, str] = {"audit": access.AUDIT, "settings": access.OPERATE, "people": access.ADMINISTER}


def visible(actor: access.Actor) -> dict[str, str]:
    """The pages in this person's navigation. Any other page, opened by its address, says why it is not allowed."""
    return {name: title for name, title in PAGES.items() if actor.may(NEEDS.get(name, access.VIEW))}


def page(title: str, says: str, body: Callable[[], None], right: str = access.VIEW) -> None:
    """Draw ``body`` under the title for a person with ``right``, and keep it current. A page calls this once, last."""

    def guarded() -> None:
        access.require(right)
        if found := alarm.banner():
            draw(*found)
        holding.banner()
        body()
        confirm.answer()  # last, so that the page already shows the new state, and keys go to it

    with failures.shown():
        access.require(right)
        st.title(title, anchor=False)
        draw(tag("p", says, class_="d-lead"))
        live(guarded)


def picked(name: str) -> int | None:
    """The number that the address names, e.g. ?issue=12; None if it names none."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
