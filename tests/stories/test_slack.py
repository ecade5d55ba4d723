"""A question for approval, asked and answered in Slack: real client, real routes, Slack's protocol on loopback."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console import process
from console.server import webhooks
from core.audit.chain import AuditRow
from core.db import store
from core.demo.vendors import slack as simulator
from core.models import Approval, Status
from core.ops import notify
from core.vendors.http import Http
from core.vendors.slack import Slack
from tests.stories.world import until
from tests.vendors.loopback import serving

PEOPLE = '\n[slack.people]\nU0DEMO = "ada"\nU0BOB = "bob"\n'


@pytest.fixture
def asked(world, monkeypatch):
    """A critical issue whose question for approval has been posted to Slack."""
    w = world()
    w.settings.platform_file.write_text(w.settings.platform_file.read_text() + PEOPLE)
    vendor = simulator.SimulatedSlack()
    settings = w.settings.model_copy(
        update={"slack_signing_secret": type(w.settings.slack_token)(simulator.SIGNING_SECRET)}
    )
    monkeypatch.setattr(process, "_settings", settings)
    with serving(Starlette(routes=vendor.routes)) as address, TestClient(Starlette(routes=webhooks.ROUTES)) as console:
        http = Http("slack", f"{address}/slack/api", {"Authorization": f"Bearer {simulator.TOKEN}"}, [simulator.TOKEN])
        w.rt.notifiers = [Slack(http, simulator.CHANNEL)]
        issue_id = w.issue("checkout")
        until(lambda: w.get(issue_id).status is Status.AWAITING_APPROVAL)
        notify.deliver(w.rt)
        (message,) = [m for m in vendor.messages if "Approval needed" in m["text"]]

        def send(made: tuple[bytes, dict]):
            body, headers = made
            return console.post("/hooks/slack", content=body, headers=headers)

        yield SimpleNamespace(world=w, vendor=vendor, message=message, send=send, issue_id=issue_id)


def question() -> Approval:
    with store.read() as session:
        return session.exec(select(Approval)).one()


def audited(action: str) -> list[AuditRow]:
    with store.read() as session:
        return session.exec(select(AuditRow).where(AuditRow.action == action)).all()


def buttons(message: dict) -> list[str]:
    return [e["action_id"] for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]


def ended(asked, *states):
    w = asked.world
    return until(lambda: w.get(asked.issue_id) if w.get(asked.issue_id).status in states else None)


def test_approved_by_a_click(asked):
    assert buttons(asked.message) == ["approve", "reject", "escalate"]
    assert f"/issues?issue={asked.issue_id}" in json.dumps(asked.message["blocks"])
    click = asked.vendor.click(asked.message["ts"], "approve")
    second = asked.vendor.click(asked.message["ts"], "approve", user="U0BOB")
    answer = asked.send(click)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (question().state, question().by) == ("approved", "ada")
    assert buttons(asked.message) == [] and "Approved by ada" in json.dumps(asked.message["blocks"])
    assert asked.send(click).status_code == 409, "a replay is refused"
    assert asked.send(second).status_code == 200
    assert [(w["user"], w["text"]) for w in asked.vendor.whispers] == [
        ("U0DEMO", "Approved. The release starts."),
        ("U0BOB", "Already approved by ada"),
    ]
    assert [(row.actor, row.detail["patch"]) for row in audited("approve")] == [("ada", question().patch_hash)]
    issue = ended(asked, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason


def test_rejected_with_a_reason_from_a_form(asked):
    assert asked.send(asked.vendor.click(asked.message["ts"], "reject")).status_code == 200
    assert question().state == "pending", "the click only opens the form"
    empty = asked.send(asked.vendor.submit(asked.vendor.forms[0], {"reason": " "}))
    assert "Enter a reason" in empty.json()["errors"]["reason"]
    assert question().state == "pending"
    sent = asked.send(asked.vendor.submit(asked.vendor.forms[0], {"reason": "not before the sale"}))
    assert (sent.status_code, sent.json()) == (200, {})
    assert (question().state, question().by, question().reason) == ("rejected", "ada", "not before the sale")
    assert "not before the sale" in ended(asked, Status.ESCALATED).reason
    assert "Rejected by ada" in json.dumps(asked.message["blocks"])


def test_escalated_to_a_named_team(asked):
    asked.send(asked.vendor.click(asked.message["ts"], "escalate", user="U0BOB"))
    asked.send(asked.vendor.submit(asked.vendor.forms[0], {"to": "payments", "reason": "theirs"}, user="U0BOB"))
    issue = ended(asked, Status.ESCALATED)
    assert (issue.assignee, audited("escalate")[0].actor) == ("payments", "bob")
    assert not asked.world.ledger.effects("production")
