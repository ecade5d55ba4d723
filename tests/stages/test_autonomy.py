"""Autonomy is earned and lost by service and class of fix."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.db import store
from core.models import ChangeSet, Issue
from core.policy.autonomy import GRADES, AutonomyRules
from core.policy.reader import Policy
from core.policy.services import Repository, Service
from core.repair.judge import precision
from core.repair.judge.precision import Precision, named
from core.repair.types import Evidence
from core.stages import autonomy
from core.stages.deliver import release_checks

NAME = "embedded/type"
NOTHING = Precision()


@pytest.mark.parametrize(
    ("rules", "own", "unseen", "may", "says"),
    [
        ({}, NOTHING, NOTHING, False, "not measured on any unseen case; not measured on any own outcome; at least 90%"),
        ({}, NOTHING, Precision(29, 29), False, "29 of 29 unseen cases right (88% to 100%)"),
        ({}, NOTHING, Precision(40, 40), True, "earned: 40 of 40 unseen cases right (91% to 100%)"),
        ({}, NOTHING, Precision(37, 40), False, "37 of 40 unseen cases right (80% to 97%)"),
        ({}, Precision(40, 40), NOTHING, True, "earned: 40 of 40 own outcomes right"),
        ({}, Precision(0, 1), Precision(40, 40), False, "lost: 0 of 1 own outcome right (0% to 79%)"),
        ({}, Precision(4, 5), Precision(40, 40), True, "earned: 40 of 40 unseen cases"),  # too few to end it
        ({"granted": ["shop/embedded/type"]}, NOTHING, NOTHING, True, "granted by the policy; not measured"),
        ({"granted": ["*/embedded/sibling"]}, NOTHING, NOTHING, True, "granted by the policy"),
        ({"granted": ["*/embedded/documented"]}, NOTHING, NOTHING, False, "not measured"),  # stronger than this class
        ({"granted": ["*/model/none"]}, NOTHING, NOTHING, False, "not measured"),
        ({"granted": ["cart/embedded/none"]}, NOTHING, NOTHING, False, "not measured"),
        ({"granted": ["*/*/none"]}, Precision(0, 2), NOTHING, False, "lost: 0 of 2 own outcomes right"),
        ({"withheld": ["*/*/type"]}, Precision(40, 40), Precision(40, 40), False, "withheld by the policy"),
        ({"precision": 0.8, "cases": 10}, NOTHING, Precision(20, 20), True, "earned"),
    ],
)
def test_the_rule(rules, own, unseen, may, says):
    found = autonomy.judged(AutonomyRules(**rules), "shop", NAME, own, unseen)
    assert (found.may, found.message[: len(says)]) == (may, says)


@pytest.mark.parametrize("rules", [{"granted": ["shop"]}, {"granted": ["*/*/*"]}, {"withheld": ["a/b/surely"]}])
def test_a_class_that_does_not_exist_is_refused(rules):
    with pytest.raises(ValidationError, match="evidence"):
        AutonomyRules(**rules)


def test_every_grade_of_the_policy_is_one_of_evidence():
    assert tuple(grade.name.lower() for grade in Evidence) == GRADES
    assert [named(by, Evidence.STYLE) for by in ("embedded", "openai", "cline")] == [
        "embedded/style", "model/style", "model/style",
    ]  # fmt: skip


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Two verified fixes of the service, and one that was rolled back; no class was measured."""
    monkeypatch.setattr(precision, "_read", dict)
    store.open_store(f"sqlite:///{tmp_path / 'autonomy.db'}")
    with store.write() as session:
        for number, status in enumerate(("deployed", "merged", "rolled_back", "refused"), 1):
            session.add(Issue(id=number, fingerprint=str(number), title="t", service="shop"))
            session.flush()
            session.add(ChangeSet(issue_id=number, run=1, attempt=1, generator="embedded", grade="TYPE", status=status))


def policy(**rules) -> Policy:
    given = {
        "services": {"shop": Service(repository="shop")},
        "repositories": {"shop": Repository(remote="/srv/shop.git")},
    }
    made = Policy(**given)
    return made.model_copy(update={"fix": made.fix.model_copy(update={"autonomy": AutonomyRules(**rules)})})


def test_own_outcomes_are_counted_by_service_and_class(shipped):
    with store.read() as session:
        assert autonomy.outcomes(session) == {("shop", NAME): Precision(2, 3)}
        [row] = autonomy.table(session, policy())
        assert (row.service, row.name, row.may, row.own) == ("shop", NAME, False, Precision(2, 3))


def test_a_class_that_lost_its_autonomy_is_stopped_at_the_release(shipped):
    """It had it when the fix was written; a rollback since has ended it."""
    with store.read() as session:
        change = ChangeSet(issue_id=1, generator="embedded", grade="TYPE", proof={"autonomy": {"may": True}})
        assert not release_checks.lost(session, policy(granted=["*/*/none"], precision=0.5), change)
        assert release_checks.lost(session, policy(), change)
        assert not release_checks.lost(session, policy(), ChangeSet(issue_id=1, generator="embedded", confidence=0.9))


@pytest.mark.parametrize(
    ("proof", "confidence", "asks"),
    [
        ({"complete": True, "autonomy": {"may": True}}, 0.0, False),
        ({"complete": True, "autonomy": {"may": False}}, 0.99, True),
        ({"complete": False, "autonomy": {"may": True}}, 0.0, True),
        ({"complete": True, "slow": True, "autonomy": {"may": True}}, 0.0, True),
        ({"complete": True}, 0.8, False),  # written by an older version
        ({"complete": True}, 0.79, True),
    ],
)
def test_who_is_asked(proof, confidence, asks):
    assert release_checks.needs_approval(ChangeSet(proof=proof, confidence=confidence)) is asks
