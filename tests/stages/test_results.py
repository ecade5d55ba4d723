"""What a step returns and what is recorded of it: plain JSON that every version can read."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields

import pytest

from core.ops.infrastructure import StepFault, fault_of
from core.stages import results
from core.stages.context import FIRST, CheckPass, DeployPass, FixPass, VerifyPass
from core.stages.results import (
    AnalysisResult,
    ApprovalAnswer,
    ApprovalAsked,
    Awaited,
    Checked,
    Corroborated,
    Delivered,
    Diagnosis,
    Done,
    Fix,
    FixAttempts,
    Lane,
    Learned,
    MergeLook,
    NewRun,
    PeerReview,
    Rebased,
    ReleaseResult,
    ReviewResult,
    Rollback,
    StepResult,
    Wait,
    WatchResult,
)

KINDS = [kind for kind in vars(results).values() if isinstance(kind, type) and issubclass(kind, StepResult)]
NAMED = {"step", "version"}  # the keys of a record that are no fields

# What versions before typed results recorded, and how it is read. Some lack keys that later versions added.
RECORDED_BEFORE = [
    (AnalysisResult(2), {"analysis_id": 2}),
    (
        Diagnosis("AUTO_RESOLVE", False, "Row 4", False, 2, "low_confidence"),
        {"verdict": "AUTO_RESOLVE", "needs_approval": False, "says": "Row 4", "uncorroborated": False, "diagnosis": 2,
         "event": "low_confidence"},
    ),
    (
        Diagnosis("ESCALATE_HUMAN", True, "Row 2", event="escalated"),
        {"verdict": "ESCALATE_HUMAN", "needs_approval": True, "says": "Row 2"},
    ),
    (Corroborated(10.0, False), {"seconds": 10.0, "corroborated": False}),
    (FixAttempts(3), {"attempts": 3}),
    (Fix(True, 1, needs_approval=False), {"ok": True, "id": 1, "needs_approval": False}),
    (Fix(True, 1, needs_approval=True, met=4), {"ok": True, "id": 1, "needs_approval": True, "met": 4}),
    (Fix(False, 1, "refused", duplicate_of=7, met=4), {"ok": False, "says": "refused", "id": 1, "twin": 7, "met": 4}),
    (
        ReviewResult(False, False, ("a", "b"), False),
        {"ok": False, "peer": False, "findings": ["a", "b"], "needs_approval": False},
    ),
    (ReviewResult(True, findings=()), {"ok": True, "findings": []}),
    (PeerReview(state="waiting", seconds=30, asked=1), {"state": "waiting", "seconds": 30, "asked": 1}),
    (
        PeerReview(True, needs_approval=True, state="ended"),
        {"state": "ended", "ok": True, "needs_approval": True, "findings": []},
    ),
    (Checked(True, "2 tests"), {"ok": True, "says": "2 tests"}),
    (Checked(False, "1 failed", met=0), {"ok": False, "met": 0, "says": "1 failed"}),
    (Rebased(True), {"ok": True, "moved": False}),
    (Rebased(True, seconds=20.5), {"ok": True, "moved": False, "seconds": 20.5}),
    (Rebased(True, moved=True, again=True), {"ok": True, "moved": True, "again": True}),
    (Rebased(False, stale=True, message="no"), {"ok": False, "stale": True, "says": "no"}),
    (Delivered(True), {"ok": True, "moved": True}),
    (Delivered(False, "not healthy"), {"ok": False, "says": "not healthy"}),
    (ApprovalAsked(1, "29b4", 28799.9), {"approval_id": 1, "patch_hash": "29b4", "seconds": 28799.9}),
    (ApprovalAnswer(message="nobody answered"), {"says": "nobody answered"}),
    (Lane("shop"), {"repository": "shop"}),
    (WatchResult("watching", 0.2), {"state": "watching", "seconds": 0.2}),
    (WatchResult("watching", 30, asks=True), {"state": "watching", "seconds": 30, "asks": True}),
    (WatchResult("healthy", message="verified"), {"state": "healthy", "says": "verified"}),
    (
        WatchResult("superseded", message="gone", ok=False, again=True, event="superseded"),
        {"state": "superseded", "ok": False, "again": True, "event": "superseded", "says": "gone"},
    ),
    (WatchResult("over"), {"state": "over"}),
    (Rollback(True, "back"), {"ok": True, "says": "back"}),
    (Rollback(True, "back", "superseded", True), {"ok": True, "says": "back", "event": "superseded", "late": True}),
    (ReleaseResult(True), {"ok": True}),
    (ReleaseResult(event="held"), {"ok": False, "event": "held", "says": ""}),
    (ReleaseResult(event="undecided"), {"ok": False, "event": "undecided"}),
    (
        ReleaseResult(event="tests_failed", message="no", stale=True),
        {"ok": False, "stale": True, "says": "no", "event": "tests_failed"},
    ),
    (
        ReleaseResult(event="tests_failed", message="no", met=0),
        {"ok": False, "met": 0, "says": "no", "event": "tests_failed"},
    ),
    (
        ReleaseResult(event="superseded", message="gone", again=True),
        {"state": "superseded", "ok": False, "again": True, "event": "superseded", "says": "gone"},
    ),
    (
        ReleaseResult(event="deployment_failed", message="no", late=True),
        {"ok": False, "says": "no", "event": "deployment_failed", "late": True},
    ),
    (Learned(True, True), {"ok": True, "outstanding": True}),
    (Wait(60.0), {"seconds": 60.0}),
    (Wait(0.0, "not merged"), {"seconds": 0.0, "says": "not merged"}),
    (Awaited(15.0, ok=True), {"ok": True, "seconds": 15.0}),
    (Awaited(message="no fix", circle=True), {"ok": False, "circle": True, "seconds": 0.0, "says": "no fix"}),
    (Awaited(ok=True), {"ok": True}),
    (MergeLook("merged", 5.0, "merged"), {"state": "merged", "seconds": 5.0, "says": "merged"}),
    (NewRun(True), {"begun": True}),
    (Done(True), {"ok": True}),
]  # fmt: skip


@pytest.mark.parametrize(("result", "recorded"), RECORDED_BEFORE, ids=lambda given: type(given).__name__)
def test_a_record_of_a_version_without_typed_results_is_read(result, recorded):
    assert results.read(type(result), recorded) == result


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_result_has_an_old_record_in_the_table(kind):
    assert kind is StepResult or kind in {type(result) for result, _ in RECORDED_BEFORE}


@pytest.mark.parametrize(("result", "recorded"), RECORDED_BEFORE, ids=lambda given: type(given).__name__)
def test_a_result_is_recorded_as_json_and_read_back(result, recorded):
    """An older version reads the new record, too: what it had as a key is there, and no key is null."""
    kept = json.loads(json.dumps(results.record(result, "a.step")))
    assert (kept["step"], kept["version"]) == ("a.step", 1)
    assert results.read(type(result), kept) == result
    for key in recorded.keys() & {field.name for field in fields(result)}:
        assert kept[key] == recorded[key]
    assert None not in kept.values()


def test_keys_of_a_later_version_are_left_alone():
    assert results.read(Done, {"step": "x", "version": 2, "ok": True, "new": [1]}) == Done(True)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_result_is_frozen_and_every_field_has_a_default(kind):
    made = kind()
    assert not NAMED & {field.name for field in fields(kind)}
    assert getattr(made, "state", "") != "infrastructure"
    for field in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(made, field.name, None)


def test_an_empty_record_lets_nothing_pass():
    for kind in KINDS:
        assert not getattr(results.read(kind, {}), "ok", False), kind
    unread = results.read(Diagnosis, {})
    assert (unread.verdict, unread.needs_approval) == ("ESCALATE_HUMAN", True)
    assert results.read(WatchResult, {}).state == "watching" and results.read(Fix, {}).needs_approval


def test_a_fault_is_recorded_as_it_always_was():
    fault = StepFault("passing", "vercel: is away")
    kept = results.record(fault, "deploy.production")
    assert kept == {"state": "infrastructure", "kind": "passing", "says": "vercel: is away"}
    assert fault_of(kept) == fault


def test_the_numbers_of_passes_never_change():
    """They are stored in the stage log and are part of what makes a line unique."""
    named = [*FixPass, *CheckPass, *DeployPass, *VerifyPass]
    assert [(type(one).__name__, one.name, int(one)) for one in named] == [
        ("FixPass", "REBASE", 0),
        ("CheckPass", "FIRST", 1),
        ("CheckPass", "AFTER_REBASE", 2),
        ("DeployPass", "PREVIEW", 1),
        ("DeployPass", "PRODUCTION", 2),
        ("DeployPass", "PREVIEW_AFTER_REBASE", 3),
        ("VerifyPass", "WATCH", 1),
        ("VerifyPass", "ROLLBACK", 2),
    ]
    assert FIRST == 1
