"""Incoming webhooks, /metrics and /healthz, over their real routes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console import process
from console.server import app as server
from core import scheduler
from core.db import store
from core.models import Approval, Deployment, Notification, Round, Stage, StageRun, Status, Webhook, Worker, now
from core.models.inputs import InputState, Payload
from core.ops import liveness, webhooks
from core.settings import ROOT, Settings
from tests import factories, scenes

SECRET = "a-shared-secret-of-some-length"
SECRETS = {
    "sentry_webhook_secret": SECRET,
    "github_webhook_secret": SECRET,
    "datadog_webhook_token": SECRET,
    "vercel_webhook_secret": SECRET,
}
VENDORS = ("sentry", "github", "datadog", "vercel")


def signed(vendor: str, body: bytes, secret: str = SECRET, name: str = "d-1") -> dict[str, str]:
    """The vendor's headers, written from its documentation and not from core/ops/webhooks.py."""

    def mac(algorithm):
        return hmac.new(secret.encode(), body, algorithm).hexdigest()

    return {
        "sentry": {
            "Sentry-Hook-Signature": mac(hashlib.sha256),
            "Sentry-Hook-Resource": "issue",
            "Sentry-Hook-Timestamp": str(int(time.time())),
            "Request-ID": name,
        },
        "github": {
            "X-Hub-Signature-256": "sha256=" + mac(hashlib.sha256),
            "X-GitHub-Event": "issues",
            "X-GitHub-Delivery": name,
        },
        "datadog": {"X-Webhook-Token": secret},
        "vercel": {"x-vercel-signature": mac(hashlib.sha1)},
    }[vendor]


@pytest.fixture
def client(console):
    process.configure(Settings(**{**console.model_dump(), **SECRETS}))
    app = Starlette(routes=server.app._user_routes, middleware=server.app._user_middleware)
    with TestClient(app, client=("127.0.0.1", 50000)) as found:
        yield found


def taken() -> list[Webhook]:
    with store.read() as session:
        return session.exec(select(Webhook)).all()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_signed_delivery_is_accepted_and_starts_one_round(client, vendor):
    for number in range(3):
        body = json.dumps({"id": f"event-{number}"}).encode()
        answer = client.post(f"/hooks/{vendor}", content=body, headers=signed(vendor, body, name=f"d-{number}"))
        assert answer.status_code == 202
    assert [(row.vendor, row.served) for row in taken()] == [(vendor, False)] * 3
    assert webhooks.claim() == "hook-3"
    assert webhooks.claim() is None, "three deliveries are one round"


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda headers, body: ({}, body), 401),
        (lambda headers, body: ({k: v[:-1] + ("0" if v[-1] != "0" else "1") for k, v in headers.items()}, body), 401),
        (lambda headers, body: ({k: "é" * 10 for k in headers}, body), 401),
        (lambda headers, body: (headers, body + b" " * (webhooks.LARGEST + 1 - len(body))), 413),
    ],
)
def test_a_delivery_without_the_vendors_signature_is_refused(client, vendor, spoil, status):
    body = b'{"id": "event-1"}'
    headers, body = spoil(signed(vendor, body), body)
    headers = {name: value.encode("utf-8") for name, value in headers.items()}
    answer = client.post(f"/hooks/{vendor}", content=body, headers=headers)
    assert answer.status_code == status
    assert not taken() and SECRET not in answer.text


@pytest.mark.parametrize("vendor", [v for v in VENDORS if v != "datadog"])
def test_a_tampered_body_is_refused(client, vendor):
    assert (
        client.post(f"/hooks/{vendor}", content=b'{"id": 2}', headers=signed(vendor, b'{"id": 1}')).status_code == 401
    )


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_replay_is_refused_with_its_old_id_and_with_a_new_one(client, vendor):
    body = b'{"id": "event-1"}'
    codes = [
        client.post(f"/hooks/{vendor}", content=body, headers=signed(vendor, body, name=name)).status_code
        for name in ("d-1", "d-1", "d-2")
    ]
    assert codes == [202, 409, 409]
    assert len(taken()) == 1


def test_an_old_delivery_of_sentry_is_refused(client):
    body = b"{}"
    late = signed("sentry", body) | {"Sentry-Hook-Timestamp": str(int(time.time()) - 301)}
    assert client.post("/hooks/sentry", content=body, headers=late).status_code == 401


def test_an_endless_body_is_refused_at_one_megabyte(client):
    def endless():
        for _ in range(10):
            yield b"x" * 300_000

    assert (
        client.post("/hooks/github", content=endless(), headers={"X-Hub-Signature-256": "sha256=0"}).status_code == 413
    )


@pytest.mark.parametrize("vendor", VENDORS)
def test_without_a_secret_webhooks_are_disabled(client, console, vendor):
    process.configure(Settings(**{**console.model_dump(), **dict.fromkeys(SECRETS, "")}))
    body = b"{}"
    answer = client.post(f"/hooks/{vendor}", content=body, headers=signed(vendor, body, secret=""))
    assert answer.status_code == 404 and not taken()


def test_an_unknown_vendor_and_a_failing_store(client):
    assert client.post("/hooks/nobody", content=b"{}").status_code == 404
    body = b"{}"
    store.engine().dispose()
    with store.engine().begin() as connection:
        connection.exec_driver_sql("DROP TABLE webhook")
    assert client.post("/hooks/github", content=body, headers=signed("github", body)).status_code == 503


def test_the_engine_processes_deliveries_in_one_round(client, monkeypatch):
    import threading

    slots = []
    monkeypatch.setattr(scheduler, "run_round", lambda rt, collector, worker, slot="": slots.append(slot) or {})
    engine = scheduler.Engine.__new__(scheduler.Engine)
    engine.one_round, engine.runtime, engine.collector = threading.Lock(), None, None
    monkeypatch.setattr(scheduler, "watch_slot", lambda rt: None)
    engine.executor = SimpleNamespace(id="w-1")
    assert engine.run_webhook_round() is None
    for number in range(4):
        body = b'{"n": %d}' % number
        client.post("/hooks/github", content=body, headers=signed("github", body, name=str(number)))
    assert engine.run_webhook_round() == {} and engine.run_webhook_round() is None
    assert slots == ["hook-4"]


# --- /metrics


def values(client, name: str) -> dict[tuple, float]:
    """A metric by the values of its labels, which the format sorts by name."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name:
                found[tuple(sample.labels.values())] = sample.value
    return found


def test_metrics_count_the_stored_rows(client):
    with store.write() as session:
        scenes.shop(session)
        issue = factories.issue(session, status=Status.NEW)
        factories.connector(session, "elsewhere", failures=3, error="refused the credential (401)", lag_seconds=42.0)
        start = now() - timedelta(seconds=90)
        session.add(Round(slot="x", worker="w", started_at=start, ended_at=now(), result="partial"))
        for number, stage in enumerate((Stage.FIX, Stage.FIX)):
            session.add(
                StageRun(
                    issue_id=issue.id,
                    run=90,
                    stage=stage,
                    attempt=number + 50,
                    started_at=start,
                    ended_at=start + timedelta(seconds=2.5),
                    result="refused",
                )
            )
        session.add(Notification(key="k", channel="slack", event="resolved", subject="s", state="failed"))
    with store.read() as session:
        held = {
            status: len(session.exec(select(store.models.Issue).where(store.models.Issue.status == status)).all())
            for status in Status
        }
        pending = len(session.exec(select(Approval).where(Approval.state == "pending")).all())
    assert values(client, "platform_issues") == {(status.value,): float(n) for status, n in held.items()}
    assert values(client, "platform_approvals")[("pending",)] == pending
    assert values(client, "platform_rounds_total")[("partial",)] >= 1
    assert values(client, "platform_stage_seconds_count")[("refused", "fix")] == 2
    assert values(client, "platform_stage_seconds_sum")[("refused", "fix")] == pytest.approx(5.0, abs=0.01)
    assert values(client, "platform_notifications")[("slack", "resolved", "failed")] == 1
    assert values(client, "platform_connector_up")[("elsewhere",)] == 0
    with store.read() as session:
        made = Counter((row.environment, row.status) for row in session.exec(select(Deployment)).all())
    assert made[("production", "verified")] and values(client, "platform_deployments") == made
    rolled = sum(number for (_, status), number in made.items() if status == "rolled_back")
    assert values(client, "platform_rollbacks_total")[()] == rolled > 0
    assert values(client, "platform_connector_failures")[("elsewhere",)] == 3
    assert values(client, "platform_connector_lag_seconds")[("elsewhere",)] == 42
    client.get("/api/status")
    assert sum(values(client, "platform_api_seconds_count").values()) >= 1


def test_the_grafana_board_asks_only_for_metrics_and_labels_that_exist(client):
    """Each name of an expression is a sample of a day's rows, and each label of a selector or sum is one of its own."""
    with store.write() as session:
        scenes.shop(session)
        session.add(InputState(input="events", accepted=1, refused=1))
        session.add(Payload(input="events", size=1, body={}))
        session.add(Notification(key="k", channel="slack", event="resolved", subject="s", state="failed"))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    board = json.loads((ROOT / "docs/grafana/platform.json").read_text(encoding="utf-8"))
    targets = [target for panel in board["panels"] for target in panel["targets"]]
    assert len(targets) > 10
    for target in targets:
        names = set(re.findall(r"platform_\w+", target["expr"]))
        assert names and names <= set(found), target["expr"]
        labels = set(re.findall(r"(\w+)=~?\"", target["expr"])) | set(re.findall(r"by \((\w+)\)", target["expr"]))
        labels |= set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert labels <= set.union(*(found[name] for name in names)), target


def test_metrics_need_the_token_or_a_local_client(client, console):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 401
    app = Starlette(routes=server.app._user_routes)
    assert TestClient(app, client=("203.0.113.7", 50000)).get("/metrics").status_code == 401
    process.configure(Settings(**{**console.model_dump(), "metrics_token": "scrape-me"}))
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer scrape-me"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": b"Bearer \xe9"}).status_code == 401
    basic = base64.b64encode(b"a:scrape-me").decode()
    assert client.get("/metrics", headers={"Authorization": f"Basic {basic}"}).status_code == 401


def test_metrics_report_a_missing_store(client):
    store._engine = None
    assert client.get("/metrics").status_code == 503


# --- /healthz


@pytest.mark.parametrize(
    ("engine_here", "worker_age", "beat_age", "round_age", "says", "code"),
    [
        (True, None, None, None, "silent", 503),
        (False, None, None, None, "elsewhere", 200),
        (True, 5, 1, None, "starting", 200),
        (True, 5000, 1, 20, "alive", 200),
        (False, 5000, 1, 20, "alive", 200),
        (True, 5000, 120, 20, "silent", 503),
        (True, 5000, 1, 2000, "stuck", 503),
        (True, 5000, 1, None, "stuck", 503),
        (True, 30, 1, 5000, "alive", 200),
    ],
)
def test_healthz_reports_whether_the_engine_is_alive(client, engine_here, worker_age, beat_age, round_age, says, code):
    process.configure(process.settings().model_copy(update={"console_engine": engine_here}))
    at = now()
    with store.write() as session:
        if worker_age is not None:
            times = {"started_at": at - timedelta(seconds=worker_age), "heartbeat": at - timedelta(seconds=beat_age)}
            session.add(Worker(executor_id="w", host="h", pid=1, role="console", **times))
        if round_age is not None:
            session.add(Round(slot="1", worker="w", started_at=at - timedelta(seconds=round_age)))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["engine"]) == (code, says)
    assert answer.json()["status"] == ("ok" if code == 200 else "failed")
    assert answer.json()["engine"] in liveness.FINE or code == 503
