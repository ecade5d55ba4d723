"""GitHub's security alerts: requests by its specification, its own examples read, and a simulator that it describes."""

from __future__ import annotations

import json
from typing import Any

import github
import httpx
import jsonschema
import pytest
import stamina

from core.demo.repo import git
from core.demo.vendors.github import NAME, TOKEN
from core.vendors.advisories import SecurityAlert, SecurityAlerts
from core.vendors.base import VendorError
from core.vendors.github import HEADERS
from core.vendors.github_alerts import GitHubAlerts, of_line, of_package
from core.vendors.http import Http
from tests.vendors.contract import OWN, conforms
from tests.vendors.simulators import simulators
from tests.vendors.test_contracts import GH, SHA, Recorder, public

SPECIFICATION = "github-alerts.json"
R = f"/repos/{NAME}"
PACKAGE = {  # GitHub's documented example, shortened
    "number": 2,
    "state": "open",
    "dependency": {"package": {"ecosystem": "pip", "name": "django"}, "manifest_path": "path/to/requirements.txt"},
    "security_advisory": {
        "ghsa_id": "GHSA-rf4j-j272-fj86", "cve_id": "CVE-2018-6188", "summary": "Django allows remote attackers …",
        "identifiers": [{"type": "GHSA", "value": "GHSA-rf4j-j272-fj86"}, {"type": "CVE", "value": "CVE-2018-6188"}],
    },
    "security_vulnerability": {
        "package": {"ecosystem": "pip", "name": "Django"}, "severity": "high",
        "vulnerable_version_range": ">= 2.0.0, < 2.0.2", "first_patched_version": {"identifier": "2.0.2"},
    },
    "html_url": "https://github.com/octocat/hello-world/security/dependabot/2",
}  # fmt: skip
LINE = {
    "number": 4,
    "state": "open",
    "html_url": "https://github.com/octocat/hello-world/code-scanning/4",
    "rule": {
        "id": "py/sql-injection", "severity": "error", "security_severity_level": "high",
        "tags": ["security", "external/cwe/cwe-089"], "description": "SQL query built from user-controlled sources",
    },
    "tool": {"name": "CodeQL"},
    "most_recent_instance": {
        "ref": "refs/heads/main", "state": "open", "commit_sha": SHA,
        "message": {"text": "This query depends on a user-provided value."},
        "location": {"path": "shop/search.py", "start_line": 7, "end_line": 7},
    },
}  # fmt: skip


def client(replies: dict) -> tuple[GitHubAlerts, Recorder]:
    seen = Recorder(replies)
    return GitHubAlerts(seen.http("github", GH, HEADERS | {"Authorization": "Bearer t"})), seen


def test_requests_are_those_of_the_specification_on_every_page():
    second = {"link": f'<{GH}{R}/dependabot/alerts?state=open&per_page=100&ecosystem=pip&after=Y3>; rel="next"'}
    made, seen = client({
        f"GET {R}/dependabot/alerts": [(200, [PACKAGE], second), [PACKAGE]],
        f"GET {R}/code-scanning/alerts": [[LINE]],
    })  # fmt: skip
    found = list(made.open(NAME))
    assert [one.source for one in found] == ["dependabot", "dependabot", "code scanning"]
    assert [conforms(request, SPECIFICATION, GH) for request in seen.sent]
    assert [dict(request.url.params) for request in seen.sent][0] == {
        "state": "open",
        "per_page": "100",
        "ecosystem": "pip",
    }
    assert public(GitHubAlerts) == public(SecurityAlerts) == {"open"}


def test_an_incomplete_list_is_a_fault():
    """An alert that is missing counts as closed. No page is asked for that nobody reads."""
    more = {"link": f'<{GH}{R}/dependabot/alerts?after=Y3>; rel="next"'}
    made, seen = client({f"GET {R}/dependabot/alerts": [(200, [PACKAGE], more)] * 25})
    with pytest.raises(VendorError, match="more than 2,000 open alerts"):
        list(made.open(NAME))
    assert len(seen.sent) == 21


def test_an_alert_about_a_package():
    assert of_package(PACKAGE) == SecurityAlert(
        "dependabot", "high", "Django allows remote attackers …",
        "https://github.com/octocat/hello-world/security/dependabot/2", package="django",
        range_=">= 2.0.0, < 2.0.2", ids=("GHSA-rf4j-j272-fj86", "CVE-2018-6188"), fixed=("2.0.2",),
    )  # fmt: skip
    other = PACKAGE["security_vulnerability"] | {"package": {"ecosystem": "npm", "name": "django"}}
    assert of_package(PACKAGE | {"security_vulnerability": other}) is None
    unpatched = PACKAGE["security_vulnerability"] | {"first_patched_version": None}
    assert of_package(PACKAGE | {"security_vulnerability": unpatched}).fixed == ()


def test_an_alert_about_a_line():
    assert of_line(LINE) == SecurityAlert(
        "code scanning", "high", "This query depends on a user-provided value.",
        "https://github.com/octocat/hello-world/code-scanning/4", path="shop/search.py", line=7,
        rule="py/sql-injection", cwe=89, sha=SHA,
    )  # fmt: skip
    assert of_line(LINE | {"rule": {"id": "py/unused-import", "severity": "note", "tags": ["maintainability"]}}) is None


@pytest.mark.parametrize(
    ("range_", "version", "covers"),
    [
        ("< 2.8.0", "2.7.1", True), ("< 2.8.0", "2.8.0", False), (">= 2.0.0, < 2.0.2", "2.0.1", True),
        (">= 2.0.0, < 2.0.2", "1.11.9", False), ("==1.2", "1.2.0", True), ("==1.2", "1.2.1", False),
        ("<= 3", "3", True), ("< 2", "2.0rc1", False), ("", "1", False), ("oops", "1", False), ("< 2", "oops", False),
    ],
)  # fmt: skip
def test_the_versions_of_a_range(range_, version, covers):
    assert SecurityAlert("dependabot", "low", "", range_=range_).covers(version) is covers


def test_github_writes_one_equals_sign():
    held = PACKAGE["security_vulnerability"] | {"vulnerable_version_range": "= 1.2"}
    assert of_package(PACKAGE | {"security_vulnerability": held}).covers("1.2")


@pytest.mark.parametrize(
    ("status", "message", "raises"),
    [
        (403, "no", False), (404, "no", False), (401, "no", True), (500, "no", True),
        (403, "API rate limit exceeded", True), (403, "You have exceeded a secondary rate limit", True),
    ],
)  # fmt: skip
def test_a_repository_without_the_feature_has_no_alerts_and_other_faults_are_told(status, message, raises):
    stamina.set_testing(True, attempts=1)
    made, _ = client({f"GET {R}/.*": [(status, {"message": message}, {})]})
    try:
        if raises:
            with pytest.raises(VendorError):
                list(made.open(NAME))
        else:
            assert list(made.open(NAME)) == []
    finally:
        stamina.set_testing(False)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"rule": None},
        PACKAGE | {"security_advisory": None},
        LINE | {"most_recent_instance": {"location": {"path": 3}}},
    ],
)
def test_what_cannot_be_read_is_a_fault_of_the_vendor(row):
    read = of_package if "security_advisory" in row else of_line
    with pytest.raises(VendorError, match="unknown format"):
        read(row)


def test_the_simulators_answers_are_githubs(tmp_path):
    """Against GitHub's response schema, and read by the client."""
    schemas = _as_json_schema(json.loads((OWN / SPECIFICATION).read_text()))
    with simulators(tmp_path) as made:
        team = made.repo.team
        (team / "requirements.txt").write_text("sentry-sdk==2.7.1\npyyaml==5.3.1\n")
        made.repo._commit("Old pins", "Ada Noor")
        git(team, "push", "--quiet", "origin", "main")
        made.hub.alerts.lines.append(LINE)
        address, key = f"{made.url}/github", {"authorization": f"Bearer {TOKEN}"}
        for path in ("dependabot", "code-scanning"):
            rows = httpx.get(f"{address}{R}/{path}/alerts", headers=key).json()
            operation = schemas["paths"]["/repos/{owner}/{repo}/" + path + "/alerts"]["get"]
            items = operation["responses"]["200"]["content"]["application/json"]["schema"]["items"]
            assert rows and items["$ref"]
            if path == "dependabot":
                for row in rows:
                    jsonschema.validate(row, items | {"components": schemas["components"]})
        found = list(GitHubAlerts(Http("github", address, HEADERS | key)).open(NAME))
        assert {(one.package, one.fixed) for one in found if one.package} >= {("sentry-sdk", ("2.8.0",))}
        assert [one.rule for one in found if one.path] == ["py/sql-injection"]
        theirs = github.Github(base_url=address, auth=github.Auth.Token(TOKEN), retry=None).get_repo(NAME)
        read = [
            (one.security_vulnerability.package.name, one.security_advisory.cve_id)
            for one in theirs.get_dependabot_alerts()
        ]
        assert ("sentry-sdk", "CVE-2024-40647") in read and len(read) == len([one for one in found if one.package])
        (scanned,) = theirs.get_codescan_alerts()
        assert (scanned.rule.id, scanned.most_recent_instance.location.start_line) == ("py/sql-injection", 7)
        one_by_one = httpx.get(f"{address}{R}/dependabot/alerts?per_page=1", headers=key)
        assert len(one_by_one.json()) == 1 and "after=1" in one_by_one.headers["link"]


def _as_json_schema(node: Any) -> Any:
    """OpenAPI's ``nullable`` as JSON schema says it."""
    if isinstance(node, list):
        return [_as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: _as_json_schema(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made
