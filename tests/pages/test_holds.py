"""Holds on releases, on every page; the buttons stop, start, lift, start now, restart and release anyway."""

from __future__ import annotations

from datetime import timedelta

import pytest

from console.page import PAGES
from core import runtime
from core.db import store
from core.models import Issue, Status, now
from core.models.kept import Hold
from core.runtime import Runtime
from tests import blank, scenes, screens
from tests.guards.stored import issue_in, one, rows
from tests.guards.test_release_actions import STEP, hold, recorded, rolled_back
from tests.pages.test_actions import in_dialog


@pytest.fixture
def acting(console):
    """A console with real actions."""
    runtime.use(Runtime(console))
    blank.workflows()
    return console


def labels(at) -> set[str]:
    return {button.label for button in at.button}


def click(at, key: str, reason: str = ""):
    """Open the dialog of a button, enter the reason, and confirm."""
    at = next(b for b in at.button if b.key.startswith(key)).click().run()
    if reason:
        in_dialog(at, "reason-", "text_area").input(reason)
    at = in_dialog(at, "do-").click().run()
    assert not at.exception
    return at


@pytest.mark.parametrize("page", PAGES)
def test_each_page_shows_what_holds_releases(console, page):
    hold(by="<ada>", reason="<b>incident</b>")
    hold("shop")
    seen = screens.seen(screens.visit(page))
    assert "Releases are stopped." in seen and "Automatic releases of shop are on hold." in seen
    assert "&lt;ada&gt;" in seen and "&lt;b&gt;incident&lt;/b&gt;" in seen, "a person's text is escaped"


def test_a_page_shows_nothing_while_releases_run(console):
    hold(ended_at=now(), ended_by="ada")
    assert "d-hold" not in screens.seen(screens.visit("issues"))


@pytest.mark.parametrize(("starts", "ends", "shown"), [(-1, 1, True), (1, 2, False), (-2, -1, False)])
def test_a_freeze_is_shown_while_it_is_active(console, starts, ends, shown):
    at = now()
    times = [(at + timedelta(hours=hours)).isoformat() for hours in (starts, ends)]
    text = '\n[[guards.freezes]]\nname = "Sale"\nstart = {}\nend = {}\nrepositories = ["shop"]\n'.format(*times)
    console.platform_file.write_text(console.platform_file.read_text() + text)
    assert ("Releases are frozen." in screens.seen(screens.visit("issues"))) is shown


@pytest.mark.parametrize(("person", "stopped", "offered"), [
    ("viewer", False, set()),
    ("operator", False, {"Stop releases"}),
    ("approver", False, {"Stop releases", "Lift the brake of shop"}),
    ("operator", True, set()),
    ("approver", True, {"Start releases", "Lift the brake of shop"}),
])  # fmt: skip
def test_each_role_is_offered_only_its_actions(console, person, stopped, offered):
    hold("shop")
    if stopped:
        hold()
    mine = {"Stop releases", "Start releases", "Lift the brake of shop"}
    assert labels(screens.visit("pipeline", person)) & mine == offered


def test_a_person_stops_and_starts_releases(acting):
    at = click(screens.visit("pipeline", "bob"), "stop-", "incident 7")
    assert [(h.by, h.reason, h.ended_at) for h in rows(Hold)] == [("bob", "incident 7", None)]
    assert "Start releases" in labels(at.run())
    click(at, "start-")
    assert rows(Hold)[0].ended_by == "bob"


def test_a_person_lifts_a_brake(acting):
    hold("shop")
    click(screens.visit("pipeline", "bob"), "lift-", "it was the database")
    assert rows(Hold)[0].ended_by == "bob"


def test_a_scheduled_issue_is_started_now(acting):
    with store.write() as session:
        issue = scenes.story(session, Status.SCHEDULED)
    click(screens.visit("issues", "bob", issue=issue.id), "start_now-")
    assert one(Issue, issue.id).at_once


def test_an_issue_is_restarted_from_the_selected_stage(acting):
    issue = issue_in(Status.ESCALATED)
    recorded(issue)
    at = screens.visit("issues", "bob", issue=issue.id)
    at = next(b for b in at.button if b.key.startswith("restart_from-")).click().run()
    in_dialog(at, "reason-", "text_area").input("the disk is mended")
    in_dialog(at, "step-", "selectbox").select(STEP)
    in_dialog(at, "do-").click().run()
    assert one(Issue, issue.id).restarts == 1


def test_a_rolled_back_patch_is_released_anyway(acting):
    issue, _ = rolled_back()
    click(screens.visit("issues", "bob", issue=issue.id), "release_anyway-", "another fault")
    assert one(Issue, issue.id).run == 2


@pytest.mark.parametrize("status", [Status.FIXING, Status.RESOLVED, Status.AWAITING_APPROVAL])
def test_live_and_ended_work_offers_none_of_them(acting, status):
    with store.write() as session:
        issue = scenes.story(session, status)
    recorded(issue, "PENDING" if status is not Status.RESOLVED else "SUCCESS")
    offered = labels(screens.visit("issues", "bob", issue=issue.id))
    assert not offered & {"Restart", "Release anyway", "Start now"}


def test_the_steps_of_the_workflow_are_shown(acting):
    issue = issue_in(Status.ESCALATED)
    recorded(issue, "ERROR")
    at = screens.visit("issues", "viewer", issue=issue.id)
    at.session_state[f"part-{issue.id}"] = "Steps"
    seen = screens.seen(at.run())
    assert "The workflow has failed." in seen and "deploy.preview" in seen
