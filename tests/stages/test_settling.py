"""Silent issues settle, and a return reopens the same issue."""

from datetime import timedelta

import pytest

from console.parts import story
from core import runtime
from core.db import store
from core.models import Issue, Signal, Status, now
from core.stages import group, settling
from core.stages.group import GONE
from tests import factories, screens

HOUR = timedelta(hours=1)


@pytest.fixture
def platform(tmp_path):
    return runtime.use(runtime.Runtime(screens.open_console(tmp_path)))


def issue(status: Status, silent: float, ended: float = 100.0, **values) -> int:
    with store.write() as session:
        made = factories.issue(
            session, status=status, last_seen=now() - silent * HOUR, ended_at=now() - ended * HOUR, **values
        )
        return made.id


@pytest.mark.parametrize(
    ("status", "silent", "ended", "settles"),
    [
        (Status.ESCALATED, 73, 100, True),
        (Status.ESCALATED, 71, 100, False),
        (Status.ESCALATED, 100, 1, False),  # a person was asked only now
        (Status.AWAITING_APPROVAL, 100, 100, False),
        (Status.RESOLVED, 100, 100, False),
    ],
)
def test_only_what_was_silent_for_long_settles(platform, status, silent, ended, settles):
    number = issue(status, silent, ended)
    assert settling.settle(platform) == ([number] if settles else [])
    with store.read() as session:
        found = session.get_one(Issue, number)
    assert (found.status is Status.DISMISSED and found.reason.endswith(GONE)) == settles
    assert not settles or found.reason.startswith("No errors for 72 hours")


@pytest.mark.parametrize("taken", ["assignee", "owner", "acknowledged_by"])
def test_an_issue_that_a_person_has_stays_open(platform, taken):
    issue(Status.ESCALATED, 73, **{taken: "ada"})
    free = issue(Status.ESCALATED, 73, **{taken: ""})
    assert settling.settle(platform) == [free]


def test_the_policy_may_keep_every_issue_open(tmp_path):
    console = screens.open_console(
        tmp_path, platform=screens.PLATFORM.replace("[guards]", "[guards]\nsettle_hours = 0")
    )
    issue(Status.ESCALATED, 1000)
    assert settling.settle(runtime.use(runtime.Runtime(console))) == []


def test_a_return_reopens_the_same_issue(platform):
    error = {"source": "sentry", "kind": "log", "service": "cart", "title": "cart lost its way", "message": "cart lost"}
    with store.write() as session:
        session.add(Signal(vendor_id="1", at=now() - 80 * HOUR, **error))
    group.group_new(platform)
    with store.write() as session:
        (found,) = session.exec(store.select(Issue))
        found.status, found.ended_at, found.last_seen = Status.ESCALATED, now() - 79 * HOUR, now() - 80 * HOUR
    assert settling.settle(platform) == [1]
    with store.write() as session:
        session.add(Signal(vendor_id="2", at=now(), **error))
    assert group.group_new(platform) == 0
    with store.read() as session:
        (found,) = session.exec(store.select(Issue))
    assert found.status is Status.NEW and found.reason == "The error returned." and found.occurrences == 2


@pytest.mark.parametrize(
    ("status", "minutes", "says"),
    [(Status.ESCALATED, 23, "No errors for 23 min"), (Status.ESCALATED, 2, ""), (Status.RESOLVED, 23, "")],
)
def test_silence_is_said_at_once(platform, status, minutes, says):
    number = issue(status, minutes / 60)
    with store.read() as session:
        told = story.silent(session.get_one(Issue, number))
    assert says in told and bool(told) == bool(says)
