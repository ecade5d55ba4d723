"""People: who can sign in, with which role; and the API tokens of programs. For admins."""

from __future__ import annotations

import streamlit as st

from console.page import page
from console.parts import people
from console.ui.markup import link
from console.ui.widgets import cut, draw, empty
from core.db import store
from core.queries import people as view

ORDER = 100
RIGHT = "administer"


def body() -> None:
    named = st.query_params.get("name", "")
    with store.read() as session:
        everybody, tokens = view.people(session, named), view.tokens(session, named)
    if named:
        draw(link("/people", "← Everyone"))
    people.once()
    if not everybody:
        draw(empty("Person not found", "Nobody with this name can sign in.", "✕"))
        return
    people.everybody(everybody)
    draw(cut(len(everybody), view.PAGE, f"Showing the first {view.PAGE} by name."))
    with st.grid(columns=2, min_column_width=300):
        with st.expander("Add a person"):
            people.add_person()
        with st.expander("Change a person"):
            people.change_person(everybody)
    st.header("API tokens", anchor=False)
    people.tokens(tokens)
    draw(cut(len(tokens), view.PAGE, f"Showing {view.PAGE}: valid tokens first, then the newest."))
    with st.grid(columns=2, min_column_width=300):
        with st.expander("Issue a token"):
            people.add_token(everybody)
        with st.expander("Revoke a token"):
            people.revoke_token(tokens)


page("People", "Who can sign in, with which role, and what programs can do.", body, RIGHT)
