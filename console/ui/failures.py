"""The error screen: what happened, and what to do."""

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
        return "Another process has locked the database. Close database tools that keep a transaction open."
    if "no such table" in said:
        return "The database has no tables of this platform. Check DATABASE_URL, or restart the console to migrate it."
    if "disk" in said or "full" in said:
        return "The disk may be full. Free some space; work resumes where it stopped."
    return "Run `python -m core doctor` to check DATABASE_URL and DATA_DIR. The folder must exist and be writable."


def signed_out() -> None:
    """Show none of the page, only a link to the sign-in page."""
    st.title("Your session has ended", anchor=False)
    st.html(
        '<p class="d-lead">Sign in again to continue. Nothing is lost.</p>'
        '<a class="d-go" href="/login" target="_self">Sign in</a>'
    )


@contextmanager
def shown() -> Iterator[None]:
    """Draw this instead of the page: a database error, invalid settings, a missing right, an ended session."""
    try:
        yield
    except (SQLAlchemyError, ConfigurationError) as error:
        log.exception("the page could not be drawn")
        store_failed = isinstance(error, SQLAlchemyError)
        with st.container(border=True, key="failure"):
            st.header("The database is not responding" if store_failed else "A setting is invalid")
            st.text(f"{type(error).__name__}: {getattr(error, 'orig', None) or error}")
            st.markdown(
                _advice(error) if store_failed else "Correct it and restart. Run `python -m core doctor` to check."
            )
            st.caption("Nothing is lost. Stored data is safe, and work resumes where it stopped.")
            st.button("Reload", shortcut="T", key="try_again")
    except access.Forbidden as error:
        st.warning(f"Not allowed: {error}")
    except access.SignedOut:
        signed_out()
