"""While a release is watched, also quietly after its confirmation, each look gets a round that reads fresh errors."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import runtime
from core.db import store
from core.models import Round, Status, now
from core.runtime import Runtime
from core.scheduler import watch_slot
from tests import factories, scenes, screens


@pytest.mark.parametrize(
    ("status", "environment", "age", "newest", "due"),
    [
        ("watching", "production", 5000, None, True),
        ("watching", "production", 10, 31, True),
        ("watching", "production", 10, 29, False),  # the last round is fresh
        ("watching", "preview", 10, None, False),
        ("verified", "production", 590, 31, True),  # confirmed early: the full watch time has not passed
        ("verified", "production", 610, 31, False),
        ("rolled_back", "production", 10, None, False),
        ("superseded", "production", 10, None, False),
    ],
)
def test_a_round_is_due_for_each_look(tmp_path, status, environment, age, newest, due):
    rt = runtime.use(Runtime(screens.open_console(tmp_path)))
    with store.write() as session:
        issue = scenes.story(session, Status.FIXING)
        change = factories.change_set(session, issue)
        ready = now() - timedelta(seconds=age)
        factories.deployment(session, change, status=status, environment=environment, ready_at=ready)
        if newest is not None:
            session.add(Round(slot="before", worker="w", started_at=now() - timedelta(seconds=newest)))
    assert bool(watch_slot(rt)) is due
