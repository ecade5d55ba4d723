"""People are notified directly if the database is unavailable while production may serve an unverified build."""

from __future__ import annotations

import pytest

from core.ops import lookout
from core.runtime import Runtime
from core.vendors.base import VendorError


class Channel:
    def __init__(self, fault=None):
        self.fault, self.sent = fault, []

    def send(self, message):
        if self.fault:
            raise self.fault
        self.sent.append(message)


@pytest.fixture
def away(monkeypatch):
    """(look, channel, state): ``look(seconds)`` is one look this many seconds later."""
    state, clock, channel, out = {"answers": False}, [100.0], Channel(), lookout.Lookout()
    rt = Runtime(None, notifiers=[Channel(VendorError("email", "is away")), channel])
    monkeypatch.setattr(lookout, "guarded", {7})
    monkeypatch.setattr(lookout, "_answers", lambda: state["answers"])
    monkeypatch.setattr(lookout.time, "monotonic", lambda: clock[0])

    def look(seconds: float) -> int:
        clock[0] += seconds
        out.look(rt)
        return len(channel.sent)

    return look, channel, state


def test_every_channel_is_notified_after_a_minute_and_every_quarter_of_an_hour(away):
    look, channel, _ = away
    assert [look(s) for s in (0, 59, 1, 10, 880, 10)] == [0, 0, 1, 1, 1, 2]
    assert "issue 7" in channel.sent[0].body and "has not responded for 60 s" in channel.sent[0].body


def test_a_response_of_the_database_restarts_the_minute(away):
    look, _, state = away
    look(0)
    state["answers"] = True
    look(50)
    state["answers"] = False
    assert [look(s) for s in (50, 59, 1)] == [0, 0, 1]


def test_without_a_guarded_deployment_nobody_is_notified(away, monkeypatch):
    with lookout.released(7):
        pass
    assert away[0](0) == away[0](500) == 0
