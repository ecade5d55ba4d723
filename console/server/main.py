"""The script of every visit: the navigation, and the page in the address. Its styles are in index.html."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # streamlit puts only this folder on the path
    sys.path.insert(0, str(ROOT))

from console import access, process  # noqa: E402
from console.page import PAGES, counted_title, visible  # noqa: E402
from console.parts import panels  # noqa: E402
from console.ui import failures  # noqa: E402
from console.ui.widgets import draw  # noqa: E402
from core.db import store  # noqa: E402
from core.queries import approvals  # noqa: E402

HERE = Path(__file__).parent


def navigation(person: access.Actor):
    """The person's pages by address; live.py follows links to them."""
    listed = visible(person)
    with store.read() as session:
        number = approvals.needs(session)
    pages = {
        name: st.Page(
            ROOT / "pages" / f"{name}.py",
            title=counted_title(name, number),
            url_path=name,
            default=name == "pipeline",
            visibility="visible" if name in listed else "hidden",
        )
        for name in PAGES
    }
    st.session_state["pages"] = pages | {"": pages["pipeline"]}
    return st.navigation(list(pages.values()))


def sidebar(person: access.Actor) -> None:
    settings = process.settings()
    with st.sidebar.container(key="foot"):
        draw(panels.person(person), *panels.foot(settings, process.policy()[0].environment))


def leads_to_setup(person: access.Actor, chosen) -> bool:
    """An admin of a platform without services lands on its setup, once a visit."""
    policy, _ = process.policy()
    new = not policy.services and person.may(access.ADMINISTER) and chosen.title == PAGES["pipeline"]
    if not new or st.session_state.get("setup-led"):
        return False
    st.session_state["setup-led"] = True
    return True


st.set_page_config(
    page_title="DevOps Intelligence Platform",
    page_icon=str(HERE / "icon.svg"),
    layout="wide",
    initial_sidebar_state="auto",
    menu_items={"About": None},
)
st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "icon.svg"), size="large")
with failures.shown():
    here = access.current()
    chosen = navigation(here)
    sidebar(here)
    if leads_to_setup(here, chosen):
        st.switch_page(st.session_state["pages"]["setup"])
    chosen.run()
