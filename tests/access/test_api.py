"""/api: an API token's actions as JSON, and the status of each refusal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console.server import answer_times, api, forms, quotas
from console.server import app as server
from core import scheduler
from core.access import sessions
from core.db import store
from core.models import Status
from core.stages.deliver import holds
from tests import scenes, waiting


@pytest.fixture
def client(console, monkeypatch):
    monkeypatch.setattr(api, "strangers", forms.Limiter())
    monkeypatch.setattr(quotas, "limiters", {})
    with TestClient(Starlette(routes=server.app._user_routes, middleware=server.app._user_middleware)) as found:
        yield found


def bearer(person="bob", *scopes, **more):
    value = sessions.issue_token(person, "test", scopes or ["view", "operate", "approve"], 1, by="admin")
    return {"authorization": f"Bearer {value}", **more}


def test_a_program_reads_an_approval_and_approves_exactly_that_patch(client):
    number, issue, patch = waiting.question()
    headers = bearer(**{"idempotency-key": "run-17"})
    told = client.get(f"/api/issues/{issue}", headers=headers).json()
    assert (told["issue"]["id"], told["approval"]["patch_hash"]) == (issue, patch)
    wrong = client.post(f"/api/issues/{issue}/approve", json={"patch_hash": "0" * 64}, headers=headers)
    assert (wrong.status_code, "patch has changed" in wrong.json()["says"]) == (409, True)
    answers = [client.post(f"/api/issues/{issue}/approve", json={"patch_hash": patch}, headers=headers) for _ in "ab"]
    assert [a.status_code for a in answers] == [200, 409], "the approval is answered"
    assert waiting.state(number).by == "bob"


def test_the_same_idempotency_key_counts_once(client):
    with store.write() as session:
        issue = scenes.story(session, Status.ESCALATED)
    headers = bearer(**{"idempotency-key": "once"})
    told = [client.post(f"/api/issues/{issue.id}/retry", headers=headers).json() for _ in range(2)]
    assert [t["done"] for t in told] == [True, False]
    assert waiting.issue(issue.id).run == 2


ACTS = {
    "reject": {"reason": "no"},
    "pass_on": {"to": "approver", "reason": "yours"},
    "escalate": {"to": "ops", "reason": "freeze"},
}


@pytest.mark.parametrize("name", ACTS)
def test_the_other_actions(client, name):
    _, issue, _ = waiting.question()
    answer = client.post(f"/api/issues/{issue}/{name}", json=ACTS[name], headers=bearer())
    assert (answer.status_code, answer.json()["done"]) == (200, True)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer dip_guess"}, {"authorization": "Basic x"},
                                     {"cookie": "session=x"}])  # fmt: skip
def test_a_request_without_a_valid_token_gets_401_and_is_rate_limited(client, monkeypatch, headers):
    monkeypatch.setattr(api, "strangers", forms.Limiter(times=2))
    codes = [client.get("/api/status", headers=headers).status_code for _ in range(3)]
    assert codes == [401, 401, 429]


@pytest.mark.parametrize("method, path, scopes, code", [
    ("get", "/api/status", ["view"], 200),
    ("get", "/api/status", ["operate"], 403),
    ("get", "/api/issues/1", ["operate"], 403),
    ("get", "/api/issues/404", ["view"], 404),
    ("post", "/api/round", ["view"], 403),
    ("post", "/api/round", ["operate"], 409),
    ("post", "/api/issues/1/retry", ["view"], 403),
    ("post", "/api/issues/404/retry", ["operate"], 409),
    ("post", "/api/issues/1/delete", ["operate"], 404),
    ("post", "/api/issues/1/__class__", ["operate"], 404),
    ("post", "/api/issues/1/change_policy", ["administer"], 404),
    ("post", "/api/issues/1/roll_back", ["approve"], 422),
    ("post", "/api/issues/1/approve", ["approve"], 422),
    ("post", "/api/issues/1/start_now", ["operate"], 409),
    ("post", "/api/issues/1/start_now", ["view"], 403),
    ("post", "/api/issues/1/release_anyway", ["approve"], 422),
    ("post", "/api/issues/1/stop", ["operate"], 404),
    ("post", "/api/releases/stop", ["operate"], 422),
    ("post", "/api/releases/start", ["approve"], 409),
    ("post", "/api/releases/start", ["operate"], 403),
    ("post", "/api/releases/lift", ["approve"], 422),
    ("post", "/api/releases/retry", ["operate"], 404),
])  # fmt: skip
def test_scopes_and_refusals(client, method, path, scopes, code):
    with store.write() as session:
        scenes.story(session, Status.FIXING)
    answer = getattr(client, method)(path, headers=bearer("admin", *scopes))
    assert answer.status_code == code and (code == 200 or answer.json()["says"])


@pytest.mark.parametrize("body, code", [
    (b"{", 422), (b"[]", 422), (b'{"reason": "x", "key": "y"}', 422), (b'{"reason": 7}', 422),
    (b'{"actor": "admin", "reason": "x"}', 422), (b" " * 200_000, 413),
])  # fmt: skip
def test_invalid_bodies_are_refused(client, body, code):
    _, issue, _ = waiting.question()
    assert client.post(f"/api/issues/{issue}/reject", content=body, headers=bearer()).status_code == code


def test_a_round_starts_once_per_interval(client, monkeypatch):
    rounds = iter([{"sentry": {"records": 3, "error": None}}, None])
    monkeypatch.setattr(scheduler, "running", lambda: SimpleNamespace(round=lambda: next(rounds)))
    told = [client.post("/api/round", headers=bearer()).json() for _ in range(2)]
    assert told == [{"started": True, "sources": {"sentry": {"records": 3, "error": None}}},
                    {"started": False, "sources": {}}]  # fmt: skip


def test_programs_can_triage_signals(client):
    with store.write() as session:
        one, other = (scenes.story(session, Status.ESCALATED).id for _ in range(2))

    def post(path: str, **body) -> tuple[int, dict]:
        answer = client.post(f"/api/issues/{path}", json=body, headers=bearer())
        return answer.status_code, answer.json()

    assert post(f"{one}/end_silence")[0] == 409
    assert post(f"{one}/silence", minutes=60)[0] == 422, "a reason is needed"
    assert post(f"{one}/silence", minutes="60", reason="x")[0] == 422
    assert post(f"{one}/silence", minutes=60, reason="known")[1]["done"]
    assert post(f"{one}/end_silence")[1]["done"]
    assert post(f"{one}/split", fingerprints="f")[0] == 422
    assert post(f"{one}/split", fingerprints=[["f"]])[0] == 422
    assert post(f"{one}/split", fingerprints=["f"])[0] == 409
    assert post(f"{one}/merge", into=True)[0] == 422
    assert post(f"{one}/merge", into=other)[1]["done"]
    assert client.get(f"/api/issues/{one}", headers=bearer()).json()["issue"]["merged_into"] == other


def test_releases_are_stopped_and_started_and_a_brake_is_lifted(client):
    with store.write() as session:
        holds.put(session, "shop", "platform", "its last 2 releases failed")
    calls = (("stop", {"reason": "incident"}), ("start", {}), ("lift", {"repository": "shop", "reason": "known"}))
    for name, body in calls:
        headers = bearer("admin", "operate", "approve")
        answer = client.post(f"/api/releases/{name}", json=body, headers=headers)
        assert (answer.status_code, answer.json()["done"]) == (200, True)
    with store.read() as session:
        assert holds.standing(session) == []
    answer = client.post(
        "/api/releases/lift", json={"repository": 7, "reason": "x"}, headers=bearer("admin", "approve")
    )
    assert answer.status_code == 422


def test_wrong_tokens_of_a_neighbour_do_not_shut_out_a_valid_one(client):
    codes = [client.get("/api/status", headers={"authorization": "Bearer dip_x"}).status_code for _ in range(40)]
    assert codes == [401] * 30 + [429] * 10
    assert client.get("/api/status", headers=bearer()).status_code == 200


def test_a_token_and_its_person_have_limits_that_every_answer_states(client, console):
    policy = console.platform_file
    limits = "\n[access]\ntoken_requests_per_minute = 2\nperson_requests_per_minute = 3\n"
    policy.write_text(policy.read_text(encoding="utf-8") + limits, encoding="utf-8")
    one, other, neighbour = bearer("bob"), bearer("bob"), bearer("admin", "view")
    answers = [client.get("/api/status", headers=one) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"API token";q=2;w=60, "person";q=3;w=60'
    assert answers[1].headers["ratelimit"].startswith('"API token";r=0;t=60, "person";r=1;t=')
    assert 0 < int(answers[2].headers["retry-after"]) <= 60 and "retry-after" not in answers[1].headers
    assert answers[2].json() == {"says": "This API token may send 2 requests a minute."}
    answers = [client.get("/api/status", headers=other) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json() == {"says": "This person may send 3 requests a minute."}
    assert client.get("/api/status", headers=neighbour).status_code == 200


def counted(asked: str, code: int) -> float:
    start = f'platform_api_seconds_count{{asked="{asked}",code="{code}"}}'
    lines = answer_times.text().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(start)), 0.0)


def test_the_time_of_each_answer_is_measured_by_what_was_asked(client):
    number, issue, _ = waiting.question()
    headers, asked = bearer(), "issue"
    before = counted(asked, 200), counted(asked, 404)
    for address in (issue, issue, 2**20):
        client.get(f"/api/issues/{address}", headers=headers)
    assert (counted(asked, 200) - before[0], counted(asked, 404) - before[1]) == (2, 1)
