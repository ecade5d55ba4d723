"""The places where the search leads: one setting of the policy, one row of the audit trail."""

from __future__ import annotations

import pytest

from core.audit import chain
from core.db import store
from core.models.access import Role
from tests import screens

HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("person", "name", "shown"),
    [
        ("viewer", "guards.deployments_per_hour", ("Maximum automatic deployments an hour", "<b>5</b>")),
        ("viewer", "services.checkout.critical", ("<b>yes</b>",)),
        ("viewer", "guards.freezes", ("<b>none</b>", "named periods without releases")),
        ("admin", "repositories.shop.remote", ("https://git.example/shop.git", "Change the policy")),
        ("operator", "repositories.shop.remote", ("Setting not found",)),
        ("approver", "access.groups", ("Setting not found",)),
        ("viewer", HOSTILE, ("Setting not found",)),
    ],
)
def test_a_setting_of_the_policy(console, person, name, shown):
    at = screens.visit("policy", person, setting=name)
    told = screens.seen(at)
    assert not at.exception
    assert all(words in told for words in shown), told
    assert HOSTILE not in told
    assert ("Change the policy" in told) == (person == "admin")


def test_the_link_to_change_opens_the_form(console):
    assert "Confidence thresholds" in [one.value for one in screens.visit("policy", view="change").subheader]
    assert not screens.visit("policy", "viewer", view="change").subheader


def test_a_row_of_the_audit_trail_in_full(console):
    with store.write() as session:
        made = chain.record(session, HOSTILE, "roll_back", "deployment/7", {"reason": f"odd {HOSTILE}", "empty": ""})
        row = made.id
    at = screens.visit("audit", "approver", row=row)
    told = screens.seen(at)
    assert not at.exception
    assert f"Row {row}</h2>" in told and "hash fits" in told and 'href="/deployments?deployment=7"' in told
    assert "<dt>Reason</dt>" in told and "<dt>Empty</dt>" not in told and HOSTILE not in told


@pytest.mark.parametrize("row", ["9", "x", "99999999999999999999"])
def test_a_row_that_does_not_exist(console, row):
    assert "Row not found" in screens.seen(screens.visit("audit", row=row))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_a_row_is_for_those_who_may_read_the_trail(console, role):
    with store.write() as session:
        row = chain.record(session, "bob", "roll_back", "deployment/7", {"reason": "odd prices"}).id
    told = screens.seen(screens.visit("audit", role.value, row=row))
    assert "odd prices" not in told and "bob" not in told
