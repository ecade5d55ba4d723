"""A person's clicks: the call of the core, and the result on screen."""

from dataclasses import replace

import pytest

from core.access import accounts
from core.access.rights import Refused
from core.actions import registry
from core.actions.registry import ActionResult
from core.db import store
from core.models import Status
from core.models.access import Role
from tests import scenes, screens


@pytest.fixture
def asked(monkeypatch):
    """Every executed action as (action, target, arguments); ``asked.refuse`` makes it refuse."""

    class Calls(list):
        refuse = ""

    calls = Calls()

    def action(name):
        def call(target, **arguments):
            if calls.refuse:
                raise Refused(calls.refuse)
            calls.append((name, target, arguments))
            return ActionResult(True, f"{name} done")

        return call

    for name, known in dict(registry.registry()).items():
        monkeypatch.setitem(registry.registry(), name, replace(known, run=action(name)))
    return calls


def opened(status, act, person="bob"):
    """The page of an issue, as this person sees it, with the dialog of ``act`` open."""
    with store.write() as session:
        issue = scenes.story(session, status)
    at = screens.visit("issues", person, issue=issue.id)
    button = next(b for b in at.button if b.key.startswith(f"{act}-"))
    return issue, button.click().run()


def in_dialog(at, prefix, kind="button"):
    return next(e for e in getattr(at, kind) if e.key and e.key.startswith(prefix))


CASES = [
    (Status.AWAITING_APPROVAL, "approve", None, {"actor", "key", "patch_hash"}),
    (Status.AWAITING_APPROVAL, "reject", "too risky", {"actor", "key", "reason"}),
    (Status.FIXING, "escalate", "we are in a freeze", {"actor", "key", "reason", "to"}),
    (Status.ESCALATED, "retry", None, {"actor", "key"}),
    (Status.ESCALATED, "resolve", "rotated the credential", {"actor", "key", "how", "cured"}),
    (Status.ESCALATED, "dismiss", "known and harmless", {"actor", "key", "reason"}),
]


@pytest.mark.parametrize("status, act, reason, arguments", CASES, ids=[case[1] for case in CASES])
def test_a_confirmed_action_calls_the_core_once(console, asked, status, act, reason, arguments):
    issue, at = opened(status, act)
    assert not asked, "opening the dialog does nothing yet"
    if reason:
        in_dialog(at, "how-" if act == "resolve" else "reason-", "text_area").input(reason)
    in_dialog(at, "do-").click().run()
    assert not at.exception
    [(name, target, given)] = asked
    assert (name, target) == (act, 1 if act in ("approve", "reject") else issue.id)
    assert set(given) == arguments
    assert (given["actor"].name, given["actor"].role) == ("bob", Role.APPROVER)
    assert reason is None or reason in given.values()


def test_each_dialog_has_its_own_key_and_keeps_it(console, asked):
    _, at = opened(Status.AWAITING_APPROVAL, "approve")
    first = in_dialog(at, "do-").key
    at.run()
    button = next(b for b in at.button if b.key.startswith("approve-"))
    assert in_dialog(button.click().run(), "do-").key != first
    assert len(first) == len("do-") + 32


@pytest.mark.parametrize("words", ["", "   "])
def test_a_missing_reason_is_requested_and_nothing_is_done(console, asked, words):
    _, at = opened(Status.AWAITING_APPROVAL, "reject")
    in_dialog(at, "reason-", "text_area").input(words)
    button = in_dialog(at, "do-")
    button.click().run()
    assert not asked
    assert "Enter a reason" in at.session_state[button.key.replace("do-", "fault-")]


def test_a_refusal_is_shown(console, asked):
    asked.refuse = "somebody else has approved this already"
    _, at = opened(Status.AWAITING_APPROVAL, "approve")
    button = in_dialog(at, "do-")
    button.click().run()
    assert not at.exception
    assert at.session_state[button.key.replace("do-", "fault-")] == asked.refuse


def test_cancel_does_nothing(console, asked):
    _, at = opened(Status.AWAITING_APPROVAL, "approve")
    in_dialog(at, "cancel-").click().run()
    assert not asked
    assert not at.exception


PEOPLES = {"Acknowledge", "Set owner", "Add note"}
OFFERED = {
    "viewer": {"Subscribe"},
    "operator": {"Escalate", "Dismiss", "Silence", "Subscribe", *PEOPLES},
    "approver": {"Approve", "Reject", "Escalate", "Dismiss", "Silence", "Subscribe", *PEOPLES},
    "admin": {"Approve", "Reject", "Escalate", "Dismiss", "Silence", "Subscribe", *PEOPLES},
}


@pytest.mark.parametrize("person", OFFERED)
def test_each_role_is_offered_only_its_actions(console, asked, person):
    with store.write() as session:
        issue = scenes.story(session, Status.AWAITING_APPROVAL)
    assert {b.label for b in screens.visit("issues", person, issue=issue.id).button} == OFFERED[person]


def taken_role():
    accounts.set_role("bob", Role.VIEWER, by="admin")


def disabled():
    accounts.set_disabled("bob", True, by="admin")


def ended():
    with store.write() as session:
        accounts.end_sign_ins(session, "bob")


@pytest.mark.parametrize(
    "change, says",
    [(taken_role, "required role: approver, admin"), (disabled, "session has ended"), (ended, "session has ended")],
)
def test_role_and_session_are_checked_again_at_the_click(console, asked, change, says):
    _, at = opened(Status.AWAITING_APPROVAL, "approve")
    button = in_dialog(at, "do-")
    change()
    button.click().run()
    assert not asked and not at.exception
    assert says in at.session_state[button.key.replace("do-", "fault-")]
