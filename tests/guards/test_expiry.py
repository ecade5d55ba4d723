"""The end of the wait for an answer: an answer that was stored at the last moment counts, silence does not."""

from __future__ import annotations

import pytest

from core import runtime
from core.db import store
from core.models import Approval
from core.runtime import Runtime
from core.stages.context import StepContext
from core.stages.deliver import deploy
from tests import waiting


@pytest.mark.parametrize(
    ("state", "ok", "message", "left"),
    [
        ("pending", False, "The approval expired without an answer.", "expired"),
        ("approved", True, "", "approved"),
        ("rejected", False, "Rejected by ada: not now", "rejected"),
        ("stale", False, "The approval expired without an answer.", "stale"),
    ],
)
def test_an_answer_in_the_moment_of_the_expiry_counts(console, state, ok, message, left):
    number, issue, _ = waiting.question()
    with store.write() as session:
        session.get_one(Approval, number).sqlmodel_update({"state": state, "by": "ada", "reason": "not now"})
    answer = deploy.expire(StepContext(runtime.use(Runtime(console)), issue, 1), number)
    with store.read() as session:
        assert (answer.ok, answer.message, session.get_one(Approval, number).state) == (ok, message, left)
