"""Who may answer: a process that runs as the engine's account, and so owns the database, is no person."""

from __future__ import annotations

import io
import sys
from datetime import timedelta

import pytest
from sqlmodel import select

from core import __main__ as command
from core.access import accounts, sessions
from core.access.rights import Actor, Forbidden, Refused
from core.actions import approvals, registry
from core.db import store
from core.models import Approval, AuditRow, Issue, Status, now
from core.models.access import Person, Role
from tests import scenes, waiting
from tests.access.test_rights import GIVEN
from tests.who import by

WORK = {name: action.run for name, action in registry.registry().items()}


@pytest.fixture
def core(console, monkeypatch, capsys):
    """Run ``python -m core …`` as a process that the engine started could; returns (exit code, output, errors)."""
    for name in ("database_url", "platform_file", "data_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(console, name)))

    def run(*argv: str, told: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(told))
        code = command.main(list(argv))
        return code, *capsys.readouterr()

    return run


def trail(action: str) -> list[AuditRow]:
    with store.read() as session:
        return session.exec(select(AuditRow).where(AuditRow.action == action)).all()


def test_the_owner_of_the_database_approves_nothing(core):
    number, issue, _ = waiting.question()
    code, _, error = core("approve", "--issue", str(issue))
    assert (code, waiting.state(number).state) == (1, "pending")
    assert "Set PLATFORM_TOKEN: python -m core token add" in error


def test_the_owner_of_the_database_resolves_nothing(core):
    with store.write() as session:
        issue = scenes.story(session, Status.ESCALATED)
    assert core("resolve", "--issue", str(issue.id), "--how", "it went away")[0] == 1
    assert waiting.issue(issue.id).status is Status.ESCALATED and not trail("resolve")


def test_a_name_that_kestra_passes_on_answers_nothing(core):
    number, issue, _ = waiting.question()
    for claim in ("true", "false"):
        words = ("stage", "answer", "--issue", str(issue), "--approved", claim, "--actor", "admin", "--reason", "x")
        code, _, error = core(*words)
        assert (code, waiting.state(number).state) == (1, "pending") and "awaits an approval" in error


# --- what the owner can make is no proof --------------------------------------------------------------


def a_new_person(core) -> tuple[str, str]:
    return "eve", core("user", "add", "eve", "--role", "admin")[1].split()[-1]


def one_of_the_identity_provider(core) -> tuple[str, str]:
    core("user", "add", "eve", "--role", "admin", "--oidc")
    return "eve", ""


def a_new_password_of_somebody(core) -> tuple[str, str]:
    return "bob", core("user", "password", "bob")[1].split()[-1]


def a_person_without_a_password(core) -> tuple[str, str]:
    return "admin", "guess"


@pytest.mark.parametrize(
    "make",
    [a_new_person, one_of_the_identity_provider, a_new_password_of_somebody, a_person_without_a_password],
)
@pytest.mark.parametrize("scope", ["approve", "operate", "administer"])
def test_the_owner_makes_no_token_that_acts(core, make, scope):
    name, password = make(core)
    words = ("token", "add", name, "--label", "x", "--scope", scope)
    assert core(*words)[0] == 1
    assert core(*words, "--password-stdin", told=password + "\n")[0] == 1
    assert not trail("token_issued")
    assert all(row.actor.startswith("account/") for row in trail("person_added") + trail("password_changed"))


def test_a_token_that_reads_answers_nothing(core, monkeypatch):
    number, issue, _ = waiting.question()
    token = core("token", "add", "bob", "--label", "x", "--scope", "view")[1].strip()
    monkeypatch.setenv("PLATFORM_TOKEN", token)
    code, _, error = core("approve", "--issue", str(issue))
    assert (code, waiting.state(number).state) == (1, "pending") and "lacks the scope 'approve'" in error


def test_a_person_who_knows_the_password_gets_a_token_that_approves(core, monkeypatch):
    number, issue, _ = waiting.question()
    accounts.add("ada", Role.APPROVER, "a quiet blue harbour", by="admin", must_change=False)
    words = ("token", "add", "ada", "--label", "x", "--scope", "approve", "--password-stdin")
    token = core(*words, told="a quiet blue harbour\n")[1].strip()
    monkeypatch.setenv("PLATFORM_TOKEN", token)
    assert core("approve", "--issue", str(issue))[0] == 0
    assert (waiting.state(number).by, trail("token_issued")[0].actor) == ("ada", "ada")


# --- in one process -----------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["admin", Actor("admin", Role.ADMIN), Actor("platform", Role.ADMIN), None])
@pytest.mark.parametrize("name", WORK)
def test_a_claim_without_proof_does_nothing(console, name, claim):
    number, issue, patch = waiting.question()
    target = number if name in ("approve", "reject", "pass_on", "hand_back") else issue
    given = GIVEN[name] | ({"patch_hash": patch} if name == "approve" else {})
    before = (waiting.state(number), waiting.issue(issue))
    with pytest.raises(Forbidden, match="This needs an authenticated person"):
        WORK[name]("[guards]" if name == "change_policy" else target, actor=claim, key="k", **given)
    assert (waiting.state(number), waiting.issue(issue)) == before
    assert [row.detail["asked"] for row in trail("forbidden")] == [name] and not trail(name)


def test_each_action_says_why_it_asks_for_proof():
    assert all(action.because for action in registry.registry().values())


# --- refusals by state, told by the stored rows ---------------------------------------------------------

ANSWERS = ("approve", "reject", "pass_on", "hand_back")
SHUT = {
    "approved": {"state": "approved", "by": "ada"},
    "rejected": {"state": "rejected", "by": "ada"},
    "expired": {"state": "expired"},
    "stale": {"state": "stale"},
    "over": {"expires_at": now() - timedelta(seconds=1)},
    "of another patch": {"patch_hash": "0" * 40},
    "escalated to others": {"assignee": "approver"},
}


@pytest.mark.parametrize("how", SHUT)
@pytest.mark.parametrize("name", ANSWERS)
def test_a_question_that_is_shut_is_answered_by_nothing(console, name, how):
    number, issue, patch = waiting.question(**SHUT[how])
    given = GIVEN[name] | ({"patch_hash": patch} if name == "approve" else {})
    before = (waiting.state(number), waiting.issue(issue))
    with pytest.raises(Refused):
        WORK[name](number, actor=by("bob"), key="k", **given)
    assert (waiting.state(number), waiting.issue(issue)) == before and not trail(name)


ENDED, BUSY = (Status.RESOLVED, Status.DISMISSED), (Status.DEPLOYING, Status.WATCHING, Status.ROLLING_BACK)
ALLOWED = {
    "retry": {Status.ESCALATED, Status.DISMISSED},
    "resolve": {Status.ESCALATED},
    "dismiss": {Status.ESCALATED, Status.NEW},
    "escalate": set(Status) - {*ENDED, *BUSY},
}


@pytest.mark.parametrize(("name", "status"), [(n, s) for n in ALLOWED for s in Status if s not in ALLOWED[n]])
def test_an_issue_in_another_state_stays_as_it_is(console, name, status):
    with store.write() as session:
        issue = scenes.story(session, Status.ESCALATED).id
        session.get_one(Issue, issue).status = status
    before = waiting.issue(issue)
    with pytest.raises(Refused, match=f"(is (already )?{status}|in progress)"):
        WORK[name](issue, actor=by("admin"), key="k", **GIVEN[name])
    assert waiting.issue(issue) == before and not trail(name)
    with store.read() as session:
        assert not session.exec(select(Approval).where(Approval.issue_id == issue, Approval.state != "pending")).all()


def test_of_a_person_who_was_disabled_a_session_and_a_token_are_no_proof(console):
    value = sessions.begin("bob", "firefox", "", 1)
    live = sessions.actor(sessions.of_cookie(value, "firefox"))
    with store.write() as session:
        session.get_one(Person, "bob").disabled = True
    number, _, patch = waiting.question()
    with pytest.raises(Forbidden, match="There is no active person named"):
        approvals.approve(number, actor=live, patch_hash=patch, key="k")
    assert waiting.state(number).state == "pending"
