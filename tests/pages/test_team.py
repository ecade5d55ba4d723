"""The team's own changes in the list of deployments, and the error rate of the issue's service."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.audit import effects
from core.db import store
from core.models import ChangeSet, Deployment, Kind, Signal, Status, now
from core.policy.reader import parse_policy
from core.queries import failing
from tests import scenes, screens

EVIL = "<script>alert(1)</script>"
GITHUB = screens.PLATFORM.replace('vercel_project = "shop"', 'vercel_project = "shop"\ngithub = "acme/shop"')


@pytest.fixture
def console(tmp_path):
    return screens.open_console(tmp_path, platform=GITHUB)


def change(session, title: str, ago: timedelta, **values) -> None:
    given = {"release": title[:7], "url": "https://code.example/c", "attributes": {"repository": "acme/shop"}, **values}
    at, key = now() - ago, f"{title}-{ago}"
    session.add(
        Signal(source="github", vendor_id=key, kind=Kind.CHANGE, title=title, level="info", at=at, received_at=at,
               set_aside="a change", **given)
    )  # fmt: skip


def page(**query) -> str:
    return screens.seen(screens.visit("deployments", **query))


def test_the_teams_changes_stand_among_the_platforms_by_time(console):
    with store.write() as session:
        for ago in (60, 20):
            scenes.story(session, Status.RESOLVED, age=timedelta(minutes=ago))
        change(session, "newest of all", timedelta(minutes=1))
        change(session, "between", timedelta(minutes=40), attributes={"repository": "acme/shop", "author": "ann"})
        change(session, "before the page", timedelta(days=3))
        rows = session.exec(store.select(Deployment).where(Deployment.environment == "production")).all()
        for row, ago in zip(rows, (60, 20), strict=True):
            row.started_at = now() - timedelta(minutes=ago)
    told = page()
    first, second = (told.index(f"<b>shop {row.id}</b>") for row in reversed(rows))
    assert told.index("newest of all") < first < told.index("between by ann") < second
    assert "before the page" not in told and "2 changes of the team" in told


def test_what_the_platform_released_is_no_change_of_the_team(console):
    with store.write() as session:
        scenes.story(session, Status.RESOLVED)
        sha = session.exec(store.select(Deployment)).first().sha
        change(session, "our own fix", timedelta(seconds=1), release=sha)
    assert "our own fix" not in page()


@pytest.mark.parametrize("by", ["the platform", "a person"])
def test_a_merge_of_the_platforms_pull_request_is_no_change_of_the_team(console, by):
    with store.write() as session:
        made = scenes.story(session, Status.RESOLVED)
        head = session.exec(store.select(ChangeSet)).first().head_sha
        change(session, "Merge pull request 7", timedelta(seconds=1), release="a" * 40)
        change(session, "the commit of its branch", timedelta(seconds=2), release=head)
        change(session, "Merge branch of the team", timedelta(seconds=3), release="b" * 40)
        effects.once(session, "merge", f"issue/{made.id}", {"sha": "a" * 40, "by": by}, "key")
        effects.once(session, "merge", f"issue/{made.id}", {"into": 3}, "an issue that a person merged")
    with store.read() as session:
        marks = failing.changed(session, parse_policy(GITHUB, "platform.toml"), now() - timedelta(hours=1))
    told = page()
    for words in (told, str(marks)):
        assert "Merge pull request 7" not in words and "the commit of its branch" not in words
        assert "Merge branch of the team" in words


def test_the_team_is_shown_before_the_platform_releases_anything(console):
    with store.write() as session:
        change(session, EVIL, timedelta(hours=1), url="javascript:alert(1)", attributes={"repository": EVIL})
    told = page()
    assert "&lt;script&gt;" in told and "<script" not in told and "javascript:" not in told
    assert "No deployments of the platform yet" in told


def test_the_errors_are_those_of_the_issues_service(console):
    sides = {
        "cart": {"requests": 100, "errors": 20, "samples": 9},
        "search": {"requests": 100, "errors": 90, "samples": 9},
    }
    with store.write() as session:
        made = scenes.story(session, Status.RESOLVED, service="cart")
        row = session.exec(store.select(Deployment).where(Deployment.environment == "production")).one()
        row.before, row.after = sides, {**sides, "cart": {"requests": 100, "errors": 1, "samples": 9}}
    assert "20.0 % → 1.0 %" in page() and "90.0 %" not in page()
    story = screens.seen(screens.visit("issues", issue=made.id))
    assert "20.0 %" in story and "90.0 %" not in story
