"""The test event of the setup: its issue is the one of this event, and all of it can be removed."""

from __future__ import annotations

import pytest
from sqlmodel import select

from core import runtime
from core.actions import following
from core.db import store
from core.models import Issue
from core.models.enums import TEST_ENVIRONMENT
from core.models.following import Remark
from core.runtime import Runtime
from core.setup import signal
from tests import factories, screens
from tests.who import by


@pytest.fixture
def tested(tmp_path) -> int:
    """The issue of an earlier test event of the service cart."""
    runtime.use(Runtime(screens.open_console(tmp_path)))
    with store.write() as session:
        return factories.issue(session, service="cart", environment=TEST_ENVIRONMENT, run=0).id


def test_an_earlier_test_event_does_not_count_as_this_one(tested, monkeypatch):
    monkeypatch.setattr(signal, "PATIENCE", 0.0)
    found = signal.test(runtime.current(), "cart", lambda _: None)
    assert not found.ok and "no collection cycle has read it" in found.message


def test_a_test_event_with_a_note_and_subscribers_is_removed(tested):
    following.add_note(tested, actor=by("admin"), text="it arrived", key="n")
    following.subscribe(tested, actor=by("admin"), key="s")
    assert signal.remove(by("admin"), "cart") == "The test event and its issue are removed."
    with store.read() as session:
        assert not session.exec(select(Issue)).all() and not session.exec(select(Remark)).all()
