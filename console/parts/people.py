"""People and API tokens, managed by an admin: tables, and forms that check the right again on every click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from console import access
from console.parts.system import state
from console.ui.markup import join, moment, tag, when
from console.ui.widgets import card, draw, empty, table
from core.access import accounts, passwords, sessions
from core.access.rights import RIGHTS, Forbidden
from core.models.access import ApiToken, Person, Role
from core.queries import people as view

Rows = Sequence[tuple[Person, int]]
Tokens = Sequence[tuple[ApiToken, Person | None]]


def everybody(rows: Rows) -> None:
    draw(
        table(
            ("Name", "Role", "State", "Sessions", "Last sign-in", "Password set"),
            (
                (
                    tag("b", person.name),
                    person.role.value,
                    state(person),
                    live,
                    when(person.last_sign_in),
                    when(person.password_at) if person.password else "–",
                )
                for person, live in rows
            ),
            (3,),
        )
    )


def tokens(rows: Tokens) -> None:
    if not rows:
        draw(
            empty("No API tokens yet", "Programs such as Kestra, and the command line on other machines, need a token.")
        )
        return
    draw(
        table(
            ("Token", "Acts for", "Scopes", "State", "Until", "Last used"),
            (
                (
                    join([tag("b", row.id), " ", row.label]),
                    row.person,
                    ", ".join(row.scopes),
                    view.token_state(row, person),
                    moment(row.expires_at),
                    when(row.last_used),
                )
                for row, person in rows
            ),
        )
    )


def once() -> None:
    """A new secret: shown until the admin confirms that it was saved, and stored nowhere else."""
    if shown := st.session_state.get("once"):
        what, secret = shown
        with st.container(border=True, key="once"):
            draw(tag("p", tag("b", what), ": shown only once."))
            st.code(secret, language=None)
            st.button("I have saved it", key="noted", on_click=lambda: st.session_state.pop("once", None))


def _do(work: Callable[[str], str]) -> None:
    """Run ``work(by)`` as the signed-in admin; the page shows the result or the error."""
    try:
        message = work(access.require(access.ADMINISTER).name)
    except (ValueError, Forbidden, access.SignedOut) as refusal:
        st.session_state["answer"] = (False, str(refusal) or "Your session has ended. Nothing changed.")
    else:
        st.session_state["answer"] = (True, message)


def _given(name: str) -> Any:
    return st.session_state.get(name)


def add_person() -> None:
    with st.form("person-add", border=True):
        st.text_input("Name or e-mail address", key="new-name", max_chars=accounts.LONGEST_NAME)
        st.selectbox("Role", [role.value for role in Role], key="new-role")
        st.checkbox("Signs in through the identity provider (no password here)", key="new-oidc")
        st.form_submit_button("Add", on_click=_do, args=(_add,))


def _add(by: str) -> str:
    name, password = (_given("new-name") or "").strip(), "" if _given("new-oidc") else passwords.made_up()
    accounts.add(name, Role(_given("new-role")), password, by=by)
    if password:
        st.session_state["once"] = (f"One-time password of {name}", password)
    return f"{name} was added"


def change_person(rows: Rows) -> None:
    with st.form("person-change", border=True):
        st.selectbox("Person", [person.name for person, _ in rows], None, key="who", placeholder="choose")
        st.selectbox("Change", list(CHANGES), None, key="what", placeholder="choose")
        st.form_submit_button("Apply", on_click=_do, args=(_change,))


def _change(by: str) -> str:
    who, what = _given("who"), _given("what")
    if not (who and what):
        raise ValueError("Choose a person and a change")
    return CHANGES[what](who, by)


def _role(role: Role) -> Callable[[str, str], str]:
    def change(name: str, by: str) -> str:
        accounts.set_role(name, role, by=by)
        return f"{name} now has the role {role.value}"

    return change


def _disable(name: str, by: str) -> str:
    accounts.set_disabled(name, True, by=by)
    return f"{name} is disabled; all their sessions have ended"


def _enable(name: str, by: str) -> str:
    accounts.set_disabled(name, False, by=by)
    return f"{name} is enabled and can sign in again"


def _password(name: str, by: str) -> str:
    password = passwords.made_up()
    accounts.set_password(name, password, by=by)
    st.session_state["once"] = (f"One-time password of {name}", password)
    return f"{name} has a new one-time password; all their sessions have ended"


CHANGES: dict[str, Callable[[str, str], str]] = {
    **{f"Set role: {role.value}": _role(role) for role in Role},
    "New one-time password (ends sessions, removes the lock)": _password,
    "Disable": _disable,
    "Enable": _enable,
}


def add_token(rows: Rows) -> None:
    with st.form("token-add", border=True):
        st.selectbox("Acts for", [person.name for person, _ in rows if not accounts.barred(person)], key="token-person",
                     help="People who can sign in and have chosen their own password")  # fmt: skip
        st.text_input("Purpose", key="token-label", max_chars=100)
        st.multiselect("Scopes", list(RIGHTS), key="token-scopes")
        st.number_input("Valid for, days", 1, 366, 90, key="token-days")
        st.form_submit_button("Issue", on_click=_do, args=(_issue,))


def _issue(by: str) -> str:
    label = (_given("token-label") or "").strip() or "unnamed"
    secret = sessions.issue_token(
        _given("token-person"), label, _given("token-scopes") or (), _given("token-days"), by=by
    )
    st.session_state["once"] = (f"API token {label}", secret)
    return f"the token {label} was issued"


def revoke_token(rows: Tokens) -> None:
    living = [row.id for row, _ in rows if not view.ended(row)]
    if not living:
        draw(card("", "No tokens to revoke."))
        return
    with st.form("token-revoke", border=True):
        st.selectbox("Token", living, key="token-gone")
        st.form_submit_button("Revoke", on_click=_do, args=(_revoke,))


def _revoke(by: str) -> str:
    sessions.revoke_token(_given("token-gone"), by=by)
    return f"token {_given('token-gone')} is revoked"
