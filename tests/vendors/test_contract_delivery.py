"""Every request that Slack's, Vercel's and Kestra's clients can send, against the vendor's own specification."""

from __future__ import annotations

import contextlib
import copy
import json
import re
from functools import cache
from pathlib import Path

import httpx
import pytest
from jsonschema import Draft4Validator
from openapi_core.exceptions import OpenAPIError
from openapi_core.validation.request.exceptions import MissingRequiredRequestBody

from core.vendors import vercel as vercel_module
from core.vendors.base import Message, Question, VendorError
from core.vendors.coderabbit import CodeRabbit
from core.vendors.http import Http
from core.vendors.kestra import Execution, Kestra
from core.vendors.slack import Slack
from core.vendors.vercel import Vercel
from core.vendors.vercel_rolling import RollingReleases
from core.vendors.vercel_variables import VariableValue
from tests.shared import SHARED
from tests.vendors import contract
from tests.vendors.contract import conforms

SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"


class Recorder:
    """Keeps what was sent; answers by the first pattern of ``replies`` that fits."""

    def __init__(self, replies: dict):
        self.replies, self.sent = replies, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        key = f"{request.method} {request.url.path}"
        return httpx.Response(200, json=next(v for pattern, v in self.replies.items() if re.fullmatch(pattern, key)))

    def http(self, vendor: str, host: str) -> Http:
        headers = {"Authorization": "Bearer xoxb-0"}
        return Http(vendor, host, headers, transport=httpx.MockTransport(self))


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_") and callable(getattr(kind, name))}


# --- Slack: Swagger 2.0, read here as JSON schema of a form. Its "token" header is today's bearer token.


@cache
def slack_operation(method: str, verb: str = "post") -> tuple[dict, dict]:
    """(schema of the form, schema of the query) of a method."""
    operation = json.loads((SHARED / "contracts" / "slack.json").read_text())["paths"][f"/{method}"]
    operation = operation[verb]
    found = []
    for place in ("formData", "query"):
        named = [p for p in operation["parameters"] if p["in"] == place]
        found.append(
            {
                "type": "object",
                "properties": {p["name"]: {"type": p["type"]} for p in named},
                "required": [p["name"] for p in named if p.get("required")] or ["_"],
                "additionalProperties": False,
            }
        )
        if found[-1]["required"] == ["_"]:
            del found[-1]["required"]
    return tuple(found)


def typed(values: dict[str, str], schema: dict) -> dict:
    """A form has texts alone: booleans are read as the schema has them."""
    booleans = {"true": True, "false": False}
    kinds = {name: p["type"] for name, p in schema["properties"].items()}
    return {k: booleans.get(v, v) if kinds.get(k) == "boolean" else v for k, v in values.items()}


MESSAGE = Message("k", "Approval needed: <b> & co", "Release it?", "https://c/issues?issue=1", Question(7, 1, "a" * 64))
SLACK_CALLS = {
    "send": lambda c: c.send(MESSAGE),
    "update": lambda c: c.update("C1 1503435956.000247", MESSAGE),
    "whisper": lambda c: c.whisper("C1", "U1", "done"),
    "open_form": lambda c: c.open_form(
        "1.2.x", {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": []}
    ),
    "check": lambda c: c.check(),
}


@pytest.mark.parametrize("call", SLACK_CALLS)
def test_slack(call):
    seen = Recorder({".*": {"ok": True, "channel": "C1", "ts": "1503435956.000247"}})
    SLACK_CALLS[call](Slack(seen.http("slack", "https://slack.com/api"), "C1"))
    (request,) = seen.sent
    form, query = slack_operation(request.url.path.removeprefix("/api/"), request.method.lower())
    body = dict(httpx.QueryParams(request.content.decode()))
    Draft4Validator(form).validate(typed(body, form))
    Draft4Validator(query).validate(typed(dict(request.url.params), query))
    assert request.headers["authorization"].startswith("Bearer xoxb-")
    if body:
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_every_method_of_slack_is_proved():
    assert public(Slack) == set(SLACK_CALLS)


def test_buttons_stay_within_slacks_limits():
    from core.vendors.slack import rendered

    long = Message("k", "s" * 900, "&" * 9000, "https://c", Question(2**31, 2**31, "f" * 64))
    blocks = json.loads(rendered(long)["blocks"])
    assert len(blocks) <= 50 and len(rendered(long)["text"]) <= 3000
    texts = [b["text"]["text"] for b in blocks if b["type"] == "section"]
    assert all(len(t) <= 3000 and not re.search(r"&[a-z]{0,3}…", t) for t in texts)
    buttons = next(b for b in blocks if b["type"] == "actions")["elements"]
    assert [len(b["value"]) <= 2000 and len(b["text"]["text"]) <= 75 for b in buttons] == [True] * 3


@pytest.mark.parametrize("name", ["auth_test_ok", "chat_post_message_ok", "chat_post_message_error"])
def test_slacks_own_examples_are_read(name):
    told = json.loads((SHARED / "fixtures" / "slack" / f"{name}.json").read_text())["interactions"][0]["response"][
        "body"
    ]
    slack = Slack(Recorder({".*": told}).http("slack", "https://slack.com/api"), "C1")
    if told["ok"]:
        assert slack.send(MESSAGE).split(" ")[0] == told.get("channel", "C1") and slack.check().ok
    else:
        with pytest.raises(VendorError, match="too_many_attachments") as caught:
            slack.send(MESSAGE)
        assert caught.value.permanent


# --- Vercel

PROJECT = {
    "targets": {"production": {"id": "dpl_1", "alias": ["a"]}},
    "lastAliasRequest": {"toDeploymentId": "dpl_1", "jobStatus": "succeeded", "requestedAt": 1},
}
OTHER = {**PROJECT, "targets": {"production": {"id": "dpl_2"}}, "autoAssignCustomDomains": False}
VERCEL = {
    "GET /v6/deployments": {"deployments": [], "pagination": {"next": None}},
    "GET /v13/deployments/dpl_ready": {"id": "dpl_ready", "readyState": "READY", "target": "production"},
    ".* /v13/deployments.*": {"id": "dpl_1", "url": "x.vercel.app", "readyState": "ERROR"},
    "GET /v3/.*": [{"type": "stderr", "payload": {"text": "x"}}],
    "GET /v9/projects/shop": PROJECT,
    "GET /v9/projects/other": OTHER,
    "GET /v2/deployments/.*/aliases": {"aliases": [{"alias": "a"}]},
    "GET /v1/projects/.*/promote/aliases": {"aliases": []},
    "GET /v1/projects/.*/rolling-release/config": {"rollingRelease": None},
    "GET /v1/projects/.*/rolling-release": {
        "rollingRelease": {
            "state": "ACTIVE",
            "canaryDeployment": {"id": "dpl_1"},
            "activeStage": {"index": 0, "targetPercentage": 10},
            "nextStage": {"index": 1, "targetPercentage": 50},
        }
    },
    ".* /v10/projects/shop/env": {"envs": []},
    ".* /v10/projects/kept/env": {"envs": [{"id": "e1", "key": "A", "type": "encrypted", "target": ["preview"]}]},
    "GET /v1/projects/kept/env/e1": {"value": "old"},
    "PATCH /v9/projects/kept/env/e1": {},
    "POST /v.*": {},
    "PATCH /v12/deployments/.*/cancel": {"id": "dpl_1"},
    "GET /v2/user": {"user": {}},
}
ROLLING = json.loads(Path(__file__).with_name("vercel_rolling.json").read_text())
ROLLING_CALLS = {
    "stages": lambda c: c.stages("shop"),
    "share": lambda c: c.share("shop", "dpl_1"),
    "active": lambda c: c.active("shop", "dpl_1"),
    "shift": lambda c: (c.shift("shop", "dpl_9", 10), c.shift("shop", "dpl_1", 50), c.shift("shop", "dpl_1", 100)),
}
VERCEL_CALLS = {
    "preview": lambda c: c.preview("shop", "acme/shop", "fix/issue-1", SHA, "k"),
    "promote": lambda c: c.promote("shop", "dpl_1", "k"),
    "status": lambda c: c.status("dpl_1"),
    "production": lambda c: c.production("shop"),
    "serve": lambda c: pytest.raises(VendorError, c.serve, "other", "dpl_1"),
    "rollback": lambda c: pytest.raises(VendorError, c.rollback, "other", "dpl_1"),
    "configure": lambda c: c.configure("shop", {"MODE": "fast"}),
    "cancel": lambda c: c.cancel("dpl_1"),
    "abort": lambda c: pytest.raises(VendorError, c.abort, "other", "dpl_1", "dpl_2"),
    "rehearse": lambda c: pytest.raises(VendorError, c.rehearse, "shop", "dpl_2", "dpl_ready"),
    "with_key": lambda c: c.with_key("shop", "k"),
    "check": lambda c: c.check(),
}


@pytest.fixture
def with_rollback_info(monkeypatch):
    """``rollbackInfo`` is what Vercel's own command line sends to get the alias job; its document forgets it."""
    read = contract.specification

    @cache
    def specification(name, host):
        api, spec = read(name, host)
        spec = copy.deepcopy(spec)
        if name == "vercel.json":
            project = spec["paths"]["/v9/projects/{idOrName}"]["get"]
            project["parameters"].append({"name": "rollbackInfo", "in": "query", "schema": {"type": "string"}})
            spec["paths"] |= {name: part for name, part in ROLLING.items() if name.startswith("/")}
        return type(api).from_dict(spec, config=contract.Config(spec_validator_cls=None)), spec

    monkeypatch.setattr(contract, "specification", specification)


@pytest.mark.parametrize("call", VERCEL_CALLS)
def test_vercel(call, monkeypatch, with_rollback_info):
    monkeypatch.setattr(vercel_module, "ALIAS_SECONDS", 0.0)
    monkeypatch.setattr(vercel_module, "POLL", 0.0)
    seen = Recorder(VERCEL)
    client = Vercel(seen.http("vercel", "https://api.vercel.com"), "team_1", ["shop"])
    VERCEL_CALLS[call](client)
    assert seen.sent
    for request in seen.sent:
        conforms(request, "vercel.json", "https://api.vercel.com")


def test_variables_of_vercel(with_rollback_info):
    seen = Recorder(VERCEL)
    variables = Vercel(seen.http("vercel", "https://api.vercel.com"), "team_1").variables
    variables.set("kept", "preview", {"A": VariableValue("x", secret=True), "B": VariableValue("y")})
    variables.compared("kept", {"preview": {"A": VariableValue("x", secret=True)}})
    assert [request.method for request in seen.sent] == ["GET", "GET", "PATCH", "POST", "GET", "GET"]
    for request in seen.sent:
        conforms(request, "vercel.json", "https://api.vercel.com")


def test_every_method_of_vercel_is_proved():
    assert public(Vercel) == set(VERCEL_CALLS)
    assert public(RollingReleases) == set(ROLLING_CALLS)


@pytest.mark.parametrize("call", ROLLING_CALLS)
def test_vercels_rolling_releases(call, with_rollback_info):
    seen = Recorder(VERCEL)
    ROLLING_CALLS[call](Vercel(seen.http("vercel", "https://api.vercel.com"), "team_1").rolling)
    sent = {conforms(request, "vercel.json", "https://api.vercel.com") for request in seen.sent}
    path = "/v1/projects/{idOrName}/rolling-release"
    if call == "shift":
        assert sent == {f"GET {path}", *(f"POST {path}/{what}" for what in ("start", "approve-stage", "complete"))}


# --- Kestra, both versions

KESTRA = {
    "GET /api/v1/main/executions": {"results": [], "total": 0},
    ".* /api/v1/main/executions/.*": {"id": "e1", "state": {"current": "SUCCESS"}},
    "GET /api/v1/main/flows/platform": [],
    "POST /api/v1/main/flows/validate": [{"index": 0}],
    "GET /api/v1/main/outputs/.*": {},
    ".* /api/v1/main/flows.*": {},
}
KESTRA_CALLS = {
    "version": lambda c: c.version(),
    "trigger": lambda c: c.trigger("issue", {"issue": "7"}, "issue-7-run-1"),
    "execution": lambda c: c.execution("e1"),
    "follow": lambda c: c.follow("e1", 1),
    "outputs": lambda c: c.outputs(Execution("e1", "SUCCESS", ({"taskId": "agent", "id": "r1"},)), "agent"),
    "deploy": lambda c: c.deploy("issue", "id: issue\nnamespace: platform\n"),
    "check": lambda c: c.check(),
}


@pytest.mark.parametrize(("document", "version"), [("kestra.json", "1.3.26"), ("kestra-2.json", "2.0.0")])
@pytest.mark.parametrize("call", KESTRA_CALLS)
def test_kestra(call, document, version):
    """A body in parts or in YAML is opaque to the validator: its type and its parts are checked here."""
    seen = Recorder({"GET /api/v1/configs": {"version": version}, **KESTRA})
    KESTRA_CALLS[call](Kestra(seen.http("kestra", "https://kestra.example")))
    for request in seen.sent:
        kind = request.headers.get("content-type", "").split(";")[0]
        if kind == "multipart/form-data":
            assert re.findall(rb'name="(\w+)"', request.content) in ([b"issue"], [b"approved"])
        elif kind == "application/x-yaml":
            assert request.content.decode().startswith("id: issue")
        if kind:
            bare = httpx.Request(request.method, request.url, headers={"Authorization": "Bearer x"})
            with contextlib.suppress(MissingRequiredRequestBody):
                conforms(bare, document, "https://kestra.example")
            assert kind in types_of(document, request)
        else:
            conforms(request, document, "https://kestra.example")


def types_of(document: str, request: httpx.Request) -> set[str]:
    """Media types that the operation's body may have."""
    _, spec = contract.specification(document, "https://kestra.example")
    fits = [t for t in spec["paths"] if re.fullmatch(contract._pattern(t), request.url.path)]
    template = min((t for t in fits if request.method.lower() in spec["paths"][t]), key=lambda t: t.count("{"))
    return set(spec["paths"][template][request.method.lower()]["requestBody"]["content"])


def test_every_method_of_kestra_is_proved():
    assert public(Kestra) == set(KESTRA_CALLS)


# --- CodeRabbit's reading, by GitHub's own specification

GITHUB = {
    "GET .*/status": {"statuses": [{"context": "CodeRabbit", "state": "success", "description": "Review completed"}]},
    "GET .*": [],
    "POST .*": {"id": 1},
}
LIMITED = {**GITHUB, "GET .*/status": {"statuses": [{"context": "CodeRabbit", "description": "Review rate limited"}]}}
RABBIT_CALLS = {
    "look": lambda c: c.look("acme/shop", 7, SHA),
    "ask": lambda c: c.ask("acme/shop", 7, "k"),
}


@pytest.mark.parametrize("replies", [GITHUB, LIMITED])
@pytest.mark.parametrize("call", RABBIT_CALLS)
def test_coderabbit(call, replies):
    seen = Recorder(replies)
    RABBIT_CALLS[call](CodeRabbit(seen.http("github", "https://api.github.com")))
    assert seen.sent
    for request in seen.sent:
        conforms(request, "github.json", "https://api.github.com")


def test_every_method_of_coderabbit_is_proved():
    assert public(CodeRabbit) == set(RABBIT_CALLS)


def test_the_contracts_can_refuse():
    """A check of the checks: what is wrong is found."""
    with pytest.raises(Exception, match="unknown parameters"):
        conforms(httpx.Request("GET", "https://api.vercel.com/v2/user?x=1"), "vercel.json", "https://api.vercel.com")
    bad = httpx.Request("POST", "https://api.vercel.com/v13/deployments", json={"nam": "shop"})
    with pytest.raises(OpenAPIError):
        conforms(bad, "vercel.json", "https://api.vercel.com")
    form, _ = slack_operation("chat.postMessage")
    assert not Draft4Validator(form).is_valid({"text": "no channel"})
    assert not Draft4Validator(form).is_valid({"channel": "C1", "colour": "red"})
