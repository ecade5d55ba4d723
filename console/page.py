"""The frame of every page: the right it needs, its title, its live body, and the result of the last action."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from console import access
from console.parts import alarm, holding
from console.ui import confirm, failures
from console.ui.live import live
from console.ui.markup import ZONE
from console.ui.widgets import draw, tag
from core.db import store
from core.queries import approvals

INBOX = "approvals"
TITLES = {  # of a tab, by what the address names
    "issue": "Issue",
    "approval": "Approval",
    "change": "Change",
    "deployment": "Deployment",
    "version": "Policy version",
    "row": "Audit row",
}
FOLDER = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True)
class PageFile:
    """The declarations of a file in pages/: the title at the start of its docstring, ORDER and RIGHT.

    ``order`` is its place in the navigation; ``right`` is needed to open it.
    """

    name: str
    title: str
    order: int
    right: str


def declared(folder: Path = FOLDER) -> list[PageFile]:
    """The pages of a folder in order. The files are read, not run."""
    return sorted((_declared(path) for path in folder.glob("*.py")), key=lambda found: found.order)


def _declared(path: Path) -> PageFile:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    title = (ast.get_docstring(tree) or path.stem).split(":")[0]
    return PageFile(path.stem, title, int(str(said["ORDER"])), str(said.get("RIGHT", access.VIEW)))


PAGES = {found.name: found.title for found in declared()}  # address: title
NEEDS = {found.name: found.right for found in declared()}  # address: right


def visible(actor: access.Actor) -> dict[str, str]:
    """The pages in this person's navigation. Any other page, opened by its address, shows why it is not allowed."""
    return {name: title for name, title in PAGES.items() if actor.may(NEEDS[name])}


def counted_title(name: str, number: int) -> str:
    """A page's title in the navigation; the inbox shows how much it holds."""
    return f"{PAGES[name]} ({number})" if name == INBOX and number else PAGES[name]


def inbox_title() -> dict[str, str]:
    """The navigation's text of the inbox by its address, as it is now."""
    with store.read() as session:
        return {f"/{INBOX}": counted_title(INBOX, approvals.needs(session))}


def page(title: str, text: str, body: Callable[[], None], right: str = access.VIEW) -> None:
    """Draw ``body`` under the title for a person with ``right``, and keep it current. A page calls this once, last."""

    def guarded() -> None:
        access.begin_page(right)
        ZONE.set(access.zone())
        if found := alarm.banner():
            draw(*found)
        holding.banner()
        body()
        confirm.answer()  # last, so that the page already shows the new state, and keys go to it

    st.set_page_config(page_title=f"{tab_title(title)} · DevOps Intelligence")
    with failures.shown():
        access.require(right)
        st.title(title, anchor=False)
        draw(tag("p", text, class_="d-lead"))
        live(guarded, inbox_title)


def tab_title(title: str) -> str:
    """The title of the browser's tab: the one thing that the address names, or the page."""
    return next((f"{word} {number}" for name, word in TITLES.items() if (number := picked(name)) is not None), title)


def picked(name: str) -> int | None:
    """The number in the address, e.g. ?issue=12; None without one."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
