"""A fragment of a page that redraws itself when the store changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import streamlit as st
import streamlit.components.v2 as components
from sqlalchemy.exc import SQLAlchemyError

from console.changes import watch
from console.ui import failures

JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_listener = components.component("store_listener", js=JS)


def _told(titles: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Nothing when the store does not answer: the body tells that."""
    try:
        return titles()
    except (SQLAlchemyError, RuntimeError):
        return {}


def _nothing() -> None:
    """Streamlit requires a callback for each trigger; only the rerun of the fragment is needed."""


def live(body: Callable[[], None], titles: Callable[[], dict[str, str]] = dict, pause: float = 0.5) -> None:
    """Draw ``body`` now and after each change in the database, at most once every ``pause`` seconds.

    ``titles`` are texts of the navigation by address: they change without a full run, which would close a dialog.
    """

    @st.fragment
    def part() -> None:
        update = _listener(
            key="listener",
            data={"drawn": watch.version, "pause": pause * 1000, "titles": _told(titles)},
            on_changed_change=_nothing,
            on_go_change=_nothing,
            height=0,
        )
        if update.go:
            follow(update.go)
        with failures.shown():
            body()

    part()


def follow(address: str) -> None:
    """Open a page of the console by its address; anything else is ignored."""
    parts = urlsplit(address)
    page = st.session_state.get("pages", {}).get(parts.path.strip("/"))
    if page is not None and not parts.netloc:
        st.switch_page(page, query_params=dict(parse_qsl(parts.query)))
