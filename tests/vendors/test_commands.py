"""The team's own commands as a way to production: what they are given, and what each answer becomes."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.policy.services import Repository
from core.vendors.base import VendorError
from core.vendors.delivery import commands
from core.vendors.delivery.commands import CommandDelivery, answer, by_hand, live
from core.vendors.delivery.types import ReleaseOrder

SHA, OLD = "a" * 40, "b" * 40
ORDER = ReleaseOrder("issue-1-production", SHA, previous=OLD)


class Team:
    """A team's program that does as ``plan.json`` says and keeps what it was given."""

    def __init__(self, folder: Path, **tables):
        self.folder, self.exports = folder, []
        self.program, self.plan_file = folder / "team.py", folder / "plan.json"
        self.program.write_text(
            "import json, os, pathlib, sys, time\n"
            "home = pathlib.Path(__file__).parent\n"
            "plan = json.loads((home / 'plan.json').read_text())[sys.argv[1]]\n"
            "with open(home / 'calls', 'a') as file:\n"
            "    file.write(json.dumps([sys.argv[1], dict(os.environ), os.getcwd()]) + chr(10))\n"
            "(home / 'plan.json').write_text(json.dumps(json.loads((home / 'plan.json').read_text()) | plan.get('then', {})))\n"  # noqa: E501
            "time.sleep(plan.get('sleep', 0))\n"
            "print(plan.get('print', ''))\n"
            "print(plan.get('error', ''), file=sys.stderr)\n"
            "sys.exit(plan.get('code', 0))\n"
        )
        argv = {name: [sys.executable, str(self.program), name] for name in ("deploy", "status", "rollback")}
        table = argv | {"seconds": 30} | tables
        self.repository = Repository(remote="/srv/shop.git", delivery="commands", commands=table,
                                     environment={"REGION": "eu"})  # fmt: skip
        self.way = CommandDelivery(self.repository, self.checkout)

    @contextmanager
    def checkout(self, sha: str):
        self.exports.append(sha)
        yield self.folder

    def plan(self, status: object = None, **plans) -> None:
        told = {"print": status if isinstance(status, str) else json.dumps(status or {"sha": OLD})}
        self.plan_file.write_text(json.dumps({"status": told, "deploy": {}, "promote": {}, "rollback": {}} | plans))

    def calls(self) -> list[tuple[str, dict]]:
        path = self.folder / "calls"
        return [tuple(json.loads(line)[:2]) for line in path.read_text().splitlines()] if path.exists() else []

    def names(self) -> list[str]:
        return [name for name, _ in self.calls()]


def status(**told) -> dict:
    return {"status": {"print": json.dumps(told)}}


@pytest.fixture
def team(tmp_path) -> Team:
    return Team(tmp_path)


def test_the_state_is_asked_for_first_and_after_the_deployment(team):
    team.plan(deploy={"then": status(state="live", sha=SHA, url="https://shop.example")})
    made = team.way.promote(ORDER)
    assert (made.vendor_id, made.sha, made.state, made.url) == (SHA, SHA, "READY", "https://shop.example")
    assert team.names() == ["status", "deploy", "status"] and team.exports == [SHA] * 3


@pytest.mark.parametrize(("state", "mine"), [("running", "BUILDING"), ("live", "READY"), ("failed", "ERROR")])
def test_what_has_the_key_already_is_not_deployed_again(team, state, mine):
    team.plan({"state": state, "sha": OLD})
    assert team.way.promote(ORDER).state == mine and team.names() == ["status"]
    assert [one.state for one in team.way.with_key(ORDER)] == [mine]


def test_a_deployment_that_fails_is_an_error_with_the_end_of_its_output(team):
    team.plan(deploy={"code": 3, "error": "no such host"})
    made = team.way.promote(ORDER)
    assert made.state == "ERROR" and "ended with 3: no such host" in made.note


def test_the_commands_get_the_order_and_the_named_secrets_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPLOY_TOKEN", "a-secret-of-the-team")
    monkeypatch.setenv("GITHUB_TOKEN", "a-secret-of-the-platform")
    team = Team(tmp_path, secrets=["DEPLOY_TOKEN", "NOT_SET"])
    team.plan(deploy={"code": 1, "error": "signed in with a-secret-of-the-team"})
    made = team.way.promote(ORDER)
    _, env = next(call for call in team.calls() if call[0] == "deploy")
    given = {name: value for name, value in env.items() if not name.startswith(("LC_", "PYTHON"))}
    assert given.pop("PATH") and given.pop("HOME")
    assert given == {"LANG": "C.UTF-8", "REGION": "eu", "DEPLOY_TOKEN": "a-secret-of-the-team", "DEPLOY_SHA": SHA,
                     "DEPLOY_PREVIOUS_SHA": OLD, "DEPLOY_KEY": ORDER.key,
                     "DEPLOY_ENVIRONMENT": "production", "DEPLOY_SHARE": "100", "DEPLOY_REHEARSE": ""}  # fmt: skip
    assert "a-secret-of-the-team" not in made.note and "[Filtered]" in made.note


def test_production_is_what_status_says_whoever_deployed_it(team):
    team.plan({"sha": OLD, "since": "2026-03-02T10:00:00"})
    found = team.way.production()
    assert found and (found.sha, str(found.since)) == (OLD, "2026-03-02 10:00:00+00:00")
    assert team.exports == [""], "the main branch's export: no release is meant"
    team.plan({"state": "absent"})
    assert team.way.production() is None


def test_a_rollback_deploys_the_earlier_commit_with_a_key_of_its_own(team):
    team.plan(rollback={"then": status(state="live", sha=OLD)})
    assert team.way.rollback(ORDER).state == "READY"
    _, env = next(call for call in team.calls() if call[0] == "rollback")
    assert (env["DEPLOY_SHA"], env["DEPLOY_PREVIOUS_SHA"], env["DEPLOY_KEY"]) == (OLD, SHA, f"{ORDER.key}-rollback")
    assert team.exports[-1] == OLD


@pytest.mark.parametrize("plans", [{"rollback": {"code": 1}}, {"status": {"print": '{"state": "running"}'}}])
def test_a_rollback_that_is_not_done_is_tried_again(team, plans):
    team.plan(**plans)
    with pytest.raises(VendorError) as caught:
        team.way.rollback(ORDER)
    assert not caught.value.permanent


def test_what_still_runs_cannot_be_cancelled_so_the_rollback_waits(team):
    team.plan({"state": "running", "sha": OLD})
    (found,) = team.way.with_key(ORDER)
    with pytest.raises(VendorError) as caught:
        team.way.cancel(found)
    assert not caught.value.permanent


def test_production_that_serves_another_commit_is_said(team):
    team.plan({"state": "live", "sha": OLD})
    with pytest.raises(VendorError, match="and not a") as caught:
        team.way.serve(team.way.status(ORDER, team.way.with_key(ORDER)[0]))
    assert caught.value.permanent


@pytest.mark.parametrize(
    "printed",
    ["", "ready", "[]", "3", '{"state": "perhaps"}', '{"state": 3}', '{"state": "live"', "{}\nlast words", "\x00"],
)
def test_garbage_is_a_fault_and_nothing_is_deployed(team, printed):
    team.plan(printed)
    for call in (lambda: team.way.promote(ORDER), team.way.production):
        with pytest.raises(VendorError):
            call()
    assert "deploy" not in team.names() and not team.way.check().ok


@pytest.mark.parametrize("plan", [{"code": 1, "error": "401 Unauthorized"}, {"sleep": 30}])
def test_a_status_that_fails_or_hangs_deploys_nothing(tmp_path, plan):
    team = Team(tmp_path, seconds=1.0)
    team.plan(status=None)
    team.plan_file.write_text(json.dumps({"status": plan, "deploy": {}, "rollback": {}}))
    with pytest.raises(VendorError) as caught:
        team.way.promote(ORDER)
    assert not caught.value.permanent and "deploy" not in team.names()


def test_a_program_that_is_missing_is_named(tmp_path):
    team = Team(tmp_path, status=["/no/such/program"])
    with pytest.raises(VendorError, match="/no/such/program could not be started"):
        team.way.production()


def test_words_of_the_repository_are_no_shell(tmp_path):
    team = Team(tmp_path)
    argv = [*team.repository.commands.deploy, "; touch hacked", "$(touch hacked)"]
    team.repository.commands.deploy = argv
    team.plan()
    team.way.promote(ORDER)
    assert not (tmp_path / "hacked").exists()


def test_a_link_that_is_no_address_is_left_out():
    assert live({"sha": SHA, "url": "javascript:alert(1)"}).url == ""


def test_the_last_line_is_the_answer():
    assert answer('words\n{"state": "live"}\n') == {"state": "live"}


def test_the_command_by_hand(team):
    said = by_hand(team.repository, ORDER)
    assert said.startswith(f"DEPLOY_SHA={OLD} ") and said.endswith("team.py rollback")


def test_the_self_check_says_what_production_serves(team):
    team.plan({"sha": OLD})
    assert team.way.check().message == f"`status` answers; production serves {OLD[:12]}"
    assert commands.STATES.keys() == {"absent", "running", "live", "failed"}
