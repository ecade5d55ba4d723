"""Refused Slack requests, over the real route; without the engine, since nothing here reaches a workflow."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console import process
from console.server import webhooks
from core import runtime
from core.actions import answering
from core.audit.chain import AuditRow
from core.db import store
from core.demo.vendors import slack as simulator
from core.models import Approval, Notification, now
from core.models.access import Person, Role
from core.ops import notify
from core.runtime import Runtime
from core.settings import Settings
from core.vendors.http import Http
from core.vendors.slack import Slack
from tests import factories, screens
from tests.vendors.loopback import serving

PEOPLE = '[repositories]\n[slack.people]\nU0DEMO = "ada"\nU0VIC = "vic"\n'


@pytest.fixture(scope="module")
def address_of():
    """Slack on loopback: its state and address, for every test of this file."""
    vendor = simulator.SimulatedSlack()
    with serving(Starlette(routes=vendor.routes)) as address:
        yield vendor, address


@pytest.fixture
def asked(tmp_path, address_of):
    """A pending approval that was posted to Slack."""
    vendor, address = address_of
    vendor.__init__()
    opened = screens.open_console(tmp_path, platform=PEOPLE)
    settings = process.configure(Settings(**{**opened.model_dump(), "slack_signing_secret": simulator.SIGNING_SECRET}))
    http = Http("slack", f"{address}/slack/api", {"Authorization": f"Bearer {simulator.TOKEN}"}, [simulator.TOKEN])
    rt = runtime.use(Runtime(settings, notifiers=[Slack(http, simulator.CHANNEL)]))
    with store.write() as session:
        session.add(Person(name="ada", role=Role.APPROVER))
        session.add(Person(name="vic", role=Role.OPERATOR))
        issue = factories.issue(session)
        made = factories.change_set(session, issue)
        row = factories.approval(session, made, expires_at=now() + timedelta(hours=1))
        notify.queue(session, "approval_asked", issue, f"approval-{row.id}", row.asks, approval_id=row.id)
    assert notify.deliver(rt) == 1
    console = TestClient(Starlette(routes=webhooks.ROUTES))

    def send(made: tuple[bytes, dict]):
        return console.post("/hooks/slack", content=made[0], headers=made[1])

    return SimpleNamespace(rt=rt, vendor=vendor, message=vendor.messages[0], send=send, issue_id=issue.id)


def question() -> Approval:
    with store.read() as session:
        return session.exec(select(Approval)).one()


def audited() -> list[AuditRow]:
    with store.read() as session:
        return session.exec(select(AuditRow)).all()


def buttons(message: dict) -> list[str]:
    return [e["action_id"] for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]


def test_a_user_missing_in_the_policy_can_do_nothing(asked):
    asked.send(asked.vendor.click(asked.message["ts"], "approve", user="U0EVE"))
    assert "U0EVE is not listed in [slack.people]" in asked.vendor.whispers[0]["text"]
    forged = {"id": "V1", "callback_id": "reject"} | {
        "private_metadata": json.dumps({"approval": question().id, "issue": asked.issue_id, "patch": "x"})
    }
    sent = asked.send(asked.vendor.submit(forged, {"reason": "because"}, user="U0EVE"))
    assert sent.json()["response_action"] == "errors"
    assert question().state == "pending" and not audited()


def test_a_person_without_the_right_gets_a_refusal(asked):
    asked.send(asked.vendor.click(asked.message["ts"], "approve", user="U0VIC"))
    assert "vic (operator) cannot approve" in asked.vendor.whispers[0]["text"]
    assert question().state == "pending"


def test_a_button_of_another_patch_approves_nothing(asked):
    value = next(b for b in asked.message["blocks"] if b["type"] == "actions")["elements"][0]
    value["value"] = json.dumps(json.loads(value["value"]) | {"patch": "0" * 64})
    asked.send(asked.vendor.click(asked.message["ts"], "approve"))
    assert "The patch has changed" in asked.vendor.whispers[0]["text"]
    assert question().state == "pending"


def test_a_form_stays_open_while_the_database_does_not_respond(asked, monkeypatch):
    """Slack closes a form on an empty response; the person would take the rejection for done."""

    def away(*_):
        raise OperationalError("", {}, Exception("the database is locked"))

    asked.send(asked.vendor.click(asked.message["ts"], "reject"))
    monkeypatch.setattr(answering, "give", away)
    answer = asked.send(asked.vendor.submit(asked.vendor.forms[0], {"reason": "not now"})).json()
    assert answer["response_action"] == "errors"
    assert answer["errors"] == {"reason": "The database did not respond. Nothing changed; retrying is safe."}
    assert question().state == "pending"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("approved", "Approved by grace"),
        ("rejected", "Rejected by grace"),
        ("expired", "Expired without an answer"),
        ("stale", "void"),
    ],
)
def test_an_answer_given_elsewhere_removes_the_buttons(asked, state, says):
    assert buttons(asked.message) == ["approve", "reject", "escalate"]
    with store.write() as session:
        row = session.exec(select(Approval)).one()
        row.state, row.by = state, "grace"
    assert notify.deliver(asked.rt) == 1 and notify.deliver(asked.rt) == 0
    assert buttons(asked.message) == [] and says in json.dumps(asked.message["blocks"])
    with store.read() as session:
        sent = session.exec(select(Notification)).one()
    assert (sent.told, sent.state, sent.error) == (state, "sent", None)


def test_a_deleted_message_is_not_retried_for_ever(asked):
    asked.vendor.messages.clear()
    with store.write() as session:
        session.exec(select(Approval)).one().state = "expired"
    assert notify.deliver(asked.rt) == 0
    with store.read() as session:
        sent = session.exec(select(Notification)).one()
    assert (sent.told, sent.error) == ("expired", "not updated: refused: message_not_found")


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        ({"X-Slack-Signature": "v0=" + "0" * 64}, 401),
        ({"X-Slack-Signature": ""}, 401),
        ({"X-Slack-Request-Timestamp": "1"}, 401),
        ({"X-Slack-Request-Timestamp": "now"}, 401),
        ({"X-Slack-Request-Timestamp": ""}, 401),
    ],
)
def test_a_click_without_slacks_signature_is_refused(asked, spoil, status):
    body, headers = asked.vendor.click(asked.message["ts"], "approve")
    assert asked.send((body, headers | spoil)).status_code == status
    assert question().state == "pending"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "shortcut", "user": {"id": "U0DEMO"}},
        {"type": "block_actions", "user": {"id": "U0DEMO"}, "actions": []},
        {"type": "block_actions", "user": {"id": "U0DEMO"}, "actions": [{"action_id": "approve", "value": "x"}]},
        {"type": "block_actions", "user": None, "actions": [{"action_id": "drop", "value": "{}"}]},
        {"type": "view_submission", "user": {"id": "U0DEMO"}, "view": {"private_metadata": "{}"}},
    ],
)
def test_a_signed_payload_of_another_app_is_a_bad_request(asked, payload):
    assert asked.send(simulator.signed(payload)).status_code == 400
    assert question().state == "pending"
