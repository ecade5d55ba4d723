"""Shares of traffic and the rehearsal of a rollback, by the team's own commands."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from core.vendors.base import VendorError
from core.vendors.delivery.commands import share_of
from tests.vendors.test_commands import OLD, ORDER, SHA, Team, status

STEPPED = replace(ORDER, steps=(10, 50))


@pytest.fixture
def team(tmp_path) -> Team:
    return Team(tmp_path, promote=[sys.executable, str(tmp_path / "team.py"), "promote"])


def given(team: Team, name: str) -> list[str]:
    return [env["DEPLOY_SHARE"] for called, env in team.calls() if called == name]


def test_a_deployment_begins_with_its_first_share_and_is_promoted_once(team):
    team.plan(deploy={"then": status(state="live", sha=OLD, share=10)})
    assert team.way.promote(STEPPED).state == "READY" and given(team, "deploy") == ["10"]
    assert team.way.shift(STEPPED, 10) == 10 and "promote" not in team.names()
    team.plan(json.dumps({"state": "live", "sha": OLD, "share": 10}), promote={"then": status(state="live", share=50)})
    assert team.way.shift(STEPPED, 50) == 50 == team.way.share(STEPPED)
    assert given(team, "promote") == ["50"]


def test_a_release_without_steps_serves_everything(team):
    team.plan(deploy={"then": status(state="live", sha=SHA)})
    team.way.promote(ORDER)
    assert given(team, "deploy") == ["100"] and team.way.share(ORDER) == 100


def test_a_promotion_that_fails_is_refused_with_its_output(team):
    team.plan(json.dumps({"state": "live", "share": 10}), promote={"code": 2, "error": "no such canary"})
    with pytest.raises(VendorError, match="ended with 2: no such canary") as caught:
        team.way.shift(STEPPED, 50)
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("told", "share"),
    [({"state": "live"}, 100), ({"state": "live", "share": 25}, 25), ({"state": "running", "share": 25}, 0), ({}, 0)],
)
def test_the_share_of_a_deployment(told, share):
    assert share_of(told) == share


@pytest.mark.parametrize("share", [101, -1, "many"])
def test_a_share_that_is_no_percentage_is_said(share):
    with pytest.raises(VendorError, match="unknown format"):
        share_of({"state": "live", "share": share})


def test_steps_need_the_command(tmp_path):
    with pytest.raises(VendorError, match="commands.promote"):
        Team(tmp_path).way.accepts(STEPPED)


# --- the rehearsal --------------------------------------------------------------------------------


def test_a_rollback_is_tried_only_where_the_policy_says_that_it_knows_a_trial(team):
    team.plan()
    found = team.way.rehearse(ORDER)
    assert not found.done and "commands.rehearse" in found.message and team.calls() == []


def test_a_rehearsal_runs_the_rollback_as_a_trial(tmp_path):
    team = Team(tmp_path, rehearse=True)
    team.plan()
    assert team.way.rehearse(ORDER).done
    ((name, env),) = team.calls()
    assert (name, env["DEPLOY_REHEARSE"]) == ("rollback", "1")
    assert (env["DEPLOY_SHA"], env["DEPLOY_PREVIOUS_SHA"], env["DEPLOY_KEY"]) == (OLD, SHA, f"{ORDER.key}-rollback")


def test_a_rehearsal_that_fails_says_why(tmp_path):
    team = Team(tmp_path, rehearse=True)
    team.plan(rollback={"code": 1, "error": "the old image is gone"})
    with pytest.raises(VendorError, match="the old image is gone") as caught:
        team.way.rehearse(ORDER)
    assert caught.value.permanent


def test_a_real_rollback_is_no_trial(team):
    team.plan(rollback={"then": status(state="live", sha=OLD)})
    team.way.rollback(ORDER)
    assert [env["DEPLOY_REHEARSE"] for name, env in team.calls() if name == "rollback"] == [""]
