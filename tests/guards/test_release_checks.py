"""The release checks, called directly, without the flow's own checks before them."""

from __future__ import annotations

import pytest
from sqlmodel import select

from core.db import store
from core.models import Approval, ChangeSet, Decision, Review, Status, TestRun, Verdict
from core.policy.reader import Policy
from core.stages.deliver import release_checks
from tests import factories, scenes

DECISION, REVIEW, TESTS, APPROVAL = (
    "no decision allows it",
    "the review has not passed",
    "the tests have not passed",
    "this exact patch lacks a person's approval",
)
PROVED = {"complete": True}
UNSEEN = [{"gate": "osv", "passed": False, "done": False}]
ASKED = [{"gate": "osv", "passed": True}]


@pytest.fixture
def releasable(console):
    """An issue that passes every check and needs no approval, and another issue with the opposite."""
    with store.write() as session:
        issue = scenes.story(session, Status.TESTING, service="cart", verdict=Verdict.AUTO_RESOLVE)
        other = scenes.story(session, Status.TESTING, service="cart", verdict=Verdict.ESCALATE_HUMAN)
        for of, good in ((issue, True), (other, False)):
            change = of_issue(session, ChangeSet, of.id)
            change.proof, change.confidence, change.patch_hash = PROVED, 0.8, f"patch-{of.id}"
            decision = of_issue(session, Decision, of.id)
            decision.needs_approval = not good
            of_change(session, Review, change.id).sqlmodel_update({"passed": good, "gates": ASKED})
            of_change(session, TestRun, change.id).sqlmodel_update({"passed": good})
        return issue.id, other.id


def of_issue(session, table, issue_id):
    return session.exec(select(table).where(table.issue_id == issue_id)).one()


def of_change(session, table, change_id):
    return session.exec(select(table).where(table.change_set_id == change_id)).one()


def missing(issue_id: int, run: int | None = None) -> list[str]:
    with store.read() as session:
        change = of_issue(session, ChangeSet, issue_id)
        return release_checks.missing(session, issue_id, change.run if run is None else run, change, Policy())


def change_row(session, table, issue_id, **values):
    change = of_issue(session, ChangeSet, issue_id)
    row = {
        ChangeSet: lambda: change,
        Decision: lambda: of_issue(session, Decision, issue_id),
        Review: lambda: of_change(session, Review, change.id),
        TestRun: lambda: of_change(session, TestRun, change.id),
    }[table]()
    row.sqlmodel_update(values) if values else session.delete(row)


def test_nothing_is_missing_if_every_check_passes(releasable):
    assert missing(releasable[0]) == []


def test_another_issue_does_not_affect_the_checks(releasable):
    assert missing(releasable[1]) == [DECISION, REVIEW, TESTS, APPROVAL]


@pytest.mark.parametrize(
    ("table", "values", "closed"),
    [
        (Decision, {}, [DECISION, APPROVAL]),
        (Decision, {"verdict": Verdict.ESCALATE_HUMAN}, [DECISION]),
        (Decision, {"verdict": Verdict.SCHEDULE_MAINTENANCE}, []),
        (Decision, {"needs_approval": True}, [APPROVAL]),
        (Decision, {"receipt": {}}, [APPROVAL]),  # a decision from before corroboration
        (Decision, {"receipt": {"inputs": None}}, [APPROVAL]),
        (Decision, {"receipt": {"inputs": {"service": "cart"}}}, [APPROVAL]),
        (Decision, {"receipt": {"inputs": {"corroborated": False}}}, []),  # the decision itself requires approval then
        (Review, {}, [REVIEW]),
        (Review, {"passed": False}, [REVIEW]),
        (Review, {"passed": False, "gates": UNSEEN}, [REVIEW]),
        (Review, {"gates": [*ASKED, *UNSEEN]}, [APPROVAL]),
        (Review, {"gates": []}, []),
        (TestRun, {}, [TESTS]),
        (TestRun, {"passed": False}, [TESTS]),
        (ChangeSet, {"confidence": 0.7999}, [APPROVAL]),
        (ChangeSet, {"confidence": 0.8001}, []),
        (ChangeSet, {"proof": {"complete": False}}, [APPROVAL]),
        (ChangeSet, {"proof": {}}, [APPROVAL]),
    ],
)
def test_each_failed_check_alone_holds_the_release(releasable, table, values, closed):
    with store.write() as session:
        change_row(session, table, releasable[0], **values)
    assert missing(releasable[0]) == closed


def test_a_decision_of_another_run_does_not_count(releasable):
    assert missing(releasable[0], run=99) == [DECISION, APPROVAL]


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(("table", "closed"), [(Decision, DECISION), (Review, REVIEW), (TestRun, TESTS)])
def test_the_newest_row_counts(releasable, table, closed, last):
    """An older row has the opposite value."""
    with store.write() as session:
        issue = session.get_one(factories.Issue, releasable[0])
        change = of_issue(session, ChangeSet, issue.id)
        change_row(session, table, issue.id, **given(table, not last))
        if table is Decision:
            of = of_issue(session, Decision, issue.id)
            copied = {**of.model_dump(exclude={"id"}), **given(table, last)}
            session.add(Decision(**copied))
        else:
            of = of_change(session, table, change.id)
            session.add(table(**{**of.model_dump(exclude={"id"}), **given(table, last)}))
    assert missing(releasable[0]) == ([] if last else [closed])


def given(table, good: bool) -> dict:
    if table is Decision:
        return {"verdict": Verdict.AUTO_RESOLVE if good else Verdict.ESCALATE_HUMAN}
    return {"passed": good}


@pytest.mark.parametrize(
    ("values", "opened"),
    [
        ({}, True),
        ({"state": "pending"}, False),
        ({"state": "rejected"}, False),
        ({"state": "expired"}, False),
        ({"patch_hash": "another patch"}, False),
        ({"issue_id": 2}, False),
    ],
)
def test_only_an_approval_of_this_patch_of_this_issue_counts(releasable, values, opened):
    with store.write() as session:
        change_row(session, Decision, releasable[0], needs_approval=True)
        change = of_issue(session, ChangeSet, releasable[0])
        factories.approval(session, change, **{"state": "approved", **values})
    assert missing(releasable[0]) == ([] if opened else [APPROVAL])


def test_an_approval_does_not_replace_other_checks(releasable):
    with store.write() as session:
        change = of_issue(session, ChangeSet, releasable[1])
        session.add(factories.approval(session, change, state="approved"))
    assert missing(releasable[1]) == [DECISION, REVIEW, TESTS]
    with store.read() as session:
        assert len(session.exec(select(Approval)).all()) == 1


@pytest.mark.parametrize(
    ("review", "unseen"),
    [
        (None, False),
        (Review(change_set_id=1, passed=True, gates=ASKED), False),
        (Review(change_set_id=1, passed=True, gates=[*ASKED, *UNSEEN]), True),
        (Review(change_set_id=1, passed=False, gates=UNSEEN), False),
    ],
)
def test_an_unavailable_gate_is_unseen_only_if_the_review_passed(review, unseen):
    assert release_checks.unseen(review) is unseen
