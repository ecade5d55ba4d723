"""An identity provider's claims, chosen by somebody who wants to be another person or have another role."""

from __future__ import annotations

import pytest

from core.access import accounts, sessions
from core.access.accounts import Denied
from core.db import store
from core.models.access import Person, Role
from core.policy.sections import Access
from tests import screens

RULES = Access(oidc_roles={"platform-team": Role.ADMIN, "ada@example.com": Role.APPROVER, "None": Role.ADMIN})
EVE = {"email": "eve@example.com", "email_verified": True}
CLAIMS = {
    "address that is not verified": {"email": "ada@example.com", "email_verified": False},
    "not verified, as a word": {"email": "ada@example.com", "email_verified": "false"},
    "not verified, as a number": {"email": "ada@example.com", "email_verified": 0},
    "not verified, as a list": {"email": "ada@example.com", "email_verified": ["true"]},
    "nothing said of it": {"email": "ada@example.com"},
    "nothing said of it, by None": {"email": "ada@example.com", "email_verified": None},
    "a group called like an address": EVE | {"groups": ["ada@example.com"]},
    "a claim called like an address": EVE | {"groups": "ada@example.com"},
    "an address called like a group": {"email": "platform-team", "email_verified": True},
    "groups as an object": EVE | {"groups": {"platform-team": True}},
    "groups in groups": EVE | {"groups": [["platform-team"], {"name": "platform-team"}]},
    "groups in one word": EVE | {"groups": "platform-team,sales"},
    "no groups": EVE | {"groups": None},
    "addresses as a list": {"email": ["ada@example.com"], "email_verified": True},
    "two addresses": {"email": "ada@example.com,eve@example.com", "email_verified": True},
    "letters of another script": {"email": "\u0430da@example.com", "email_verified": True},
    "a sign that becomes a letter": {"email": "ada@example.com".replace("a", "\uff41"), "email_verified": True},
    "a line of its own": {"email": "ada@example.com\n", "email_verified": True, "groups": ["platform-team"]},
    "a name that is markup": {"email": "<b>@example.com", "email_verified": True, "groups": ["platform-team"]},
    "an endless address": {"email": "a" * 500 + "@example.com", "email_verified": True, "groups": ["platform-team"]},
}


@pytest.fixture(autouse=True)
def console(tmp_path):
    return screens.open_console(tmp_path)


@pytest.mark.parametrize("name", CLAIMS)
def test_claims_that_make_nobody_somebody(name):
    with pytest.raises(Denied):
        accounts.from_provider(CLAIMS[name], RULES)
    with store.read() as session:
        assert session.get(Person, "ada@example.com") is None


def test_a_kelvin_sign_is_no_k():
    """``str.lower`` makes one of it, and of its bearer the owner of another address."""
    rules = Access(oidc_roles={"kim@example.com": Role.ADMIN})
    with pytest.raises(Denied):
        accounts.from_provider({"email": "\u212aim@example.com", "email_verified": True}, rules)
    assert accounts.from_provider({"email": "Kim@Example.com", "email_verified": True}, rules).name == "kim@example.com"


def test_a_provider_that_leaves_the_word_out_has_to_be_named():
    told = {"email": "ada@example.com"}
    assert accounts.from_provider(told, RULES.model_copy(update={"oidc_email_verified": False})).role is Role.APPROVER
    for said in (False, "false", None):
        with pytest.raises(Denied):
            rules = RULES.model_copy(update={"oidc_email_verified": False})
            accounts.from_provider(told | {"email_verified": said}, rules)


def test_a_role_that_is_taken_away_is_gone_in_sessions_and_tokens_too():
    ada = EVE | {"groups": ["platform-team"]}
    person = accounts.from_provider(ada, RULES)
    cookie = sessions.begin(person.name, "agent", "127.0.0.1", 1)
    token = sessions.issue_token(person.name, "x", ["approve", "view"], 30, by="admin")
    rules = RULES.model_copy(update={"oidc_default": Role.VIEWER})
    assert accounts.from_provider(EVE, rules).role is Role.VIEWER
    assert sessions.actor(sessions.digest(cookie)).role is Role.VIEWER
    assert sessions.of_token(token, "api").rights == {"view"}


def test_who_is_disabled_comes_back_by_no_way():
    person = accounts.from_provider(EVE | {"groups": ["platform-team"]}, RULES)
    cookie = sessions.begin(person.name, "agent", "127.0.0.1", 1)
    token = sessions.issue_token(person.name, "x", ["approve"], 30, by="admin")
    accounts.set_disabled(person.name, True, by="admin")
    assert sessions.actor(sessions.digest(cookie)) is None
    with pytest.raises(accounts.Forbidden):
        sessions.of_token(token, "api")
    for address in ("eve@example.com", "Eve@Example.COM"):
        with pytest.raises(Denied):
            accounts.from_provider(EVE | {"email": address, "groups": ["platform-team"]}, RULES)
