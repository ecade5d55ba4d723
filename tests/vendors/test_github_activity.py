"""A repository's activity by the API: what is asked, what is stored, and that a webhook tells nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from core.inputs import hooks_github
from core.inputs.hooks import HookContext
from core.models.enums import PENDING
from core.models.inputs import Payload
from core.policy.reader import Policy
from core.vendors.base import BudgetSpent
from core.vendors.github import GitHub
from core.vendors.http import Http

UNTIL = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SHA, NAME, R = "c" * 40, "acme/shop", "/repos/acme/shop"
OPEN = {
    "number": 7,
    "state": "open",
    "updated_at": "2026-11-24T11:55:00Z",
    "title": "WIP",
    "head": {"sha": SHA, "ref": "x"},
}
MERGED = {
    "number": 8, "state": "closed", "title": "Faster", "updated_at": "2026-11-24T11:56:00Z", "merge_commit_sha": SHA,
    "merged_at": "2026-11-24T11:50:00Z", "closed_at": "2026-11-24T11:50:00Z", "html_url": "https://github.com/x/8",
    "head": {"sha": "d" * 40, "ref": "faster"}, "base": {"ref": "main"},
}  # fmt: skip
RUN = {
    "id": 3, "run_attempt": 1, "name": "ci", "path": ".github/workflows/ci.yml", "head_branch": "main",
    "head_sha": SHA, "conclusion": "failure", "updated_at": "2026-11-24T11:40:00Z", "html_url": "https://x/3",
}  # fmt: skip
DEPLOYMENT = {"id": 5, "sha": SHA, "ref": "main", "environment": "Production", "created_at": "2026-11-24T11:30:00Z"}
ENDED = {"state": "success", "created_at": "2026-11-24T11:31:00Z"}
RELEASE = {"id": 9, "tag_name": "v1.2", "name": "June", "published_at": "2026-11-24T11:20:00Z", "draft": False}
HOOKS = {
    "pull_request": {"action": "closed", "pull_request": {**MERGED, "merged": True, "merged_by": {"login": "ada"}}},
    "workflow_run": {"action": "completed", "workflow_run": RUN},
    "deployment_status": {"deployment": DEPLOYMENT, "deployment_status": ENDED},
    "release": {"action": "published", "release": RELEASE},
}


class Hub:
    """GitHub's API for one repository; ``refuses`` maps a path's end to a status."""

    def __init__(self, refuses: dict[str, int] | None = None):
        self.refuses, self.asked = refuses or {}, []
        self.pulls = [MERGED, OPEN]
        reviews = [
            {"state": "CHANGES_REQUESTED", "user": {"login": "eve"}},
            {"state": "APPROVED", "user": {"login": "eve"}},
        ]
        self.answers = {
            f"{R}/pulls/8": MERGED | {"merged_by": {"login": "ada"}},
            f"{R}/pulls/8/reviews": [],
            f"{R}/pulls/7/reviews": reviews,
            f"{R}/pulls/7/files": [{"filename": "shop/cart.py"}],
            f"{R}/actions/runs": {"workflow_runs": [RUN]},
            f"{R}/deployments": [DEPLOYMENT],
            f"{R}/deployments/5/statuses": [ENDED, {"state": "in_progress", "created_at": "2026-11-24T11:30:30Z"}],
            f"{R}/releases": [RELEASE, {**RELEASE, "id": 10, "draft": True, "published_at": None}],
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append((path, dict(request.url.params)))
        status = next((s for end, s in self.refuses.items() if path.endswith(end)), 200)
        found = self.pulls if path == f"{R}/pulls" else self.answers.get(path, [])
        return httpx.Response(status, json=found if status == 200 else {"message": "Resource not accessible"})

    def read(self, cursor: str | None = None, calls: int | None = None):
        """(records by their identity, cursor, notes) of a cycle."""
        http = Http("github", "https://api.github.com", transport=httpx.MockTransport(self), calls=calls)
        records, notes = {}, []
        for batch in GitHub(http, [NAME], {NAME: "main"}).collect(cursor, UNTIL):
            records |= {r.vendor_id: r for r in batch.records}
            cursor, notes = batch.cursor or cursor, notes + ([batch.note] if batch.note else [])
        return records, cursor, notes


def test_the_api_tells_what_the_webhooks_tell():
    records, _, notes = Hub().read()
    context = HookContext(Policy(), lambda text: text)
    repository = {"full_name": NAME, "default_branch": "main"}
    told = [
        record
        for event, body in HOOKS.items()
        for record in hooks_github.read(
            Payload(input="github", kind=event, body={"repository": repository, **body}), context
        )
    ]
    assert len(told) == 4 and not notes
    for hook in told:
        api = records[hook.vendor_id]
        facts = {k: v for k, v in api.attributes.items() if k not in ("approvals", "objections")}
        assert (api.at, api.title, api.release, facts) == (hook.at, hook.title, hook.release, hook.attributes)


def test_an_open_pull_request_has_its_files_and_the_latest_review_of_each_person():
    records, _, _ = Hub().read()
    found = records[f"{NAME}!7:open@2026-11-24T11:55:00Z"]
    assert (found.level, found.release) == (PENDING, None)
    assert found.attributes["files"] == ["shop/cart.py"]
    assert (found.attributes["approvals"], found.attributes["objections"]) == (1, 0)


def test_a_replaced_deployment_is_told_by_when_it_went_live():
    """GitHub makes it inactive at the time of the next one, which alone is the change of that time."""
    hub = Hub()
    hub.answers[f"{R}/deployments/5/statuses"].insert(0, {"state": "inactive", "created_at": "2026-11-24T11:50:00Z"})
    records, _, _ = hub.read()
    (told,) = [r for name, r in records.items() if "/deployments/" in name]
    assert (told.vendor_id, told.at.minute) == (f"{NAME}/deployments/5:success", 31)
    status = {"state": "inactive", "created_at": "2026-11-24T11:50:00Z"}
    body = {"repository": {"full_name": NAME}, "deployment": DEPLOYMENT, "deployment_status": status}
    payload = Payload(input="github", kind="deployment_status", body=body)
    assert hooks_github.read(payload, HookContext(Policy(), lambda text: text)) == []


def test_runs_are_asked_for_by_branch_and_time():
    hub = Hub()
    hub.read()
    (asked,) = [query for path, query in hub.asked if path.endswith("/runs")]
    assert asked == {
        "branch": "main", "status": "completed", "created": ">=2026-11-23T06:00:00Z",
        "exclude_pull_requests": "true", "per_page": "100",
    }  # fmt: skip


def test_nothing_is_asked_again_of_what_did_not_change():
    hub = Hub()
    _, cursor, _ = hub.read()
    hub.asked.clear()
    hub.read(cursor)
    assert not [path for path, _ in hub.asked if "/pulls/" in path or "/statuses" in path]


def test_the_platforms_own_pull_requests_are_left_out():
    hub = Hub()
    hub.pulls = [OPEN | {"head": {"sha": SHA, "ref": "fix/issue-12"}}]
    records, _, _ = hub.read()
    assert not [name for name in records if "!7" in name]


def test_a_token_without_the_permission_reads_all_else():
    records, _, notes = Hub({"/actions/runs": 403, "/deployments": 404}).read()
    assert f"{NAME}/releases/9" in records and f"{NAME}!8:merged" in records
    assert "needs the permission actions (read) of GITHUB_TOKEN" in notes[0] and len(notes) == 2


@pytest.mark.parametrize("calls", range(4, 13))
def test_a_small_budget_reads_everything_in_the_end(calls):
    """Each cycle continues where the last one stopped; nothing is lost or twice."""
    whole, _, _ = Hub().read()
    hub, cursor, found = Hub(), None, {}
    for _ in range(40):
        http = Http("github", "https://api.github.com", transport=httpx.MockTransport(hub), calls=calls)
        try:
            for batch in GitHub(http, [NAME], {NAME: "main"}).collect(cursor, UNTIL):
                found |= {r.vendor_id: r for r in batch.records}
                cursor = batch.cursor or cursor
        except BudgetSpent:
            continue
    assert set(found) == set(whole)


def test_old_activity_is_left_out():
    hub = Hub()
    old = (UNTIL - timedelta(days=9)).isoformat()
    hub.pulls = [MERGED | {"updated_at": old}]
    hub.answers[f"{R}/deployments"] = [DEPLOYMENT | {"created_at": old}]
    hub.answers[f"{R}/releases"] = [RELEASE | {"published_at": old}]
    records, _, _ = hub.read()
    assert set(records) == {f"{NAME}/runs/3:1"}
