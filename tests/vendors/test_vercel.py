"""The Vercel client: keys that find what was made, aliases that are verified, failures that bring their log."""

from __future__ import annotations

import itertools
import json

import httpx
import pytest
import stamina

from core.vendors import vercel as module
from core.vendors.base import VendorError
from core.vendors.http import Http
from core.vendors.vercel import KEY, WHERE, Vercel, deployed, logged
from tests.shared import SHARED

DOMAINS = ["shop.example", "www.shop.example"]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    stamina.set_testing(True, attempts=3)
    monkeypatch.setattr(module, "POLL", 0.0)
    yield
    stamina.set_testing(False)


class Cloud:
    """Vercel's rules in a few lines. ``job`` is how alias requests end, ``lags`` how many looks they take."""

    def __init__(self, job="succeeded", lags=2, left_behind=(), auto=True):
        self.made = {"dpl_old": self.row("dpl_old", "production"), "dpl_new": self.row("dpl_new", "production")}
        self.live, self.last, self.asked, self.variables = "dpl_new", None, [], {"MODE": "fast"}
        self.job, self.lags, self.left_behind, self.auto = job, lags, set(left_behind), auto
        self.at = itertools.count(100)

    def row(self, vendor_id, target="", state="READY", **meta):
        return {"id": vendor_id, "url": f"{vendor_id}.vercel.app", "readyState": state, "target": target, "meta": meta}

    def client(self, **options) -> Vercel:
        http = Http("vercel", "https://api.vercel.com", secrets=["s3cr3t-value"], transport=httpx.MockTransport(self))
        return Vercel(http, **options)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, method = request.url.path, request.method
        body = json.loads(request.content) if request.content else {}
        self.asked.append((method, path, dict(request.url.params), body))
        one = path.rsplit("/", 1)[-1]
        if path == "/v6/deployments":
            return self.page(request)
        if path == "/v13/deployments":
            made = self.row(f"dpl_{len(self.made) + 1}", body.get("target", ""), **body.get("meta", {}))
            self.made[made["id"]] = made
            return httpx.Response(200, json=made)
        if path.endswith("/cancel"):
            return self.cancelled(path.split("/")[3])
        if path.startswith("/v13/"):
            return httpx.Response(200, json=self.made[one])
        if path.endswith("/events"):
            lines = [{"type": "stderr", "payload": {"text": f"line {n} s3cr3t-value"}} for n in range(50)]
            return httpx.Response(200, json=lines)
        if "/rollback/" in path or ("/promote/" in path and method == "POST"):
            self.last = {"toDeploymentId": one, "jobStatus": "pending", "requestedAt": next(self.at)}
            return httpx.Response(201, json={})
        if path.endswith("/promote/aliases"):
            return httpx.Response(200, json={"aliases": [{"alias": "www.shop.example", "status": "failed"}]})
        if path.endswith("/aliases"):
            names = [a for a in DOMAINS if (one_of(path) == self.live) != (a in self.left_behind)]
            return httpx.Response(200, json={"aliases": [{"alias": name} for name in names]})
        if path.endswith("/env"):
            self.variables |= {body["key"]: body["value"]} if body else {}
            return httpx.Response(200, json={"envs": [{"key": k, "value": v} for k, v in self.variables.items()]})
        return self.project()

    def cancelled(self, vendor_id):
        made = self.made[vendor_id]
        if made["readyState"] != "BUILDING":
            return httpx.Response(400, json={"error": {"code": "bad_request", "message": "is finished"}})
        made["readyState"] = "CANCELED"
        return httpx.Response(200, json=made)

    def project(self):
        if self.last and self.last["jobStatus"] == "pending":
            self.lags -= 1
            if self.lags < 0:
                self.last["jobStatus"] = self.job
                self.live = self.last["toDeploymentId"] if self.job == "succeeded" else self.live
        production = {"id": self.live, "alias": DOMAINS}
        return httpx.Response(
            200,
            json={
                "targets": {"production": production},
                "lastAliasRequest": self.last,
                "autoAssignCustomDomains": self.auto,
            },
        )

    def page(self, request):
        rows = [
            {"uid": d["id"], "created": n, "meta": d["meta"], "target": d["target"], "state": d["readyState"]}
            for n, d in enumerate(self.made.values(), 1)
        ][::-1]
        until = int(request.url.params.get("until", 10**6))
        rows = [r for r in rows if r["created"] < until][:2]
        following = rows[-1]["created"] if rows and rows[-1]["created"] > 1 else None
        return httpx.Response(200, json={"deployments": rows, "pagination": {"next": following}})

    def sent(self, method, part):
        return [row for row in self.asked if row[0] == method and part in row[1]]


def one_of(path: str) -> str:
    return path.split("/")[3]


def test_a_preview_is_made_once_a_key_even_pages_back():
    cloud = Cloud()
    client = cloud.client(team="team_9")
    first = client.preview("shop", "acme/shop", "fix/issue-1", "a" * 40, "k-1")
    for number in range(5):
        client.preview("shop", "acme/shop", "x", "b" * 40, f"other-{number}")
    assert client.preview("shop", "acme/shop", "fix/issue-1", "a" * 40, "k-1") == first
    made = cloud.sent("POST", "/v13/deployments")
    assert len(made) == 6
    assert made[0][2] == {"skipAutoDetectionConfirmation": "1", "teamId": "team_9"}
    assert made[0][3]["gitSource"] == {
        "type": "github",
        "org": "acme",
        "repo": "shop",
        "ref": "fix/issue-1",
        "sha": "a" * 40,
    }
    assert all(params.get("teamId") == "team_9" for _, _, params, _ in cloud.asked)


def test_a_team_may_be_named_by_its_slug():
    cloud = Cloud()
    cloud.client(team="acme").production("shop")
    assert all(params.get("slug") == "acme" for _, _, params, _ in cloud.asked)


def test_production_is_made_from_the_preview_and_not_built_from_something_else():
    cloud = Cloud()
    preview = cloud.client().preview("shop", "acme/shop", "x", "a" * 40, "k")
    cloud.client().promote("shop", preview.vendor_id, "k-production")
    assert cloud.sent("POST", "/v13/deployments")[-1][3] == {
        "name": "shop",
        "project": "shop",
        "deploymentId": preview.vendor_id,
        "target": "production",
        "meta": {KEY: "k-production"},
    }


def test_a_rollback_ends_when_the_job_has_and_every_alias_has_moved():
    cloud = Cloud()
    assert cloud.client().rollback("shop", "dpl_old").vendor_id == "dpl_old"
    assert cloud.live == "dpl_old" and len(cloud.sent("POST", "/v1/projects/shop/rollback/dpl_old")) == 1
    assert cloud.sent("GET", "/v2/deployments/dpl_old/aliases")
    cloud.client().rollback("shop", "dpl_old")
    assert len(cloud.sent("POST", "/rollback/")) == 1, "what is done is not done again"


def test_an_alias_that_stays_behind_is_no_success():
    cloud = Cloud(left_behind=["www.shop.example"])
    with pytest.raises(VendorError, match="www.shop.example of shop do not serve") as caught:
        cloud.client().rollback("shop", "dpl_old")
    assert caught.value.permanent


@pytest.mark.parametrize("job", ["failed", "skipped"])
def test_a_job_that_failed_names_its_aliases(job):
    with pytest.raises(VendorError, match=r"did not move: www.shop.example \(failed\)"):
        Cloud(job=job).client().rollback("shop", "dpl_old")


def test_a_job_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "ALIAS_SECONDS", 0.0)
    with pytest.raises(VendorError, match="did not move to dpl_old"):
        Cloud(lags=10**6).client().rollback("shop", "dpl_old")


def test_an_older_request_for_the_same_deployment_is_not_taken_for_ours():
    cloud = Cloud(lags=3)
    cloud.last = {"toDeploymentId": "dpl_old", "jobStatus": "failed", "requestedAt": 1}
    assert cloud.client().rollback("shop", "dpl_old").vendor_id == "dpl_old"


def test_after_a_rollback_a_new_production_deployment_is_promoted():
    cloud = Cloud(auto=False)
    cloud.made["dpl_3"] = cloud.row("dpl_3", "production")
    assert cloud.client().serve("shop", "dpl_3").vendor_id == "dpl_3"
    assert cloud.live == "dpl_3" and len(cloud.sent("POST", "/v10/projects/shop/promote/dpl_3")) == 1


def test_what_production_serves_already_is_only_verified():
    cloud = Cloud()
    cloud.client().serve("shop", "dpl_new")
    assert not cloud.sent("POST", "/promote/")


def test_a_failed_build_brings_the_end_of_its_log_without_secrets():
    cloud = Cloud()
    cloud.made["dpl_bad"] = cloud.row("dpl_bad", state="ERROR") | {"errorMessage": "Command failed"}
    found = cloud.client().status("dpl_bad")
    assert found.state == "ERROR" and found.note.startswith("Command failed")
    assert "line 49 [Filtered]" in found.note and "line 19" not in found.note and "s3cr3t" not in found.note


def test_only_variables_that_differ_are_set():
    cloud = Cloud()
    assert cloud.client().configure("shop", {"MODE": "fast", "REGION": "eu"}) == ["REGION"]
    (sent,) = cloud.sent("POST", "/env")
    assert sent[2]["upsert"] == "true"
    assert sent[3] == {"key": "REGION", "value": "eu", "type": "plain", "target": ["preview", "production"]}


def test_the_documents_examples_can_be_read():
    read = {
        p.name: json.loads(p.read_text())["interactions"][0]["response"]["body"]
        for p in (SHARED / "fixtures" / "vercel").iterdir()
    }
    row = deployed(read["deployments_list_doc_example.json"]["deployments"][0])
    assert (row.vendor_id, row.url, row.state) == (
        "dpl_2euZBFqxYdDMDG1jTrHFnNZ2eUVa",
        "https://docs-9jaeg38me.vercel.app",
        "READY",
    )
    assert [logged(event) for event in read["events_doc_example.json"]] == ["", ""]
    assert logged({"payload": {"text": "a\n"}}) == logged({"text": "a"}) == "a"


def test_of_two_workers_that_create_with_one_key_at_once_the_oldest_is_kept_and_the_others_are_cancelled():
    cloud = Cloud()
    cloud.made["dpl_9"] = cloud.row("dpl_9", "production", "BUILDING", **{KEY: "k-1"})
    listed, looks = cloud.page, []

    def late(request):  # the first look of the second worker comes before the first worker's creation is listed
        looks.append(request)
        hidden = cloud.made.pop("dpl_9") if len(looks) == 1 else None
        answer = listed(request)
        cloud.made = {"dpl_old": cloud.made["dpl_old"], **({"dpl_9": hidden} if hidden else {}), **cloud.made}
        return answer

    cloud.page = late
    assert cloud.client().promote("shop", "dpl_old", "k-1").vendor_id == "dpl_9"
    [made] = [d for d in cloud.made.values() if d["meta"].get(KEY) == "k-1" and d["id"] != "dpl_9"]
    assert [row[1] for row in cloud.sent("PATCH", "/cancel")] == [f"/v12/deployments/{made['id']}/cancel"]
    assert cloud.made["dpl_9"]["readyState"] == "BUILDING"


def test_all_that_was_made_with_a_key_is_found_oldest_first():
    cloud = Cloud()
    for name in ("dpl_a", "dpl_b", "dpl_c"):
        cloud.made[name] = cloud.row(name, "production", **{KEY: "other" if name == "dpl_b" else "k-1"})
    assert [made.vendor_id for made in cloud.client().with_key("shop", "k-1")] == ["dpl_a", "dpl_c"]


@pytest.mark.parametrize("state", ["BUILDING", "READY", "ERROR"])
def test_what_is_finished_is_left_alone_by_a_cancellation(state):
    cloud = Cloud()
    cloud.made["dpl_9"] = cloud.row("dpl_9", "production", state)
    cloud.client(team="team_9").cancel("dpl_9")
    [asked] = cloud.sent("PATCH", "/cancel")
    assert asked[1:3] == ("/v12/deployments/dpl_9/cancel", {"teamId": "team_9"})
    assert cloud.made["dpl_9"]["readyState"] == ("CANCELED" if state == "BUILDING" else state)


def test_a_cancellation_that_is_refused_while_it_still_builds_is_a_fault():
    cloud = Cloud()
    cloud.made["dpl_9"] = cloud.row("dpl_9", "production", "BUILDING")
    cloud.cancelled = lambda vendor_id: httpx.Response(403, json={"error": {"code": "forbidden", "message": "no"}})
    with pytest.raises(VendorError):
        cloud.client().cancel("dpl_9")


@pytest.mark.parametrize(
    ("row", "last", "milliseconds"),
    [
        ({"ready": 2000, "createdAt": 1000}, None, 2000),
        ({"createdAt": 1000}, None, 1000),
        ({"ready": 2000}, {"toDeploymentId": "dpl_1", "requestedAt": 9000}, 9000),  # rolled back to
        ({"ready": 2000}, {"toDeploymentId": "dpl_2", "requestedAt": 9000}, 2000),
        ({"ready": 9000}, {"toDeploymentId": "dpl_1", "requestedAt": 2000}, 9000),
        ({}, None, None),
    ],
)
def test_since_when_a_deployment_serves_production(row, last, milliseconds):
    found = module.since({"id": "dpl_1", **row}, {"lastAliasRequest": last})
    assert (found and found.timestamp() * 1000) == milliseconds


def test_what_serves_production_is_told_with_its_time():
    cloud = Cloud()
    assert cloud.client().production("shop").since is None
    cloud.made["dpl_new"]["ready"] = 2000
    assert cloud.client().production("shop").since.timestamp() == 2


def test_a_wrong_address_is_reported_by_the_check():
    http = Http("vercel", "https://vercel.test", transport=httpx.MockTransport(lambda _: httpx.Response(404, json={})))
    found = Vercel(http, projects=["shop"]).check()
    assert not found.ok and found.fix == WHERE and "project" not in found.message


@pytest.mark.parametrize("github", ["", "shop", "acme/", "/shop"])
def test_a_preview_without_a_repository_at_github_says_what_is_missing(github):
    cloud = Cloud()
    with pytest.raises(VendorError, match="needs github = ") as caught:
        cloud.client().preview("shop", github, "fix", "a" * 40, "k")
    assert caught.value.permanent
