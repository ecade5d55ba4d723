"""The People page: an admin's forms; each click checks the right again."""

import pytest

from core.access import accounts, sessions
from core.db import store
from core.models.access import Person, Role
from core.policy.sections import Access
from core.queries import people as view
from tests import screens


def press(at, label: str):
    return next(b for b in at.button if b.label == label).click().run()


def shown_once(at) -> str:
    [code] = at.code
    return code.value


def kept(name: str) -> Person:
    with store.read() as session:
        return session.get(Person, name)


def test_a_person_is_added_and_the_password_is_shown_once(console):
    at = screens.visit("people")
    at.text_input(key="new-name").input("ada@x.io")
    at.selectbox(key="new-role").select("approver")
    press(at, "Add")
    password = shown_once(at)
    assert accounts.sign_in("ada@x.io", password, Access()).must_change
    press(at, "I have saved it")
    assert not at.code


CHANGES = [
    ("Set role: approver", lambda: kept("operator").role is Role.APPROVER),
    ("Disable", lambda: kept("operator").disabled and sessions.actor(sessions.digest("operator")) is None),
    ("New one-time password (ends sessions, removes the lock)", lambda: kept("operator").must_change),
]


@pytest.mark.parametrize("what, holds", CHANGES, ids=[what for what, _ in CHANGES])
def test_a_person_is_changed(console, what, holds):
    at = screens.visit("people")
    at.selectbox(key="who").select("operator")
    at.selectbox(key="what").select(what)
    press(at, "Apply")
    assert not at.exception and holds()


def test_a_token_is_issued_and_revoked(console):
    at = screens.visit("people")
    at.selectbox(key="token-person").select("bob")
    at.text_input(key="token-label").input("kestra")
    at.multiselect(key="token-scopes").select("view")
    press(at, "Issue")
    assert sessions.of_token(shown_once(at), "api").rights == {"view"}
    at.selectbox(key="token-gone").select(1)
    press(at, "Revoke")
    with store.read() as session:
        assert view.token_state(*view.tokens(session)[0]) == "revoked"


def test_no_token_is_offered_for_a_person_for_whom_it_would_not_work(console):
    accounts.add("ada", Role.OPERATOR, "a one-time password", by="admin")
    accounts.set_disabled("viewer", True, by="admin")
    offered = screens.visit("people").selectbox(key="token-person").options
    assert "bob" in offered and not {"ada", "viewer"} & set(offered)


def test_the_right_is_checked_again_at_the_click(console):
    accounts.add("boss", Role.ADMIN, by="admin")
    at = screens.visit("people")
    at.selectbox(key="who").select("viewer")
    at.selectbox(key="what").select("Set role: admin")
    accounts.set_role("admin", Role.VIEWER, by="boss")
    press(at, "Apply")
    assert kept("viewer").role is Role.VIEWER


def test_the_last_admin_cannot_be_removed(console):
    at = screens.visit("people")
    at.selectbox(key="who").select("admin")
    at.selectbox(key="what").select("Set role: viewer")
    press(at, "Apply")
    assert kept("admin").role is Role.ADMIN


def test_an_address_with_a_name_shows_that_person_alone(console):
    sessions.issue_token("bob", "deploys", ["view"], 3, by="admin")
    sessions.issue_token("operator", "reads", ["view"], 3, by="admin")
    at = screens.visit("people", name="bob")
    told = screens.seen(at)
    assert "<b>bob</b>" in told and "<b>operator</b>" not in told
    assert "deploys" in told and "reads" not in told
    assert list(at.selectbox(key="who").options) == ["bob"]


def test_an_address_with_an_unknown_name_says_so_escaped(console):
    told = screens.seen(screens.visit("people", name="<script>alert(1)</script>"))
    assert "Person not found" in told and "<script>alert(1)" not in told
