"""The state of a running demo, followed through one process."""

from __future__ import annotations

import json
import queue
import threading
from types import SimpleNamespace

import pytest

from core.demo import following


def look(number: int) -> str:
    return json.dumps({"all": [{"id": number}]})


def followed() -> tuple[following.FollowedIssues, queue.Queue]:
    lines: queue.Queue = queue.Queue()
    process = SimpleNamespace(stdout=iter(lines.get, None), poll=lambda: 1)
    return following.FollowedIssues(process), lines


def test_a_call_returns_the_next_look_and_none_from_before_it(monkeypatch):
    issues, lines = followed()
    lines.put(look(1))
    with issues._changed:
        assert issues._changed.wait_for(lambda: issues._looks == 1, 60)
    asked = threading.Thread(target=lambda: found.append(issues()))
    found: list = []
    asked.start()
    lines.put(look(2))
    lines.put(look(3))
    lines.put(look(4))
    asked.join(60)
    assert found[0] != [{"id": 1}]


def test_a_process_that_ended_is_said(monkeypatch):
    monkeypatch.setattr(following, "PATIENCE", 0.01)
    issues, lines = followed()
    lines.put(None)
    with pytest.raises(RuntimeError, match="does not answer; its exit code is 1"):
        issues()
