"""Who may answer an approval, tested directly; of two answers, the first counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from core.access.rights import Actor, Refused
from core.actions import answering
from core.db import store
from core.models import Approval, ChangeSet, now
from core.models.access import Person, Role
from core.policy.reader import Policy
from core.policy.sections import Access, ApprovalRules, Guards
from core.policy.services import Repository, Service
from tests import waiting

BOB, ADA = Actor("bob", Role.APPROVER), Actor("ada", Role.APPROVER)
POLICY = Policy(
    repositories={"shop": Repository(remote="https://git.example/x.git")},
    services={"checkout": Service(repository="shop", critical=True), "cart": Service(repository="shop")},
    guards=Guards(critical_services=["payment"]),
    access=Access(groups={"payments": ["bob"], "empty": []}),
)


@pytest.mark.parametrize(
    ("assignee", "who", "mine"),
    [
        (None, ADA, True),
        ("ada", ADA, True),
        ("bob", ADA, False),
        ("bob", Actor("ada", Role.ADMIN), True),
        ("payments", BOB, True),
        ("payments", ADA, False),
        ("payments", Actor("ada", Role.ADMIN), True),
        ("empty", BOB, False),
        ("nobody", BOB, False),
        ("", BOB, False),
    ],
)
def test_who_may_answer_an_approval(assignee, who, mine):
    assert answering.mine(Approval(assignee=assignee), who, POLICY) is mine


@pytest.mark.parametrize(
    ("service", "requested_by", "four_eyes", "barred"),
    [
        ("checkout", "bob", "critical", True),
        ("payment", "bob", "critical", True),
        ("cart", "bob", "critical", False),
        ("cart", "bob", "always", True),
        ("checkout", "bob", "always", True),
        ("checkout", "ada", "critical", False),
        ("checkout", None, "critical", False),
        ("cart", "ada", "always", False),
    ],
)
def test_the_requester_of_a_fix_cannot_approve_it(service, requested_by, four_eyes, barred):
    policy = POLICY.model_copy(update={"approval": ApprovalRules(four_eyes=four_eyes)})
    says = answering.barred(Approval(requested_by=requested_by), service, BOB, policy)
    assert says == (
        f"Four eyes: bob requested this fix of {service}, so somebody else must approve it." if barred else ""
    )


def test_an_approval_is_assigned_to_groups_and_approvers(console):
    with store.write() as session:
        session.add(Person(name="away", role=Role.APPROVER, disabled=True))
        session.add(Person(name="gone", role=Role.APPROVER, expires_at=now() - timedelta(days=1)))
    with store.read() as session:
        assert answering.assignees(session, POLICY) == ["empty", "payments", "admin", "approver", "bob"]


@pytest.mark.parametrize("to", ["operator", "viewer", "away", "nobody", ""])
def test_an_approval_is_assigned_to_nobody_else(console, to):
    with store.read() as session:
        assert answering.assignable(session, "bob") == "bob"
        with pytest.raises(Refused, match=f"{to!r} is neither a group nor an approver"):
            answering.assignable(session, to)


@pytest.mark.parametrize(("yes", "state"), [(True, "approved"), (False, "rejected")])
def test_the_first_answer_counts(console, yes, state):
    """Both read the approval while it was pending."""
    number, *_ = waiting.question()
    other, *_ = waiting.question()
    stale = waiting.state(number)
    with store.write() as session:
        answering.give(session, session.get_one(Approval, number), "ada", yes, "why")
    with pytest.raises(Refused, match=f"Already {state} by ada"), store.write() as session:
        answering.give(session, session.merge(stale, load=False), "bob", not yes, "me too")
    kept = waiting.state(number)
    assert (kept.state, kept.by, kept.reason) == (state, "ada", "why")
    assert waiting.state(other).state == "pending"


def test_an_expired_approval_names_nobody(console):
    number, *_ = waiting.question()
    stale = waiting.state(number)
    with store.write() as session:
        session.get_one(Approval, number).state = "expired"
    with pytest.raises(Refused, match="Already expired$"), store.write() as session:
        answering.give(session, session.merge(stale, load=False), "bob", True, "")


@pytest.mark.parametrize("at", ["now", "later"])
def test_an_approval_is_pending_until_it_expires(console, at, monkeypatch):
    number, _, patch = waiting.question()
    moment = now()
    monkeypatch.setattr(answering, "now", lambda: moment)
    with store.write() as session:
        row = session.get_one(Approval, number)
        row.expires_at = moment
        if at == "later":
            monkeypatch.setattr(answering, "now", lambda: moment.replace(year=moment.year - 1))
            assert answering.asked(session, number, BOB, patch) is row
        else:
            with pytest.raises(Refused, match="expired"):
                answering.asked(session, number, BOB, patch)


@pytest.mark.parametrize("seen", ["the new one", None])
def test_a_patch_that_changed_meanwhile_is_not_approved(console, seen):
    number, *_ = waiting.question()
    with store.write() as session:
        change = session.exec(select(ChangeSet)).one()
        change.patch_hash = "the new one"
    with store.read() as session, pytest.raises(Refused, match="changed since the approval was requested"):
        answering.asked(session, number, BOB, seen)


def test_an_approval_can_be_rejected_without_the_hash_of_the_patch(console):
    """A rejection needs no patch."""
    number, _, patch = waiting.question()
    with store.read() as session:
        assert answering.asked(session, number, BOB).id == number
        assert answering.asked(session, number, BOB, patch).id == number
        with pytest.raises(Refused, match="since you saw it"):
            answering.asked(session, number, BOB, "")


def test_the_patch_of_an_approval_is_the_one_that_was_asked_about(console):
    number, _, patch = waiting.question()
    assert (answering.patch_of(number), answering.patch_of(404)) == (patch, "")
