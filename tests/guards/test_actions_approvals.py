"""Each answer to an approval in each of its states, checked by the rows stored afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import runtime
from core.access.rights import Refused
from core.actions import approvals
from core.actions.registry import Reused
from core.db import store
from core.models import Approval, now
from core.ops import restart
from core.runtime import Runtime
from tests import waiting
from tests.guards.stored import answers_sent, audited, notified, one, refused, stored
from tests.who import by

ANSWERS = {
    "approve": {},
    "reject": {"reason": "too risky"},
    "pass_on": {"to": "bob", "reason": "theirs"},
    "hand_back": {"reason": "on leave"},
}


def answer(name: str, number: int, patch: str, actor: str = "approver", key: str = "k"):
    more = {"patch_hash": patch} if name == "approve" else {}
    return getattr(approvals, name)(number, actor=by(actor), key=key, **ANSWERS[name], **more)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"state": "approved", "by": "ada"}, "Already approved by ada"),
        ({"state": "rejected", "by": None}, "Already rejected$"),
        ({"state": "expired"}, "Already expired$"),
        ({"state": "stale"}, "Already stale. No work waits for this answer. Restart the issue from a stage, or start"),
        ({"expires_at": timedelta(seconds=-1)}, "The approval has expired"),
        ({"patch_hash": "another"}, "The patch has changed since the approval was requested"),
        ({"assignee": "bob"}, "Assigned to bob. Only they or an admin can answer it"),
        ({"assignee": "payments"}, "Assigned to payments"),
    ],
)
@pytest.mark.parametrize("name", ANSWERS)
def test_an_approval_that_cannot_be_answered(console, name, values, says):
    number, _, patch = waiting.question()
    with store.write() as session:
        given = {k: now() + v if isinstance(v, timedelta) else v for k, v in values.items()}
        session.get_one(Approval, number).sqlmodel_update(given)
    before = stored()
    with pytest.raises(Refused, match=says):
        answer(name, number, patch)
    assert stored() == before


@pytest.mark.parametrize("name", ANSWERS)
def test_an_approval_whose_workflow_ended_cannot_be_answered(console, name, monkeypatch):
    """Nobody would act on the answer."""
    number, _, patch = waiting.question()
    asked = []
    monkeypatch.setattr(restart, "ended", lambda workflow: asked.append(workflow) or "was cancelled")
    before = stored()
    with pytest.raises(Refused, match="the workflow that requested it was cancelled"):
        answer(name, number, patch)
    assert stored() == before and asked == [one(Approval, number).workflow_id]


@pytest.mark.parametrize(("name", "other"), [(name, field) for name, given in ANSWERS.items() for field in given])
def test_a_key_is_bound_to_the_whole_answer(console, name, other):
    number, _, _ = waiting.question()
    if name == "hand_back":
        with store.write() as session:
            session.get_one(Approval, number).assignee = "approver"
    work = getattr(approvals, name)
    assert work(number, actor=by("approver"), key="k", **ANSWERS[name]).done
    before = stored()
    changed = ANSWERS[name] | {other: "ada" if other == "to" else "another reason"}
    with pytest.raises(Reused):
        work(number, actor=by("approver"), key="k", **changed)
    assert stored() == before


@pytest.mark.parametrize("name", ANSWERS)
def test_an_approval_that_does_not_exist(console, name):
    before = stored()
    with pytest.raises(Refused, match="This approval does not exist."):
        answer(name, 404, "x")
    assert stored() == before


def test_an_approval_releases_the_displayed_patch(console):
    number, issue, patch = waiting.question()
    refused(approvals.approve, number, says="The patch has changed since you saw it", patch_hash="another")
    assert answer("approve", number, patch).message == "Approved. The release starts."
    kept = one(Approval, number)
    assert (kept.state, kept.by, kept.reason) == ("approved", "approver", "")
    assert abs(now() - kept.answered_at) < timedelta(minutes=1)
    assert audited("approve") == [
        ("approver", f"issue/{issue}", {"approval": number, "patch": patch, "via": "console"})
    ]
    [message] = stored()["notifications"]
    assert (message["destination_uuid"], message["topic"]) == (kept.workflow_id, f"approval:{patch}")
    assert answers_sent() == [{"approved": True, "by": "approver", "reason": ""}]


def test_a_rejection_has_a_reason_and_reaches_the_workflow(console):
    number, issue, patch = waiting.question()
    for reason in ("", "  "):
        refused(approvals.reject, number, says="Enter a reason for the rejection", reason=reason)
    answer("reject", number, patch)
    kept = one(Approval, number)
    assert (kept.state, kept.by, kept.reason) == ("rejected", "approver", "too risky")
    assert audited("reject")[0][1:] == (
        f"issue/{issue}", {"approval": number, "patch": patch, "reason": "too risky", "via": "console"}
    )  # fmt: skip
    assert answers_sent() == [{"approved": False, "by": "approver", "reason": "too risky"}]


@pytest.mark.parametrize(
    ("service", "requester", "policy", "says"),
    [
        ("checkout", "approver", "", "Four eyes: approver requested this fix of checkout"),
        ("payment", "approver", "", "Four eyes"),
        ("cart", "approver", '[approval]\nfour_eyes = "always"\n', "Four eyes"),
        ("cart", "approver", "", ""),
        ("checkout", "bob", "", ""),
        ("checkout", None, "", ""),
    ],
)
def test_four_eyes(console, service, requester, policy, says):
    console.platform_file.write_text(console.platform_file.read_text() + policy)
    runtime.use(Runtime(console))
    number, _, patch = waiting.question(service, requester)
    if says:
        refused(approvals.approve, number, says=says, patch_hash=patch)
    else:
        assert answer("approve", number, patch).done


def test_an_approval_is_reassigned_to_a_named_person_only(console):
    number, issue, patch = waiting.question()
    refused(approvals.pass_on, number, says="'operator' is neither a group", to="operator", reason="x")
    assert answer("pass_on", number, patch).message == "Assigned to bob. They are notified."
    assert (one(Approval, number).assignee, one(Approval, number).state) == ("bob", "pending")
    assert [m.body for m in notified("approval_asked")] == ["approver assigned this approval to bob: theirs"]
    assert audited("pass_on")[0][1:] == (
        f"issue/{issue}", {"approval": number, "to": "bob", "reason": "theirs", "via": "console"}
    )  # fmt: skip
    assert stored()["notifications"] == []


def test_an_approval_is_handed_back_once(console):
    number, issue, patch = waiting.question(assignee="bob")
    assert answer("hand_back", number, patch, "bob").done
    kept = one(Approval, number)
    assert (kept.assignee, kept.state) == (None, "pending")
    assert audited("hand_back")[0][1:] == (
        f"issue/{issue}", {"approval": number, "from": "bob", "reason": "on leave", "via": "console"}
    )  # fmt: skip
    refused(approvals.hand_back, number, says="Any approver can already answer it", reason="x")
