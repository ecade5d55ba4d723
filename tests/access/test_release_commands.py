"""``python -m core stop`` and similar commands: as the token's person, with their rights and a message."""

from __future__ import annotations

import json

import pytest

from core.access import sessions
from core.models import Issue, Status
from core.models.kept import Hold
from tests import blank
from tests.access.test_commands import core  # noqa: F401 - a fixture
from tests.guards.stored import one, rows
from tests.guards.test_release_actions import STEP, change_of, hold, issue_in, recorded, rolled_back


@pytest.fixture
def person(monkeypatch):
    def become(name: str, *scopes: str) -> None:
        monkeypatch.setenv("PLATFORM_TOKEN", sessions.issue_token(name, "t", list(scopes), 1, by="x"))

    blank.workflows()
    return become


def test_releases_are_stopped_and_started(core, console, person):  # noqa: F811
    person("operator", "view", "operate")
    assert core("stop", "--reason", "incident 7")[:2] == (0, "Releases are stopped. Nothing new reaches production.\n")
    assert core("stop")[0] == 1
    assert "on hold: all releases, operator: incident 7" in core("status")[1]
    [held] = json.loads(core("status", "--json")[1])["held"]
    assert (held["scope"], held["by"]) == ("*", "operator")
    assert "required role: approver, admin" in core("start")[2]
    person("bob", "approve")
    assert core("start")[:2] == (0, "Releases have started again.\n")
    assert [row.ended_by for row in rows(Hold)] == ["bob"]


def test_nobody_without_a_token_stops_releases(core, console, monkeypatch):  # noqa: F811
    monkeypatch.delenv("PLATFORM_TOKEN", raising=False)
    code, _, error = core("stop")
    assert code == 1 and "Set PLATFORM_TOKEN" in error and not rows(Hold)


def test_a_brake_is_lifted(core, console, person):  # noqa: F811
    hold("shop")
    person("bob", "approve")
    assert core("lift", "--repository", "shop")[:2] == (0, "Automatic releases of shop continue.\n")
    assert core("lift", "--repository", "shop")[2] == "The brake of shop is not on.\n"


def test_a_scheduled_issue_is_started_now(core, console, person):  # noqa: F811
    issue = issue_in(Status.SCHEDULED)
    person("operator", "operate")
    assert core("start-now", "--issue", str(issue.id))[0] == 0
    assert one(Issue, issue.id).at_once
    assert core("start-now", "--issue", "404")[2] == "This issue does not exist.\n"


def test_an_issue_is_restarted_from_a_step_of_the_list(core, console, person):  # noqa: F811
    issue = issue_in(Status.ESCALATED)
    recorded(issue)
    person("operator", "operate")
    listed = core("restart", "--issue", str(issue.id))[1]
    assert listed.split("\n")[:3] == ["   5 Review", "   6 Tests", "   7 Preview"]
    assert one(Issue, issue.id).restarts == 0
    answer = core("restart", "--issue", str(issue.id), "--step", str(STEP), "--reason", "mended")
    assert answer[:2] == (0, "Restarted from Preview.\n")


def test_a_patch_is_released_anyway(core, console, person):  # noqa: F811
    issue, _ = rolled_back()
    person("bob", "approve")
    assert core("release-anyway", "--issue", str(issue.id), "--reason", "another fault")[0] == 0
    assert one(Issue, issue.id).run == 2
    other = issue_in(Status.ESCALATED)
    change_of(other)
    assert "This issue has no proved patch" in core("release-anyway", "--issue", str(other.id), "--reason", "x")[2]
