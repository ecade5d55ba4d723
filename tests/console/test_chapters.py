"""The story of an issue in chapters, for each state that it can be in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.db import store
from core.models import Kind, Status, now
from core.queries import chapters, issues
from tests import factories, scenes

FOUND = ["The platform sees it", "It finds the cause", "It decides"]
FIXED = [*FOUND, "It proves a fix"]
STORIES = {
    Status.NEW: ["The platform sees it", "It looks for the cause"],
    Status.FIXING: [*FOUND, "It writes a fix"],
    Status.TESTING: [*FIXED, "It reviews, tests and deploys"],
    Status.AWAITING_APPROVAL: [*FIXED, "It asks you"],
    Status.WATCHING: [*FIXED, "The fix is live", "It watches production"],
    Status.RESOLVED: [*FIXED, "The fix is live", "It is fixed"],
    Status.ESCALATED: [*FOUND, "It asks a person"],
}


@pytest.mark.parametrize(("status", "titles"), STORIES.items())
def test_each_state_tells_what_happened_and_what_happens_now(console, status, titles):
    with store.write() as session:
        number = scenes.story(session, status).id
    with store.read() as session:
        told = list(chapters.chapters(issues.story(session, number)))
    assert [c.title for c in told if c.title != "A person answers"] == titles
    ended = status in (Status.RESOLVED, Status.ESCALATED)
    assert [c.at is not None for c in told] == [True] * (len(told) - 1) + [ended]
    times = [c.at for c in told if c.at]
    assert all(c.text for c in told) and times[0] <= times[-1]


def test_the_issue_that_a_fault_began_is_found_by_service_exception_and_time(console):
    since = now() - timedelta(seconds=60)
    with store.write() as session:
        for title, kind, service, at in (
            ("KeyError: 'a'", Kind.EXCEPTION, "cart", since - timedelta(seconds=1)),
            ("KeyError: 'b'", Kind.EXCEPTION, "shop", since),
            ("High error rate: KeyError", Kind.ALERT, "cart", since),
            ("IndexError", Kind.EXCEPTION, "cart", since),
        ):
            factories.issue(session, title=title, kind=kind, service=service, first_seen=at)
        assert chapters.begun_by(session, "cart", "KeyError", since) is None
        right = factories.issue(session, title="KeyError: 'c'", kind=Kind.EXCEPTION, service="cart", first_seen=since)
        factories.issue(session, title="KeyError: 'd'", kind=Kind.EXCEPTION, service="cart", first_seen=since)
        assert chapters.begun_by(session, "cart", "KeyError", since) == right.id
