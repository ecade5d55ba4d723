"""GitHub as a way to production: what is sent, by GitHub's specification, and what each answer becomes."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import httpx
import pytest
from openapi_core.exceptions import OpenAPIError

from core.policy.services import Repository
from core.vendors.base import Deployed, VendorError
from core.vendors.delivery import github_actions
from core.vendors.delivery.github_actions import ActionsDelivery, by_hand, filled
from core.vendors.delivery.types import ReleaseOrder
from core.vendors.http import Http
from tests.vendors.contract import conforms

HOST, SHA, OLD = "https://api.github.com", "a" * 40, "b" * 40
KEY = "issue-1-run-1-attempt-1-production"
ORDER = ReleaseOrder(KEY, SHA, "fix/issue-1", previous=OLD)
REPO = "/repos/acme/shop"
RUNS = f"{REPO}/actions/workflows/deploy.yml/runs"


def workflow(**tables) -> Repository:
    return Repository(remote="https://git.example/shop.git", github="acme/shop", delivery="github_actions", **tables)


class GitHub:
    """Answers as GitHub does for runs, statuses and deployments; keeps every request."""

    def __init__(self, **faults):
        self.runs, self.marks, self.deployments, self.states = [], [], [], {}
        self.sent, self.faults, self.lag = [], faults, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        self.validate(request)
        path, method = request.url.path, request.method
        for pattern, answer in self.faults.items():
            if re.search(pattern, f"{method} {path}"):
                return answer() if callable(answer) else httpx.Response(answer, json={"message": "no"})
        body = json.loads(request.content) if request.content else {}
        return self.answer(method, path, body, request)

    seen: ClassVar[set[tuple]] = set()

    def validate(self, request: httpx.Request) -> None:
        """By GitHub's specification; the same request once, because a check takes longer than the request."""
        asked = (request.method, str(request.url), request.content)
        if asked not in self.seen:
            conforms(request, "github-delivery.json", HOST)
            self.seen.add(asked)

    def answer(self, method, path, body, request) -> httpx.Response:
        if path.endswith("/dispatches"):
            self.run(f"Deploy {body['inputs']['sha']} ({body['inputs']['key']})")
            return httpx.Response(204)
        if path == RUNS:
            rows = [
                r
                for r in reversed(self.runs)
                if request.url.params.get("status", r["status"]) in (r["status"], r["conclusion"])
            ]  # noqa: E501
            self.lag, rows = max(0, self.lag - 1), [] if self.lag else rows
            return httpx.Response(200, json={"total_count": len(rows), "workflow_runs": rows})
        if path.endswith("/pending_deployments"):
            return httpx.Response(200, json=[{"environment": {"id": 1, "name": "production"}, "reviewers": []}])
        if path.endswith("/workflows/deploy.yml"):
            return httpx.Response(200, json={"id": 1, "name": "Deploy", "state": "active"})
        if path.endswith("/cancel"):
            return httpx.Response(202, json={})
        if path.startswith(f"{REPO}/statuses/"):
            self.marks.insert(0, body | {"updated_at": datetime.now(UTC).isoformat()})
            return httpx.Response(201, json=body)
        if path.endswith("/status"):
            return httpx.Response(200, json={"state": "pending", "statuses": self.marks[:1]})
        return self.deployment(method, path, body, request)

    def run(self, title: str, status="queued", conclusion=None, event="workflow_dispatch", head=OLD) -> dict:
        number = len(self.runs) + 7
        row = {"id": number, "display_title": title, "status": status, "conclusion": conclusion, "event": event,
               "head_sha": head, "html_url": f"https://github.com/acme/shop/actions/runs/{number}",
               "updated_at": "2026-03-02T10:00:00Z"}  # fmt: skip
        self.runs.append(row)
        return row

    def deployment(self, method, path, body, request) -> httpx.Response:
        if path == f"{REPO}/deployments" and method == "POST":
            number = len(self.deployments) + 1
            row = {"id": number, "sha": body["ref"], "environment": body["environment"], "payload": body["payload"],
                   "url": f"{HOST}{REPO}/deployments/{number}"}  # fmt: skip
            self.deployments.append(row)
            return httpx.Response(201, json=row)
        if path == f"{REPO}/deployments":
            sha = request.url.params.get("sha")
            return httpx.Response(200, json=[r for r in reversed(self.deployments) if sha in (None, r["sha"])])
        number = int(path.split("/")[-2])
        if method == "POST":
            self.states.setdefault(number, []).insert(0, body | {"created_at": "2026-03-02T10:00:00Z"})
            return httpx.Response(201, json=body)
        return httpx.Response(200, json=self.states.get(number, []))

    def posted(self, path: str) -> list[dict]:
        return [json.loads(r.content or b"{}") for r in self.sent if r.method == "POST" and r.url.path.endswith(path)]


def made(github: GitHub, **tables) -> ActionsDelivery:
    table = {"workflow": "deploy.yml"} | tables
    http = Http("github", HOST, {"Authorization": "Bearer t"}, transport=httpx.MockTransport(github))
    return ActionsDelivery(http, workflow(github_actions=table))


def test_a_workflow_is_dispatched_once_with_sha_and_key():
    github = GitHub()
    way = made(github)
    first = way.promote(ORDER)
    again = way.promote(ORDER)
    assert github.posted("/dispatches") == [{"ref": "main", "inputs": {"sha": SHA, "key": KEY}}]
    assert (first.vendor_id, first.state, again.state) == (SHA, "QUEUED", "QUEUED")
    assert again.url.endswith("/actions/runs/7") and github.marks[-1]["context"] == "platform/release"


def test_a_run_that_is_not_listed_yet_is_not_dispatched_again():
    """The worker died after the dispatch: its successor finds the mark on the commit."""
    github = GitHub()
    made(github).promote(ORDER)
    github.lag = 3
    assert made(github).promote(ORDER).note == github_actions.UNLISTED
    assert len(github.posted("/dispatches")) == 1


def test_a_dispatch_that_never_went_out_is_made_after_a_minute():
    github = GitHub()
    late = datetime.now(UTC) - github_actions.SHOWS - timedelta(seconds=1)
    github.marks = [{"context": "platform/release", "description": KEY, "updated_at": late.isoformat()}]
    made(github).promote(ORDER)
    assert len(github.posted("/dispatches")) == 1


def test_an_order_that_was_begun_is_never_begun_again():
    github = GitHub()
    begun = ReleaseOrder(KEY, SHA, vendor_id=SHA, previous=OLD)
    assert made(github).promote(begun).state == "QUEUED" and not github.posted("/dispatches")


@pytest.mark.parametrize(
    ("status", "conclusion", "state"),
    [
        ("queued", None, "QUEUED"),
        ("in_progress", None, "BUILDING"),
        ("waiting", None, "WAITING"),
        ("completed", "success", "READY"),
        ("completed", "failure", "ERROR"),
        ("completed", "timed_out", "ERROR"),
        ("completed", "cancelled", "CANCELED"),
        ("something new", None, "QUEUED"),
    ],
)
def test_a_run_is_followed(status, conclusion, state):
    github = GitHub()
    github.run(f"Deploy {SHA} ({KEY})", status, conclusion)
    found = made(github).status(ORDER, Deployed(SHA, "", "QUEUED", SHA))
    assert found.state == state
    assert ("reviewers of production" in found.note) == (state == "WAITING")


def test_a_key_that_begins_with_another_is_another():
    github = GitHub()
    github.run(f"Deploy {SHA} ({KEY}-2)", "completed", "success")
    github.run(f"Deploy {SHA} ({KEY}-rollback-1)", "completed", "success")
    assert made(github).with_key(ORDER) == []


def test_production_is_the_commit_of_the_newest_success():
    github = GitHub()
    way = made(github)
    assert way.production() is None
    github.run("push", "completed", "success", event="push", head=OLD)
    assert way.production().sha == OLD
    github.run(f"Deploy {SHA} ({KEY})", "completed", "success")
    live = way.production()
    assert (live.sha, live.since) == (SHA, datetime(2026, 3, 2, 10, tzinfo=UTC))
    github.run(f"Deploy {OLD}", "completed", "failure")
    assert way.production().sha == SHA


def test_a_rollback_dispatches_the_earlier_commit_and_follows_it(monkeypatch):
    github = GitHub()
    monkeypatch.setattr(github_actions.time, "sleep", lambda _: github.runs[-1].update(status="completed", conclusion="success"))  # fmt: skip  # noqa: E501
    assert made(github).rollback(ORDER).state == "READY"
    assert github.posted("/dispatches") == [{"ref": "main", "inputs": {"sha": OLD, "key": f"{KEY}-rollback-1"}}]
    made(github).rollback(ORDER)
    assert github.posted("/dispatches")[1]["inputs"]["key"] == f"{KEY}-rollback-2"


def test_a_rollback_that_waits_for_reviewers_says_so():
    github = GitHub()
    github.run(f"Deploy {OLD} ({KEY}-rollback-1)", "waiting")
    with pytest.raises(VendorError, match="waits for the reviewers of production") as caught:
        made(github).rollback(ORDER)
    assert not caught.value.permanent


def test_a_run_is_cancelled_and_one_that_has_ended_left_alone():
    run = Deployed(SHA, "https://github.com/acme/shop/actions/runs/7", "BUILDING", SHA)
    github = GitHub()
    made(github).cancel(run)
    assert len(github.posted("/actions/runs/7/cancel")) == 1
    made(GitHub(cancel=409)).cancel(run)
    with pytest.raises(VendorError):
        made(GitHub(cancel=403)).cancel(run)


# --- deployments ----------------------------------------------------------------------------------------


def test_a_deployment_is_created_once_and_followed_to_its_success():
    github = GitHub()
    way = made(github, workflow="")
    assert way.promote(ORDER).state == "QUEUED" and way.promote(ORDER).state == "QUEUED"
    (body,) = github.posted("/deployments")
    assert (body["ref"], body["environment"], body["payload"]) == (SHA, "production", {"key": KEY})
    assert "required_contexts" not in body, "GitHub itself checks the commit's required statuses"
    for state, mine in (
        ("waiting", "WAITING"),
        ("in_progress", "BUILDING"),
        ("success", "READY"),
        ("failure", "ERROR"),
    ):
        github.states[1] = [{"state": state, "created_at": "2026-03-02T10:00:00Z", "description": ""}]
        assert way.status(ORDER, Deployed(SHA, "", "QUEUED", SHA)).state == mine
    github.deployments[0]["payload"] = json.dumps({"key": KEY})
    assert len(way.with_key(ORDER)) == 1


def test_a_commit_whose_checks_have_not_passed_is_waited_for():
    found = made(GitHub(**{"POST .*/deployments$": 409}), workflow="").promote(ORDER)
    assert found.state == "QUEUED" and "conflict" in found.note


def test_production_is_the_newest_deployment_that_is_live():
    github = GitHub()
    way = made(github, workflow="")
    way.promote(ReleaseOrder("k1", OLD))
    way.promote(ORDER)
    github.states = {1: [{"state": "success", "created_at": "2026-03-02T10:00:00Z"}]}
    assert way.production().sha == OLD
    github.states |= {1: [{"state": "inactive", "created_at": "2026-03-02T11:00:00Z"}],
                      2: [{"state": "success", "created_at": "2026-03-02T11:00:00Z"}]}  # fmt: skip
    assert way.production().sha == SHA


# --- faults ---------------------------------------------------------------------------------------------


def timeout():
    raise httpx.ReadTimeout("slow")


FAULTS = [(401, True), (403, True), (404, True), (409, True), (429, False), (500, False), (timeout, False)]


@pytest.mark.parametrize("table", ["deploy.yml", ""])
@pytest.mark.parametrize(("fault", "permanent"), FAULTS)
def test_each_fault_is_said_and_nothing_is_dispatched_twice(fault, permanent, table):
    for call in ("promote", "production", "check"):
        way = made(github := GitHub(**{".*": fault}), workflow=table)
        if call == "check":
            assert not way.check().ok and way.check().fix
            continue
        with pytest.raises(VendorError) as caught:
            getattr(way, call)(*[ORDER] * (call == "promote"))
        assert caught.value.permanent is permanent
        assert not github.posted("/dispatches") and not github.posted("/deployments")


def test_a_dispatch_that_failed_is_not_repeated_by_the_client():
    github = GitHub(dispatches=500)
    with pytest.raises(VendorError):
        made(github).promote(ORDER)
    assert len(github.posted("/dispatches")) == 1


@pytest.mark.parametrize("garbage", [b"<html>", b"[]", b'{"workflow_runs": [{"id": "x"}]}', b'{"workflow_runs": 3}'])
def test_garbage_is_a_fault_of_the_vendor(garbage):
    with pytest.raises(VendorError):
        made(GitHub(**{".*": lambda: httpx.Response(200, content=garbage)})).with_key(ORDER)


def test_inputs_fill_in_three_names_alone():
    values = {"sha": "s", "key": "k", "environment": "e"}
    assert filled({"a": "{sha}/{key}/{environment}/{other}/{0.__class__}"}, values) == {
        "a": "s/k/e/{other}/{0.__class__}"
    }


def test_the_command_by_hand():
    said = by_hand(workflow(github_actions={"workflow": "deploy.yml"}), ORDER)
    assert said == f"gh workflow run deploy.yml --repo acme/shop --ref main -f sha={OLD} -f key={KEY}-by-hand"
    said = by_hand(workflow(github_actions={"workflow": "deploy.yml", "inputs": {"note": "back to {sha}"}}), ORDER)
    assert said.endswith(f"--ref main -f 'note=back to {OLD}'"), "a space in a value is no second argument"


CALLS = {
    "promote": lambda way: way.promote(ORDER),
    "status": lambda way: way.status(ORDER, LIVE),
    "serve": lambda way: way.serve(LIVE),
    "with_key": lambda way: way.with_key(ORDER),
    "cancel": lambda way: way.cancel(LIVE),
    "production": lambda way: way.production(),
    "rollback": lambda way: way.rollback(ORDER),
    "check": lambda way: way.check(),
}
LIVE = Deployed(SHA, "https://github.com/acme/shop/actions/runs/7", "READY", SHA)


@pytest.mark.parametrize("workflow_file", ["deploy.yml", ""])
@pytest.mark.parametrize("call", CALLS)
def test_every_request_of_every_method_is_one_of_githubs(call, workflow_file, monkeypatch):
    """``GitHub`` holds each request to the specification; a run and a deployment are there."""
    monkeypatch.setattr(github_actions, "ROLLBACK_SECONDS", 0.0)
    monkeypatch.setattr(github_actions, "POLL", 0.0)
    github = GitHub()
    github.run(f"Deploy {SHA} ({KEY})", "completed", "success")
    github.run(f"Deploy {OLD} ({KEY}-rollback-1)", "completed", "success")
    for sha, key in ((OLD, f"{KEY}-rollback-1"), (SHA, KEY)):
        body = {"ref": sha, "environment": "production", "payload": {"key": key}}
        github.deployment("POST", f"{REPO}/deployments", body, None)
        github.states[len(github.deployments)] = [{"state": "success", "created_at": "2026-03-02T10:00:00Z"}]
    with contextlib.suppress(VendorError):  # production may serve something else: what was asked counts here
        CALLS[call](made(github, workflow=workflow_file))
    assert github.sent


def test_no_method_of_the_way_is_left_out():
    own = {name for name, value in vars(ActionsDelivery).items() if not name.startswith("_") and callable(value)}
    assert own == set(CALLS)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{REPO}/deployments", {"ref": SHA, "enviroment": "production"}),
        (f"{REPO}/actions/workflows/deploy.yml/dispatches", {"inputs": {}}),
        (f"{REPO}/deployments/1/statuses", {"state": "ready"}),
    ],
)
def test_the_specification_refuses_what_github_would(path, body):
    with pytest.raises(OpenAPIError):
        conforms(httpx.Request("POST", f"{HOST}{path}", json=body), "github-delivery.json", HOST)
