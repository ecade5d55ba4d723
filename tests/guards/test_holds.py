"""Freezes by time, the brake by a repository's releases, and the hourly places: tables over stored rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core import runtime
from core.db import store
from core.decision import windows
from core.models import AuditRow, ChangeSet, Deployment, Notification, Status, now
from core.models.kept import Hold
from core.policy.reader import ConfigurationError, Policy, parse_policy
from core.policy.sections import Freeze, Guards
from core.stages.context import StepContext
from core.stages.deliver import admission, brakes, holds
from core.stages.deliver.holds import EVERYTHING
from core.stages.results import Wait
from tests import factories
from tests.guards.stored import issue_in, rows
from tests.guards.test_release_actions import change_of, hold

NOON = datetime(2026, 12, 24, 12, tzinfo=UTC)
SALE = Freeze(name="Sale", start=NOON, end=NOON + timedelta(hours=2))
SHOP = Freeze(name="Shop", start=NOON, end=NOON + timedelta(hours=1), repositories=["shop"])


@pytest.mark.parametrize(("minutes", "freezes", "repository", "found"), [
    (-1, [SALE], "shop", None),
    (0, [SALE], "shop", "Sale"),
    (119, [SALE], "shop", "Sale"),
    (120, [SALE], "shop", None),
    (30, [SHOP], "shop", "Shop"),
    (30, [SHOP], "docs", None),
    (30, [SHOP, SALE], "shop", "Sale"),
    (30, [], "shop", None),
])  # fmt: skip
def test_a_freeze_is_active_from_its_start_to_its_end(minutes, freezes, repository, found):
    at = windows.freeze(NOON + timedelta(minutes=minutes), freezes, repository)
    assert (at and at.name) == found


PLACE = '[repositories.shop]\nremote = "https://git.test/shop.git"\n[[guards.freezes]]\n'


@pytest.mark.parametrize(("text", "says"), [
    ('name = "Sale"\nstart = 2026-12-24T12:00:00\nend = 2026-12-24T14:00:00Z', "guards.freezes.0.start"),
    ('name = "Sale"\nstart = 2026-12-24T14:00:00Z\nend = 2026-12-24T14:00:00Z', "ends before it starts"),
    ('name = ""\nstart = 2026-12-24T12:00:00Z\nend = 2026-12-24T14:00:00Z', "guards.freezes.0.name"),
    ('name = "Sale"\nstart = 2026-12-24T12:00:00Z\nend = 2026-12-24T14:00:00Z\nrepositories = ["docs"]',
     "the freeze 'Sale' names the unknown repository 'docs'"),
])  # fmt: skip
def test_an_invalid_freeze_is_refused_by_name(text, says):
    with pytest.raises(ConfigurationError, match=says):
        parse_policy(PLACE + text, "platform.toml")


def test_a_freeze_is_read_with_its_offset():
    [read] = parse_policy(
        PLACE + 'name = "Sale"\nstart = 2026-12-24T12:00:00+01:00\nend = 2026-12-25T00:00:00Z', "x"
    ).guards.freezes  # noqa: E501
    assert read.start == NOON - timedelta(hours=1)


# --- what holds which release ------------------------------------------------------------------


def policy(*freezes: Freeze, **guards) -> Policy:
    return Policy(guards=Guards(freezes=list(freezes), **guards))


LASTING = Freeze(name="Sale", start=now() - timedelta(hours=1), end=now() + timedelta(days=1))


@pytest.mark.parametrize(("scopes", "freezes", "automatic", "says"), [
    ([], [], True, None),
    ([EVERYTHING], [], True, "platform stopped all releases"),
    ([EVERYTHING], [], False, "platform stopped all releases"),
    (["shop"], [], True, "the brake of shop is on"),
    (["shop"], [], False, None),
    (["docs"], [], True, None),
    ([], [LASTING], True, "the freeze 'Sale'"),
    ([], [LASTING], False, "the freeze 'Sale'"),
    (["shop"], [LASTING], False, "the freeze 'Sale'"),
])  # fmt: skip
def test_which_holds_apply_to_a_release_of_the_shop(console, scopes, freezes, automatic, says):
    for scope in scopes:
        hold(scope)
    with store.read() as session:
        found = brakes.on(session, policy(*freezes), "shop", automatic)
    assert (found is None) if says is None else (says in found[1] and found[0] > 0)


def release(status: str, vendor_id: str = "dpl_1", **values) -> Deployment:
    made = change_of(issue_in(Status.ESCALATED))
    with store.write() as session:
        values = {"status": status, "vendor_id": vendor_id, "ended_at": now(), **values}
        return factories.deployment(session, session.get_one(ChangeSet, made.id), **values)


@pytest.mark.parametrize(("releases", "limit", "braked"), [
    ([], 2, False),
    (["rolled_back"], 2, False),
    (["rolled_back", "rolled_back"], 2, True),
    (["rolled_back", "failed"], 2, True),
    (["rolled_back", "verified"], 2, False),
    (["verified", "rolled_back", "rolled_back"], 2, True),
    (["rolled_back", "verified", "rolled_back"], 2, False),
    (["rolled_back", "rolled_back"], 3, False),
    (["rolled_back"], 1, True),
    (["rolled_back", "rolled_back"], 0, False),
])  # fmt: skip
def test_the_brake_by_the_releases_of_a_repository(console, releases, limit, braked):
    for status in releases:
        release(status)
    with store.write() as session:
        made = brakes.brake_if_due(session, policy(brake_after_failures=limit), "shop")
    assert bool(made) == braked == bool(rows(Hold)) == bool(rows(Notification)) == bool(rows(AuditRow))


@pytest.mark.parametrize("other", [
    {"repository": "docs"}, {"environment": "preview"}, {"vendor_id": ""},
])  # fmt: skip
def test_which_releases_do_not_count_for_the_brake(console, other):
    for _ in range(2):
        release("failed", **other)
    with store.write() as session:
        assert brakes.brake_if_due(session, policy(), "shop") is None


@pytest.mark.parametrize("limit", [1, 2])
def test_the_brake_names_the_issues_whose_releases_failed(console, limit):
    made = [release("rolled_back") for _ in range(limit)]
    with store.write() as session:
        found = brakes.brake_if_due(session, policy(brake_after_failures=limit), "shop").reason
    first, last = min(row.issue_id for row in made), max(row.issue_id for row in made)
    many = f"its last 2 releases failed (issues {first} and {last})"
    assert found == (many if limit > 1 else f"its last release failed (issue {last})")


def test_an_active_brake_is_not_set_again(console):
    for _ in range(2):
        release("rolled_back")
    for _ in range(2):
        with store.write() as session:
            brakes.brake_if_due(session, policy(), "shop")
    assert len(rows(Hold)) == 1


def test_after_a_lift_the_count_of_failures_restarts(console):
    for _ in range(2):
        release("rolled_back", ended_at=now() - timedelta(minutes=5))
    hold("shop", ended_at=now(), ended_by="ada")
    release("rolled_back", ended_at=now() + timedelta(seconds=1))
    with store.write() as session:
        assert brakes.brake_if_due(session, policy(), "shop") is None
    release("rolled_back", ended_at=now() + timedelta(seconds=1))
    with store.write() as session:
        assert brakes.brake_if_due(session, policy(), "shop")


# --- hourly places -----------------------------------------------------------------------------


@pytest.mark.parametrize(("values", "taken"), [
    ({"status": "watching"}, 1),
    ({"status": "verified"}, 1),
    ({"status": "rolled_back"}, 1),
    ({"status": "failed"}, 1),
    ({"status": "failed", "vendor_id": ""}, 0),
    ({"status": "pending", "vendor_id": ""}, 1),
    ({"status": "pending", "vendor_id": "", "started_at": now() - timedelta(hours=5)}, 1),
    ({"status": "verified", "started_at": now() - timedelta(minutes=61)}, 0),
    ({"status": "verified", "automatic": False}, 0),
    ({"status": "ready", "environment": "preview"}, 0),
])  # fmt: skip
def test_which_releases_have_an_hourly_place(console, values, taken):
    release(values.pop("status"), **{"started_at": now(), **values})
    with store.read() as session:
        assert holds.places_taken(session, now()) == taken


@pytest.mark.parametrize(("status", "values", "back"), [
    (Status.ESCALATED, {}, 1),
    (Status.DISMISSED, {}, 1),
    (Status.QUEUED, {}, 0),
    (Status.ESCALATED, {"vendor_id": "dpl_1"}, 0),
    (Status.ESCALATED, {"environment": "preview"}, 0),
])  # fmt: skip
def test_an_ended_issue_returns_its_place(console, status, values, back):
    made = change_of(issue_in(status))
    with store.write() as session:
        given = {"status": "pending", "vendor_id": "", "ended_at": None, **values}
        factories.deployment(session, session.get_one(ChangeSet, made.id), **given)
    with store.write() as session:
        assert admission.return_abandoned(session) == back
    [row] = rows(Deployment)
    assert (row.status == "failed" and row.ended_at is not None) == bool(back)


def test_a_returned_place_can_be_taken_again(console):
    made = change_of(issue_in(Status.QUEUED))
    context = StepContext(runtime.current(), made.issue_id, 1)
    for _ in range(2):
        assert admission.admit(context, made.id, True) == Wait(0.0)
        admission.give_back(context, made.id, "it is not up to date")
    assert admission.admit(context, made.id, True) == Wait(0.0)
    [row] = rows(Deployment)
    assert (row.status, row.note, row.ended_at) == ("pending", "", None)


def test_a_hold_has_its_number_and_a_bounded_reason(console):
    with store.write() as session:
        made = holds.put(session, "shop", "ada", "x" * 3000)
        assert made.id and len(made.reason) == 2000
