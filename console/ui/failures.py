"""A store that fails is a screen of its own: what happened, and what to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from console import access
from core.policy.reader import ConfigurationError

log = logging.getLogger(__name__)


def _advice(error: Exception) -> str:
    said = str(getattr(error, "orig", error)).lower()
    if "locked" in said:
        return "Another process holds the database. Close database tools that keep a transaction open."
    if "no such table" in said:
        return "The database is not of this platform. Check DATABASE_URL, or restart the console to migrate it."
    if "disk" in said or "full" in said:
        return "The disk may be full. Free some space; work goes on where it stopped."
    return "Check DATABASE_URL and DATA_DIR with `python -m core doctor`; the folder must exist and be writable."


def signed_out() -> None:
    """Nothing of the page; the link loads the server's own sign-in page."""
    st.title("Your session has ended", anchor=False)
    st.html(
        '<p class="d-lead">Sign in again to go on; nothing is lost.</p>'
        '<a class="d-go" href="/login" target="_self">Sign in</a>'
    )


@contextmanager
def shown() -> Iterator[None]:
    """Draw instead of the page: a failed store, unusable settings, a missing right, an ended session."""
    try:
        yield
    except (SQLAlchemyError, ConfigurationError) as error:
        log.exception("the page could not be drawn")
        store_failed = isinstance(error, SQLAlchemyError)
        with st.container(border=True, key="failure"):
            st.header("The store does not answer" if store_failed else "A setting cannot be used")
            st.text(f"{type(error).__name__}: {getattr(error, 'orig', None) or error}")
            st.markdown(_advice(error) if store_failed else "Correct it and restart; `python -m core doctor` checks.")
            st.caption("Nothing is lost: what was stored is still there, and the rounds go on where they stopped.")
            st.button("Try again", shortcut="T", key="try_again")
    except access.Forbidden as error:
        st.warning(f"Not allowed: {error}")
    except access.SignedOut:
        signed_out()
