"""People: signing in, locks, expiry, the first password; sessions and tokens in the store."""

from __future__ import annotations

import runpy
from datetime import timedelta
from threading import Thread

import pytest
from argon2 import Type
from sqlmodel import select

from core.access import accounts, passwords, sessions
from core.access.accounts import Denied
from core.access.rights import Forbidden
from core.db import store
from core.models import AuditRow, now
from core.models.access import ApiToken, Person, Role, SignIn
from core.models.following import Subscription
from core.ops import subscribers
from core.policy.sections import Access
from core.queries import people as view
from tests import factories, screens

RULES = Access(lock_after=3, lock_minutes=15, password_days=365)
RIGHT = "a quiet blue harbour"


@pytest.fixture
def ada(console):
    accounts.add("ada", Role.APPROVER, RIGHT, by="admin", must_change=False)
    return "ada"


def change(name: str, **values) -> None:
    with store.write() as session:
        session.get_one(Person, name).sqlmodel_update(values)


def person(name: str) -> Person:
    with store.read() as session:
        return session.get_one(Person, name)


def test_the_right_password_signs_in_and_is_not_stored(ada, console):
    assert accounts.sign_in(" ada ", RIGHT, RULES).role is Role.APPROVER
    assert person("ada").password.startswith("$argon2id$")
    screens.store.engine().dispose()
    assert RIGHT.encode() not in b"".join(p.read_bytes() for p in console.data_dir.iterdir() if p.is_file())


def test_the_product_hashes_with_the_low_memory_profile_of_rfc_9106():
    made = runpy.run_path(passwords.__file__)["_hasher"]  # anew, as tests hash more cheaply
    assert (made.type, made.memory_cost, made.time_cost, made.parallelism) == (Type.ID, 64 << 10, 3, 4)


SHUT = {
    "disabled": {"disabled": True},
    "ended": {"expires_at": now() - timedelta(days=1)},
    "locked": {"locked_until": now() + timedelta(days=1)},
    "first password not changed in time": {"must_change": True, "password_at": now() - timedelta(hours=73)},
    "comes by the identity provider": {"password": ""},
}


@pytest.mark.parametrize("values", SHUT.values(), ids=SHUT)
def test_the_right_password_of_a_blocked_account_gets_the_same_answer(ada, values):
    change(ada, **values)
    with pytest.raises(Denied, match=accounts.DENIED):
        accounts.sign_in(ada, RIGHT, RULES)


@pytest.mark.parametrize("name, password", [("nobody", RIGHT), ("ada", "wrong"), ("ada", ""), ("", ""),
                                            ("ada", RIGHT + "x" * 200), ("ADA", RIGHT)])  # fmt: skip
def test_a_wrong_name_or_password_gets_the_same_answer(ada, name, password):
    with pytest.raises(Denied, match=accounts.DENIED):
        accounts.sign_in(name, password, RULES)


def test_an_unknown_name_takes_as_much_work_as_a_known_one(ada, monkeypatch):
    asked = []
    monkeypatch.setattr(passwords, "matches", lambda kept, password: asked.append(password))
    for name in ("ada", "nobody"):
        with pytest.raises(Denied):
            accounts.sign_in(name, "guess", RULES)
    assert asked == ["guess", "guess"]
    monkeypatch.undo()
    assert not passwords.matches("", RIGHT), "an unknown name is checked against a dummy hash that never matches"


def test_wrong_passwords_lock_for_a_while_and_a_right_one_resets_the_count(ada):
    def wrong(times):
        for _ in range(times):
            with pytest.raises(Denied):
                accounts.sign_in(ada, "wrong", RULES)

    wrong(2)
    accounts.sign_in(ada, RIGHT, RULES)
    wrong(3)
    with pytest.raises(Denied):
        accounts.sign_in(ada, RIGHT, RULES)
    with store.read() as session:
        assert session.exec(select(AuditRow).where(AuditRow.action == "account_locked")).one().subject == "person/ada"
    change(ada, locked_until=now() - timedelta(seconds=1))
    accounts.sign_in(ada, RIGHT, RULES)


@pytest.mark.parametrize("days, must", [(364, False), (366, True)])
def test_an_old_password_must_be_changed(ada, days, must):
    change(ada, password_at=now() - timedelta(days=days))
    assert accounts.sign_in(ada, RIGHT, RULES).must_change is must


@pytest.mark.parametrize("new", ["short", "x" * 12, "x" * 201, "I am ada, hello", RIGHT])
def test_an_unacceptable_new_password_is_refused(ada, new):
    with pytest.raises(ValueError):
        accounts.change_password(ada, RIGHT, new, RULES)
    accounts.sign_in(ada, RIGHT, RULES)


def test_a_new_password_ends_all_sessions(ada):
    kept = sessions.begin(ada, "firefox", "", 1)
    with pytest.raises(Denied):
        accounts.change_password(ada, "not it", "another calm evening", RULES)
    accounts.change_password(ada, RIGHT, "another calm evening", RULES)
    assert sessions.of_cookie(kept, "firefox") is None
    accounts.sign_in(ada, "another calm evening", RULES)


def test_wrong_current_passwords_lock_the_account(ada):
    for _ in range(RULES.lock_after):
        with pytest.raises(Denied):
            accounts.change_password(ada, "a guess", "another calm evening", RULES)
    assert person(ada).locked_until > now()
    for attempt in (lambda: accounts.change_password(ada, RIGHT, "another calm evening", RULES),
                    lambda: accounts.sign_in(ada, RIGHT, RULES)):  # fmt: skip
        with pytest.raises(Denied):
            attempt()


def test_the_last_admin_cannot_be_disabled(console):
    for act in (lambda: accounts.set_role("admin", Role.VIEWER, by="x"),
                lambda: accounts.set_disabled("admin", True, by="x")):  # fmt: skip
        with pytest.raises(ValueError, match="last admin"):
            act()


def test_an_admin_whose_account_has_ended_does_not_count_as_another_admin(console):
    accounts.add("gone", Role.ADMIN, by="admin", expires_at=now() - timedelta(days=1))
    assert accounts.admins() == ["admin"]
    with pytest.raises(ValueError, match="last admin"):
        accounts.set_disabled("admin", True, by="x")


def test_somebody_whose_account_has_ended_gets_no_message(console):
    for name, days in (("here", 1), ("gone", -1)):
        accounts.add(name, Role.VIEWER, by="admin", expires_at=now() + timedelta(days=days))
    with store.write() as session:
        issue = factories.issue(session)
        session.add_all(Subscription(issue_id=issue.id, person=name) for name in ("here", "gone"))
    with store.read() as session:
        assert subscribers.of(session, issue.id) == ["here"]


@pytest.mark.parametrize("name", ["", " ", "a/b", "<b>", "x" * 101, "a\nb", 'a"b', "admin"])
def test_invalid_names_are_refused(console, name):
    with pytest.raises(ValueError):
        accounts.add(name, Role.VIEWER, by="admin")


# --- sessions --------------------------------------------------------------------------------------


def test_a_session_is_stored_as_a_hash_and_bound_to_its_browser(console):
    value = sessions.begin("viewer", "firefox", "10.0.0.1", 1)
    with store.read() as session:
        assert value not in str([row.model_dump() for row in session.exec(select(SignIn))])
    found = sessions.of_cookie(value, "firefox")
    assert sessions.actor(found).name == "viewer"
    assert sessions.of_cookie(value, "chromium") is None, "copied to another browser"
    assert sessions.of_cookie(value[:-1], "firefox") is None
    assert sessions.of_cookie(found, "firefox") is None, "the hash is not the secret"


def test_a_session_ends_by_time_by_sign_out_and_with_its_account(console):
    late = sessions.digest(sessions.begin("viewer", "f", "", -0.001))
    out = sessions.digest(sessions.begin("viewer", "f", "", 1))
    with_person = sessions.digest(sessions.begin("operator", "f", "", 1))
    sessions.end(out)
    accounts.set_disabled("operator", True, by="admin")
    assert [sessions.actor(s) for s in (late, out, with_person)] == [None, None, None]
    accounts.set_disabled("operator", False, by="admin")
    assert sessions.actor(with_person) is None, "enabling a person does not revive a session"


# --- tokens ----------------------------------------------------------------------------------------


def test_a_token_acts_for_its_person_within_its_scopes(console):
    value = sessions.issue_token("bob", "kestra", ["view", "operate"], 30, by="admin")
    found = sessions.of_token(value, "api")
    assert (found.name, found.rights) == ("bob", {"view", "operate"})
    assert found.via == "api, token 1 (kestra)"
    with store.read() as session:
        row = session.get_one(ApiToken, 1)
        assert value not in str(row.model_dump()) and row.last_used is not None
    accounts.set_role("bob", Role.VIEWER, by="admin")
    assert sessions.of_token(value, "api").rights == {"view"}, "limited by the person's current role"


def revoked():
    sessions.revoke_token(1, by="admin")


def expired():
    with store.write() as session:
        session.get_one(ApiToken, 1).expires_at = now()


def disabled_person():
    accounts.set_disabled("bob", True, by="admin")


def new_password():
    accounts.set_password("bob", "a one-time password", by="admin")


@pytest.mark.parametrize("end, says", [
    (revoked, "was revoked on"), (expired, "expired on"), (disabled_person, "bob, who is disabled"),
    (new_password, "bob, who has not changed the one-time or expired password"),
])  # fmt: skip
def test_a_token_that_has_ended_is_worth_nothing_and_says_why(console, end, says):
    value = sessions.issue_token("bob", "kestra", ["view"], 30, by="admin")
    end()
    with pytest.raises(Forbidden, match=says):
        sessions.of_token(value, "api")
    with store.read() as session:
        assert not any(view.token_state(*row) == "valid" for row in view.tokens(session))


@pytest.mark.parametrize("value, says", [
    ("", "No token was sent"), ("ghp_0123456789", "not an API token"), ("dip_guessed", "unknown"),
    ("dip_in_" + "x" * 43, "ingest token"),
])  # fmt: skip
def test_a_token_of_another_kind_is_named_as_that(console, value, says):
    with pytest.raises(Forbidden, match=says) as refusal:
        sessions.of_token(value, "api")
    assert not value or value not in str(refusal.value)


def test_no_token_for_a_person_who_has_a_one_time_password(console):
    accounts.add("ada", Role.OPERATOR, "a one-time password", by="admin")
    with pytest.raises(ValueError, match="would not work. They sign in at the console and choose a password first"):
        sessions.issue_token("ada", "kestra", ["view"], 30, by="admin")
    accounts.change_password("ada", "a one-time password", "my very own password", RULES)
    assert sessions.of_token(sessions.issue_token("ada", "kestra", ["view"], 30, by="admin"), "api").name == "ada"


@pytest.mark.parametrize("person, scopes, days", [
    ("viewer", ["approve"], 30), ("nobody", ["view"], 30), ("bob", [], 30), ("bob", ["everything"], 30),
    ("bob", ["view"], 0), ("bob", ["view"], 400),
])  # fmt: skip
def test_invalid_tokens_are_not_issued(console, person, scopes, days):
    with pytest.raises(ValueError):
        sessions.issue_token(person, "x", scopes, days, by="admin")


# --- an identity provider's claims ------------------------------------------------------------------

OIDC = Access(oidc_claim="teams", oidc_roles={"platform": Role.ADMIN, "dev": Role.OPERATOR,
                                             "eve@x.io": Role.APPROVER}, oidc_email_verified=False)  # fmt: skip


@pytest.mark.parametrize("claims, role", [
    ({"email": "Eve@X.io", "teams": ["dev"]}, Role.APPROVER),
    ({"email": "jo@x.io", "teams": ["dev", "platform"]}, Role.ADMIN),
    ({"email": "jo@x.io", "teams": "dev"}, Role.OPERATOR),
    ({"email": "jo@x.io", "teams": ["sales"]}, None),
    ({"email": "jo@x.io"}, None),
    ({"email": "eve@x.io", "email_verified": False}, None),
    ({"teams": ["platform"]}, None),
    ({"email": "platform", "teams": []}, None),
])  # fmt: skip
def test_claims_give_the_highest_role_that_the_policy_names(console, claims, role):
    if role is None:
        with pytest.raises(Denied):
            accounts.from_provider(claims, OIDC)
    else:
        assert accounts.from_provider(claims, OIDC).role is role


def test_other_people_get_the_default_role_and_a_later_claim_changes_it(console):
    rules = OIDC.model_copy(update={"oidc_default": Role.VIEWER})
    assert accounts.from_provider({"email": "jo@x.io"}, rules).role is Role.VIEWER
    assert accounts.from_provider({"email": "jo@x.io", "teams": ["dev"]}, rules).role is Role.OPERATOR


def test_an_address_cannot_take_over_a_password_account_or_a_disabled_one(ada):
    for name, values in (("pw@x.io", {"password": "$argon2id$x"}), ("off@x.io", {"disabled": True})):
        accounts.add(name, Role.ADMIN, by="admin")
        change(name, **values)
        with pytest.raises(Denied):
            accounts.from_provider({"email": name, "teams": ["platform"]}, OIDC)


def test_the_first_checks_of_unknown_names_do_not_wait_for_each_other():
    """Each check of an unknown name needs the dummy hash; while all other places are taken, one place must do."""
    passwords._nobodys.cache_clear()
    answers: list[bool] = []
    check = Thread(target=lambda: answers.append(passwords.matches("", RIGHT)), daemon=True)
    with passwords._memory:
        check.start()
        check.join(30)
    assert answers == [False]
