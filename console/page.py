"""The frame of every page: its right, its title, its answer, and its live body."""

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
# address: the right that the page asks for, where it is more than to look
NEEDS: dict[str, str] = {"audit": access.AUDIT, "settings": access.OPERATE, "people": access.ADMINISTER}


def visible(actor: access.Actor) -> dict[str, str]:
    """The pages that the navigation lists for this person; the address of another one says why not."""
    return {name: title for name, title in PAGES.items() if actor.may(NEEDS.get(name, access.VIEW))}


def page(title: str, says: str, body: Callable[[], None], right: str = access.VIEW) -> None:
    """Draw ``body`` for one who holds ``right``, under the title, and keep it true. A page calls this once, last."""

    def guarded() -> None:
        access.require(right)
        if found := alarm.banner():
            draw(*found)
        holding.banner()
        body()
        confirm.answer()  # last: who is told it finds the page as it now is, and the next key goes there

    with failures.shown():
        access.require(right)
        st.title(title, anchor=False)
        draw(tag("p", says, class_="d-lead"))
        live(guarded)


def picked(name: str) -> int | None:
    """The number that the address names, e.g. ?issue=12; None if it names none."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
