"""The table of rights, written out independently, and the text of a refusal."""

from __future__ import annotations

import pytest

from core.access import rights
from core.access.rights import Actor, Forbidden, IdentityProof, proved, require
from core.models.access import Role

VIEWER, OPERATOR, APPROVER, ADMIN = Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMIN
HOLDERS = {
    "view": [VIEWER, OPERATOR, APPROVER, ADMIN],
    "operate": [OPERATOR, APPROVER, ADMIN],
    "approve": [APPROVER, ADMIN],
    "audit": [APPROVER, ADMIN],
    "administer": [ADMIN],
}


def test_every_right_is_in_both_tables():
    assert set(rights.RIGHTS) == set(rights.MAY) == set(HOLDERS)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", HOLDERS)
def test_a_role_holds_exactly_its_rights(right, role):
    actor = Actor("ada", role)
    assert actor.may(right) is (role in HOLDERS[right])
    if role in HOLDERS[right]:
        assert require(actor, right) is actor
        return
    with pytest.raises(Forbidden) as refusal:
        require(actor, right)
    text = f"ada ({role.value}) cannot {rights.MAY[right]}; required role: {', '.join(r.value for r in HOLDERS[right])}"
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("role", "scopes", "right", "says"),
    [
        (ADMIN, {"approve"}, "approve", ""),
        (ADMIN, {"approve"}, "view", "This token of ada lacks the scope 'view'"),
        (ADMIN, set(), "administer", "This token of ada lacks the scope 'administer'"),
        (
            VIEWER,
            {"approve"},
            "approve",
            "ada (viewer) cannot approve, reject or roll back; required role: approver, admin",
        ),
        (VIEWER, set(), "approve", "ada (viewer) cannot approve, reject or roll back; required role: approver, admin"),
    ],
)
def test_a_token_narrows_a_role_and_never_widens_it(role, scopes, right, says):
    actor = Actor("ada", role, frozenset(scopes))
    if not says:
        assert require(actor, right) is actor
        return
    with pytest.raises(Forbidden) as refusal:
        require(actor, right)
    assert str(refusal.value) == says


@pytest.mark.parametrize("proof", IdentityProof)
def test_an_authenticated_person_may_act(proof):
    actor = Actor("ada", VIEWER, proof=proof)
    assert proved(actor) is actor


@pytest.mark.parametrize(
    "claim", [Actor("ada", ADMIN), Actor("ada", ADMIN, frozenset({"approve"}), "api"), "ada", None]
)
def test_a_name_alone_is_not_authenticated(claim):
    with pytest.raises(Forbidden, match="This needs an authenticated person"):
        proved(claim)
