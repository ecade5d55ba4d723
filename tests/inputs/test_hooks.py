"""Webhooks as evidence: what a vendor sends is a signal, and the same one that its API tells."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from itertools import count

import pytest
from sqlmodel import select

from core.db import store
from core.inputs import hooks_sentry
from core.models import Kind, Record
from core.models.inputs import Payload
from core.signals import reported
from core.stages.collect import keep
from core.vendors import datadog, github, sentry
from core.vendors.base import Batch
from core.vendors.http import Http
from tests.inputs.conftest import SECRET

HTTP = Http("vendor", "https://vendor.example")
numbers = count(1)
FRAMES = [
    {
        "filename": "shop/web.py", "lineno": 88, "function": "post_cart", "in_app": True,
        "context_line": "return total(c)",
    },
    {
        "filename": "shop/cart.py", "abs_path": "/app/shop/cart.py", "lineno": 44, "function": "total", "in_app": True,
        "context_line": "    price = prices[line.article]", "vars": {"password": "'hunter22'", "amount": "900"},
    },
]  # fmt: skip
EVENT = {
    "event_id": "e4874d664c3540c1a32eab185f12c5ab",
    "issue_id": "1117540176",
    "issue_url": "https://sentry.io/api/0/issues/1117540176/",
    "url": "https://sentry.io/api/0/projects/acme/cart/events/e4874d664c3540c1a32eab185f12c5ab/",
    "web_url": "https://sentry.io/organizations/acme/issues/1117540176/events/e4874d664c3540c1a32eab185f12c5ab/",
    "title": "KeyError: 'GONE'",
    "level": "error",
    "datetime": "2026-01-05T08:00:00.000000Z",
    "project": 1,
    "release": "4f1c2ab",
    "environment": "production",
    "message": "",
    "tags": [["environment", "production"], ["release", "4f1c2ab"]],
    "exception": {"values": [{"type": "KeyError", "value": "'GONE'", "stacktrace": {"frames": FRAMES}}]},
}
POLLED_ISSUE = {
    "id": "1117540176", "count": "1", "title": "KeyError: 'GONE'", "lastSeen": "2026-01-05T08:00:00Z", "level": "error",
    "project": {"slug": "cart"},
}  # fmt: skip
POLLED_EVENT = {
    "eventID": "e4874d664c3540c1a32eab185f12c5ab",
    "dateCreated": "2026-01-05T08:00:00Z",
    "tags": [{"key": "release", "value": "4f1c2ab"}],
    "entries": [],
}


def send(world, vendor, body, event="", raw=b""):
    """A delivery with the vendor's own headers."""
    text = raw or json.dumps(body).encode()
    mac = {kind: hmac.new(SECRET.encode(), text, kind).hexdigest() for kind in ("sha1", "sha256")}
    name = f"delivery-{next(numbers)}"
    headers = {
        "sentry": {"Sentry-Hook-Signature": mac["sha256"], "Sentry-Hook-Resource": event, "Request-ID": name},
        "github": {
            "X-Hub-Signature-256": f"sha256={mac['sha256']}", "X-GitHub-Event": event, "X-GitHub-Delivery": name,
        },
        "datadog": {"X-Webhook-Token": SECRET},
        "vercel": {"x-vercel-signature": mac["sha1"]},
    }[vendor]  # fmt: skip
    answer = world.client.post(f"/hooks/{vendor}", content=text, headers=headers)
    assert answer.status_code == 202, answer.text


def polled(record):
    """As the vendor's own cycle stores it."""
    return keep(record.source, Batch(records=[record]), counts_all=record.source == "sentry")


@pytest.mark.parametrize("first", ["webhook", "poll"])
def test_a_sentry_event_is_one_signal_by_webhook_and_by_poll(world, first):
    send(world, "sentry", {"action": "triggered", "data": {"event": EVENT}}, "event_alert")
    record = sentry.parse(POLLED_ISSUE, POLLED_EVENT, 1, HTTP)
    if first == "poll":
        polled(record)
    world.cycle()
    polled(record)
    (signal,) = world.signals()
    assert (signal.source, signal.service, signal.title) == ("sentry", "cart", "KeyError: 'GONE'")


def test_a_sentry_event_has_its_frames_and_no_secret(world):
    send(world, "sentry", {"action": "created", "data": {"error": EVENT}}, "error")
    with store.read() as session:
        (payload,) = session.exec(select(Payload)).all()
    assert "hunter22" not in json.dumps(payload.body)
    world.cycle()
    (signal,) = world.signals()
    assert [frame["function"] for frame in signal.crash["frames"]] == ["post_cart", "total"]
    assert signal.crash["frames"][1]["code"] == "price = prices[line.article]"
    assert "hunter22" not in json.dumps(signal.crash)
    (issue,) = world.issues()
    assert issue.service == "cart" and "total" in issue.because


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("repeats", [False, True])
def test_an_occurrence_that_webhook_and_poll_tell_counts_once(world, repeats, grouped):
    """Two of five occurrences come by webhook; the poll tells five, with the latest event or another one."""
    world.polled("sentry")
    for name in ("e1", "e2"):
        send(world, "sentry", {"action": "triggered", "data": {"event": {**EVENT, "event_id": name}}}, "event_alert")
    event = hooks_sentry.api_event({**EVENT, "event_id": "e2" if repeats else "e3"})
    told = sentry.parse(POLLED_ISSUE, event, 5, HTTP)
    if grouped:
        world.cycle()
    else:
        world.collector.round(world.runtime, inputs_only=True)
    polled(told)
    world.cycle()
    assert sum(signal.count for signal in world.signals()) == 5
    assert [issue.occurrences for issue in world.issues()] == [5]


REPOSITORY = {"full_name": "acme/shop", "default_branch": "main"}
COMMIT = {
    "id": "a" * 40, "message": "Price the cart\n\nmore", "timestamp": "2026-01-05T08:00:00Z", "url": "https://x/c",
    "added": [], "modified": ["shop/cart.py"], "removed": [],
}  # fmt: skip


def test_a_push_is_the_commits_that_a_poll_brings(world):
    send(world, "github", {"ref": "refs/heads/main", "repository": REPOSITORY, "commits": [COMMIT]}, "push")
    send(world, "github", {"ref": "refs/heads/x", "repository": REPOSITORY, "commits": [{**COMMIT, "id": "b"}]}, "push")
    world.cycle()
    row = {"sha": "a" * 40, "commit": {"message": "Price", "committer": {"date": "2026-01-05T08:00:00Z"}}}
    polled(github.change(row, "acme/shop", ["shop/cart.py"], HTTP))
    (signal,) = world.signals()
    assert (signal.kind, signal.attributes["files"], signal.set_aside) == (
        "change", ["shop/cart.py"], "a change, not a fault",
    )  # fmt: skip


def test_a_merged_pull_request_can_be_asked_for(world):
    pull = {
        "number": 7, "title": "Fix", "merged": True, "merge_commit_sha": "c" * 40, "closed_at": "2026-01-05T08:00:00Z",
        "html_url": "https://github.com/acme/shop/pull/7", "head": {"sha": "d" * 40, "ref": "fix"},
        "base": {"ref": "main"}, "merged_by": {"login": "ada"},
    }  # fmt: skip
    send(world, "github", {"action": "closed", "repository": REPOSITORY, "pull_request": pull}, "pull_request")
    world.cycle()
    with store.read() as session:
        found = reported.ended_pull(session, "acme/shop", 7)
        assert reported.ended_pull(session, "acme/shop", 8) is None
    assert found == reported.EndedPull(7, True, "c" * 40, "d" * 40, "ada", datetime(2026, 1, 5, 8, tzinfo=UTC))


GITHUB_CHANGES = {
    "deployment_status": {
        "deployment": {"id": 5, "sha": "c" * 40, "ref": "main", "environment": "Production"},
        "deployment_status": {"state": "success", "created_at": "2026-01-05T08:00:00Z"},
    },
    "release": {
        "action": "published",
        "release": {"id": 9, "tag_name": "v1.2", "name": "", "published_at": "2026-01-05T08:00:00Z"},
    },
    "workflow_run": {
        "action": "completed",
        "workflow_run": {
            "id": 3, "run_attempt": 1, "name": "deploy", "head_branch": "main", "head_sha": "c" * 40,
            "conclusion": "success", "updated_at": "2026-01-05T08:00:00Z",
        },
    },
}  # fmt: skip


@pytest.mark.parametrize("event", GITHUB_CHANGES)
def test_deployments_releases_and_workflows_are_changes(world, event):
    send(world, "github", {"repository": REPOSITORY, **GITHUB_CHANGES[event]}, event)
    world.cycle()
    with store.read() as session:
        (signal,) = reported.releases(session, "acme/shop", datetime(2026, 1, 1, tzinfo=UTC))
    assert signal.release in ("c" * 40, "v1.2") and not world.issues()


def test_a_production_deployment_of_vercel_is_a_change(world):
    told = {
        "id": "evt", "type": "deployment.succeeded", "createdAt": 1767600000000,
        "payload": {
            "target": "production", "project": {"id": "prj"}, "links": {"deployment": "https://vercel.com/x"},
            "deployment": {"id": "dpl_1", "name": "shop", "url": "x", "meta": {"githubCommitSha": "c" * 40}},
        },
    }  # fmt: skip
    send(world, "vercel", told)
    send(world, "vercel", {**told, "payload": {**told["payload"], "target": None}})
    world.cycle()
    (signal,) = world.signals()
    assert (signal.source, signal.kind, signal.release) == ("vercel", "change", "c" * 40)


def test_a_datadog_alert_is_one_signal_by_webhook_and_by_poll(world):
    told = {
        "id": "6509", "title": "[Triggered] Errors of cart", "body": "Many", "date": "1767600000000",
        "alert_id": "12", "alert_transition": "Triggered", "tags": "env:production,service:cart", "link": "https://x",
    }  # fmt: skip
    send(world, "datadog", told)
    send(world, "datadog", {**told, "id": "6510", "alert_transition": "Recovered"})
    world.cycle()
    row = {
        "id": "AwAAAYt",
        "attributes": {
            "timestamp": "2026-01-05T08:00:00Z", "message": "Many", "tags": ["service:cart"],
            "attributes": {"evt": {"id": "6509"}, "status": "error", "title": "[Triggered] Errors of cart"},
        },
    }  # fmt: skip
    polled(datadog.event(row, HTTP))
    (signal,) = world.signals()
    assert (signal.source, signal.kind, signal.service) == ("datadog", "alert", "cart")


def test_a_metric_alert_of_sentry_is_an_alert_until_it_is_resolved(world):
    alert = {
        "id": "7", "title": "Many errors", "date_started": "2026-01-05T08:00:00Z", "projects": ["cart"],
        "alert_rule": {"name": "Errors of cart"},
    }  # fmt: skip
    told = {"metric_alert": alert, "description_title": "Critical: Many errors", "web_url": "https://sentry.io/a/7"}
    send(world, "sentry", {"action": "critical", "data": told}, "metric_alert")
    world.cycle()
    (signal,) = world.signals()
    assert (signal.kind, signal.service, signal.title) == ("alert", "cart", "Critical: Many errors")
    (issue,) = world.issues()
    send(world, "sentry", {"action": "resolved", "data": told}, "metric_alert")
    world.cycle()
    (ended,) = world.issues()
    assert (ended.id, issue.status, ended.status) == (issue.id, "new", "dismissed")


def test_what_cannot_be_read_stops_nothing(world):
    send(world, "github", {"repository": REPOSITORY, "ref": "refs/heads/main", "commits": [{"id": 1}]}, "push")
    send(world, "sentry", {"action": "triggered", "data": {"event": {"title": float("nan")}}}, "event_alert")
    send(world, "vercel", None, raw=b"no json")
    send(world, "github", {"ref": "refs/heads/main", "repository": REPOSITORY, "commits": [COMMIT]}, "push")
    detail = world.cycle()
    assert "could not be read" in detail["sentry webhook"]["note"] + detail["github webhook"]["note"]
    assert len(world.signals()) == 1


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://vendor.example/1", "https://vendor.example/1"),
        ("HTTP://vendor.example/1", "HTTP://vendor.example/1"),
        ("javascript:alert(1)", ""),
        (" https://vendor.example/1", ""),
        ("data:text/html,<script>", ""),
        ("/relative", ""),
    ],
)
def test_a_record_of_any_input_keeps_only_a_web_address(sent, kept):
    found = Record(source="sentry", vendor_id="1", kind=Kind.ALERT, at=datetime.now(UTC), title="t", url=sent)
    assert found.url == kept
