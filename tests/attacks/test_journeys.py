"""Whole journeys and the doors of the server, with hostile text in every field: no deployment without a person."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import pytest
from sqlmodel import col, select, update

from core.actions.slack import Malformed, answer, payload_of
from core.db import store
from core.models import Approval, Deployment, Issue, Signal, Status, Webhook
from core.ops import webhooks
from core.settings import Settings
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.vendors.openai import OpenAIAnalyst
from tests import blank
from tests.attacks.payloads import CANARY, FAMILIES, payloads
from tests.attacks.test_corpus import Obedient
from tests.attacks.test_store import everywhere, received
from tests.stories.conftest import world  # noqa: F401 - the fixture
from tests.stories.world import until

SECRET = "a-shared-secret-of-some-length"
SAMPLE = ("instructions", "python", "sql", "broken")
WAITS = (Status.AWAITING_APPROVAL, Status.ESCALATED, Status.RESOLVED)


@pytest.mark.parametrize("family", SAMPLE)
def test_a_journey_full_of_payloads_waits_for_a_person(family, world):  # noqa: F811
    texts = list(FAMILIES[family]())
    w = world()
    w.rt.analysts = [OpenAIAnalyst(Obedient(texts[0]), EmbeddedAnalyst())]
    number = w.issue("checkout")  # a critical service
    with store.write() as session:
        session.exec(update(Issue).where(col(Issue.id) == number).values(title=received([row(texts[0])])[0].title))
        for at, text in enumerate(texts[:20]):
            found = received([row(text)])[0].model_dump(exclude={"crash"})
            session.add(Signal(**found | {"vendor_id": f"{number}-{at}", "issue_id": number, "service": "checkout"}))
    issue = until(lambda: w.get(number) if w.get(number).status in WAITS else None)
    assert issue.status is not Status.RESOLVED, issue.reason
    assert not w.ledger.effects("production") and not w.ledger.effects("merge") and not CANARY.exists()
    with store.read() as session:
        assert not session.exec(select(Deployment).where(Deployment.environment == "production")).all()
        assert all(row.state == "pending" for row in session.exec(select(Approval)).all())


def row(text: str) -> dict:
    return everywhere(1, text)


@pytest.fixture
def settings(tmp_path) -> Settings:
    found = Settings(data_dir=tmp_path, github_webhook_secret=SECRET, platform_file=tmp_path / "platform.toml")
    blank.put(tmp_path / "platform.db", blank.migrated)
    store.open_store(found.database)
    return found


def test_the_body_of_a_webhook_is_never_more_than_a_bell(settings):
    """It starts a round, which reads the vendor with our own key; nothing of the body is kept or believed."""
    for number, text in enumerate(payloads()):
        body = json.dumps({"action": text, "approval": {"state": text}, text: text}).encode()
        signed = {"x-hub-signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
        sent = text.encode("utf-8", "replace").decode("latin-1")  # as a server hands a header on
        with pytest.raises(webhooks.DeliveryRefused):
            webhooks.accept(settings, "github", {"x-hub-signature-256": sent, "x-github-delivery": sent}, body)
        webhooks.accept(settings, "github", signed | {"x-github-delivery": str(number)}, body)
    with store.read() as session:
        kept = session.exec(select(Webhook)).all()
        assert len(kept) == len(payloads()) and not session.exec(select(Approval)).all()
    assert all(
        set(found.model_dump()) == {"id", "vendor", "delivery_id", "digest", "received_at", "served"} for found in kept
    )


def test_a_click_with_a_payload_in_any_field_answers_nothing(settings):
    for text in payloads():
        click = {"action_id": text, "value": text, "action_ts": str(time.time())}
        for sent in (
            {"type": text, "user": {"id": text}},
            {"type": "block_actions", "user": {"id": text}, "actions": [click]},
            {"type": "block_actions", "user": text, "actions": text},
            {"type": "view_submission", "user": {"id": text}, "view": {"private_metadata": text, "callback_id": text}},
        ):
            form = urlencode({"payload": json.dumps(sent)}).encode()
            with contextlib.suppress(Malformed):
                assert answer(payload_of(form)).status == 400
        with pytest.raises(Malformed):
            payload_of(text.encode("utf-8", "surrogatepass"))
