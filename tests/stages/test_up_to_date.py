"""A release is brought onto what production serves; what fails there is named, and a moving production is no yes."""

from __future__ import annotations

import pytest

from core import flow
from core.stages import up_to_date
from core.stages.results import Checked, Delivered, Rebased, ReleaseResult


@pytest.fixture
def steps(monkeypatch):
    """``steps(moved, preview)``: what each rebase and each preview answers; the tests pass."""

    def answer(moved, preview):
        monkeypatch.setattr(up_to_date, "fix_rebase_step", lambda *_: moved)
        monkeypatch.setattr(up_to_date, "test_step", lambda *_: Checked(ok=True))
        monkeypatch.setattr(up_to_date, "preview_when_checked", lambda *_: preview)
        monkeypatch.setattr(up_to_date, "rest", lambda seconds: None)

    return answer


@pytest.mark.parametrize(
    "moved",
    [Rebased(ok=True, moved=True, again=True), Rebased(ok=True, seconds=30.0)],
    ids=["it moves on", "it is too young each time"],
)
def test_a_production_that_keeps_moving_gets_no_release(steps, moved):
    steps(moved, Delivered(ok=True))
    found = up_to_date.bring(1, 1, 1)
    assert not found.ok and found.stale and found.event == "deployment_failed" and "each of 12 checks" in found.message


def test_a_failed_preview_after_a_rebase_is_no_failed_test(steps, monkeypatch):
    steps(Rebased(ok=True, moved=True), Delivered(ok=False, message="the build failed"))
    monkeypatch.setattr(flow, "wait_for_admission", lambda *_: None)
    monkeypatch.setattr(flow, "give_back_step", lambda *_: None)
    found = flow.carry_out_release(1, 1, 1, True)
    assert (found.ok, found.event, found.message) == (False, "deployment_failed", "the build failed")


def test_failed_tests_after_a_rebase_are_named(steps, monkeypatch):
    steps(Rebased(ok=True, moved=True), Delivered(ok=True))
    monkeypatch.setattr(up_to_date, "test_step", lambda *_: Checked(message="2 tests failed"))
    monkeypatch.setattr(flow, "wait_for_admission", lambda *_: None)
    monkeypatch.setattr(flow, "give_back_step", lambda *_: None)
    assert flow.carry_out_release(1, 1, 1, True) == ReleaseResult(event="tests_failed", message="2 tests failed")
