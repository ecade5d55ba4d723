"""Variables of a Vercel project by environment: what is sent, and that no value is told."""

from __future__ import annotations

import json

import httpx
import pytest
from pydantic import ValidationError

from core.policy.services import Repository
from core.vendors.base import VendorError
from core.vendors.delivery.types import Configured, ReleaseOrder
from core.vendors.delivery.vercel import VercelDelivery
from core.vendors.http import Http
from core.vendors.vercel import Vercel

SECRETS = {"PREVIEW_STRIPE": "sk-preview-value", "LIVE_STRIPE": "sk-live-value"}


class Project:
    """The environment variables of one project, with Vercel's answers."""

    def __init__(self, *rows: dict):
        self.rows = [{"id": f"env_{n}", "type": "plain", **row} for n, row in enumerate(rows)]
        self.sent: list[tuple[str, str, dict]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, one = request.url.path, request.url.path.rsplit("/", 1)[-1]
        body = json.loads(request.content) if request.content else {}
        if request.method != "GET":
            self.sent.append((request.method, path, body))
        if request.method == "POST" and path.endswith("/env"):
            self.rows.append({"id": f"env_{len(self.rows)}", **body})
        found = next((row for row in self.rows if row["id"] == one), None)
        if found is not None:
            found.update(body)
            return httpx.Response(200, json=found)
        shown = [{**row, "value": "eyJ-cipher" if row["type"] != "plain" else row["value"]} for row in self.rows]
        return httpx.Response(200, json={"envs": shown} if path.endswith("/env") else {"id": "dpl_1", "url": "x"})


def delivery(project: Project, held=SECRETS, **rules) -> VercelDelivery:
    client = Vercel(Http("vercel", "https://api.vercel.com", transport=httpx.MockTransport(project)))
    given = Repository.model_validate({"remote": "/x", "vercel_project": "shop", "variables": rules})
    return VercelDelivery(client, given, held)


STRIPE = {"preview_secrets": {"STRIPE": "PREVIEW_STRIPE"}, "production_secrets": {"STRIPE": "LIVE_STRIPE"}}


def test_each_environment_gets_its_own_values_once():
    project = Project({"key": "MODE", "value": "slow", "target": ["preview"]})
    way = delivery(project, preview={"MODE": "fast"}, production={"MODE": "safe"}, **STRIPE)
    for _ in range(2):
        way._set("preview")
        way._set("production")
    assert project.sent == [
        ("PATCH", "/v9/projects/shop/env/env_0", {"value": "fast", "type": "plain", "target": ["preview"]}),
        ("POST", "/v10/projects/shop/env",
         {"key": "STRIPE", "value": "sk-preview-value", "type": "encrypted", "target": ["preview"]}),
        ("POST", "/v10/projects/shop/env",
         {"key": "MODE", "value": "safe", "type": "plain", "target": ["production"]}),
        ("POST", "/v10/projects/shop/env",
         {"key": "STRIPE", "value": "sk-live-value", "type": "encrypted", "target": ["production"]}),
    ]  # fmt: skip


def test_they_are_compared_by_name_and_never_by_a_value_that_is_told():
    project = Project(
        {"key": "STRIPE", "value": "sk-preview-value", "type": "encrypted", "target": ["preview"]},
        {"key": "STRIPE", "value": "sk-old-value", "type": "encrypted", "target": ["production"]},
        {"key": "MODE", "value": "fast", "target": ["preview", "production"]},
        {"key": "CARD", "value": "", "type": "sensitive", "target": ["production"]},
        {"key": "EXTRA", "value": "x", "target": ["preview"]},
        {"key": "MODE", "value": "branch", "target": ["preview"], "gitBranch": "next"},
    )
    way = delivery(project, preview={"MODE": "fast", "NEW": "1"}, production={"MODE": "safe", "CARD": "1"}, **STRIPE)
    found = way.compared()
    assert found == {
        "CARD": {"preview": "-", "production": "unread"},
        "EXTRA": {"preview": "unread", "production": "-"},
        "MODE": {"preview": "same", "production": "different"},
        "NEW": {"preview": "missing", "production": "-"},
        "STRIPE": {"preview": "same", "production": "different"},
    }
    assert not project.sent and "value" not in json.dumps(found)
    assert isinstance(way, Configured)


@pytest.mark.parametrize(
    ("shared", "names"),
    [
        ({"target": ["preview", "production"]}, "preview, production"),
        ({"target": ["preview"], "customEnvironmentIds": ["env_qa"]}, "env_qa, preview"),  # an environment of the team
    ],
)
def test_a_shared_variable_is_not_changed_for_one_environment(shared, names):
    project = Project({"key": "MODE", "value": "x", **shared})
    with pytest.raises(VendorError, match=f"MODE is shared by {names}; split it") as caught:
        delivery(project, preview={"MODE": "fast"})._set("preview")
    assert caught.value.permanent and not project.sent


def test_a_secret_that_is_not_set_stops_the_preview():
    project = Project()
    with pytest.raises(VendorError, match="LIVE_STRIPE is not set"):
        delivery(project, held={}, production_secrets={"STRIPE": "LIVE_STRIPE"}).promote(ReleaseOrder("k", "s"))
    assert not project.sent


def test_a_value_is_not_in_the_representation():
    way = delivery(Project(), **STRIPE)
    assert "sk-live-value" not in repr(way.wanted("production"))


@pytest.mark.parametrize(
    "rules", [{"preview": {"A": "1"}, "preview_secrets": {"A": "B"}}, {"preview": {"A B": "1"}}, {"staging": {}}]
)
def test_rules_that_are_refused(rules):
    with pytest.raises(ValidationError):
        delivery(Project(), **rules)
