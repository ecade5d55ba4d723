"""Authentic deliveries: each vendor's scheme, each part of it invalid alone; then the stored rows."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest
from sqlmodel import select

from core.db import store
from core.models import Webhook, now
from core.ops import webhooks
from core.ops.webhooks import DOORS, DeliveryRefused, accept, verify
from core.settings import Settings

SECRET, AT, BODY = "a-secret", 1_700_000_000.0, b'{"id": 1}'


def mac(text: bytes, algorithm="sha256", secret=SECRET) -> str:
    return hmac.new(secret.encode(), text, algorithm).hexdigest()


SIGNED = {
    "sentry": {"sentry-hook-signature": mac(BODY), "request-id": "r-1", "sentry-hook-timestamp": str(int(AT))},
    "github": {"x-hub-signature-256": "sha256=" + mac(BODY), "x-github-delivery": "g-1"},
    "datadog": {"x-webhook-token": SECRET},
    "vercel": {"x-vercel-signature": mac(BODY, "sha1")},
    "slack": {
        "x-slack-signature": "v0=" + mac(b"v0:1700000000:" + BODY),
        "x-slack-request-timestamp": "1700000000",
    },
}
DIGEST = hashlib.sha256(BODY).hexdigest()
IDS = {"sentry": "r-1", "github": "g-1"}


def refusal(vendor: str, headers: dict, body=BODY, secret=SECRET, at=AT) -> tuple[int, str]:
    with pytest.raises(DeliveryRefused) as refused:
        verify(vendor, headers, body, secret, at)
    assert SECRET not in str(refused.value)
    return refused.value.status, str(refused.value)


def test_every_vendor_is_tested():
    assert set(DOORS) == set(SIGNED)
    assert {name: door.setting for name, door in DOORS.items()} == {
        "sentry": "sentry_webhook_secret", "github": "github_webhook_secret", "datadog": "datadog_webhook_token",
        "vercel": "vercel_webhook_secret", "slack": "slack_signing_secret",
    }  # fmt: skip


@pytest.mark.parametrize("vendor", SIGNED)
def test_a_signed_delivery_has_its_id_and_digest(vendor):
    found = verify(vendor, SIGNED[vendor], BODY, SECRET, AT)
    assert (found.vendor, found.id, found.digest) == (vendor, IDS.get(vendor, DIGEST), DIGEST)


@pytest.mark.parametrize("vendor", SIGNED)
def test_an_endpoint_without_a_secret_does_not_exist(vendor):
    assert refusal(vendor, SIGNED[vendor], secret="") == (404, f"The webhook of {vendor} is not configured.")


@pytest.mark.parametrize("vendor", SIGNED)
def test_a_missing_signature(vendor):
    header = DOORS[vendor].header
    for spoiled in ({}, {**SIGNED[vendor], header: ""}, {k: v for k, v in SIGNED[vendor].items() if k != header}):
        assert refusal(vendor, spoiled) == (401, "The signature is missing.")


@pytest.mark.parametrize("vendor", SIGNED)
@pytest.mark.parametrize("spoil", [lambda s: s[:-1], lambda s: s + "0", lambda s: s.swapcase(), lambda s: "0" * len(s)])
def test_a_wrong_signature(vendor, spoil):
    header = DOORS[vendor].header
    headers = {**SIGNED[vendor], header: spoil(SIGNED[vendor][header])}
    assert refusal(vendor, headers) == (401, "The signature is wrong.")


@pytest.mark.parametrize("vendor", ["sentry", "github", "vercel", "slack"])
def test_the_body_and_the_secret_are_signed(vendor):
    assert refusal(vendor, SIGNED[vendor], BODY + b" ")[0] == 401
    assert refusal(vendor, SIGNED[vendor], secret="another")[0] == 401


def test_slack_signs_its_time():
    headers = {**SIGNED["slack"], "x-slack-request-timestamp": "1700000001"}
    assert refusal("slack", headers) == (401, "The signature is wrong.")


def test_the_body_may_have_up_to_a_megabyte():
    body = b"x" * (1 << 20)
    assert verify("github", {"x-hub-signature-256": "sha256=" + mac(body)}, body, SECRET, AT).digest
    assert refusal("github", SIGNED["github"], body + b"x") == (413, "The body is larger than 1 MB.")


LATE = (401, "The timestamp differs from our clock by more than five minutes.")


@pytest.mark.parametrize("vendor", ["sentry", "slack"])
@pytest.mark.parametrize(("seconds", "taken"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_a_delivery_is_accepted_for_five_minutes(vendor, seconds, taken):
    if taken:
        assert verify(vendor, SIGNED[vendor], BODY, SECRET, AT + seconds)
    else:
        assert refusal(vendor, SIGNED[vendor], at=AT + seconds) == LATE


@pytest.mark.parametrize("stamp", ["", "yesterday", "nan", "inf", "-inf"])
def test_an_invalid_time(stamp):
    signed = {"sentry-hook-signature": mac(BODY), "sentry-hook-timestamp": stamp}
    if stamp:
        assert refusal("sentry", signed) == LATE
    else:
        assert verify("sentry", signed, BODY, SECRET, AT).id == DIGEST
    signature = "v0=" + mac(f"v0:{stamp}:".encode() + BODY)
    assert refusal("slack", {"x-slack-signature": signature, "x-slack-request-timestamp": stamp}) == LATE


def test_slack_without_a_time_is_refused_despite_a_valid_signature():
    assert refusal("slack", {"x-slack-signature": "v0=" + mac(b"v0::" + BODY)}) == LATE


@pytest.mark.parametrize("vendor", ["github", "vercel", "datadog"])
def test_a_vendor_without_a_time_is_accepted_at_any_time(vendor):
    headers = {**SIGNED[vendor], "": "1"}  # a header without a name is neither a time nor an id
    assert verify(vendor, headers, BODY, SECRET, AT + 9999).id == IDS.get(vendor, DIGEST)


def test_a_long_id_is_cut():
    headers = {**SIGNED["github"], "x-github-delivery": "g" * 300}
    assert verify("github", headers, BODY, SECRET, AT).id == "g" * 200


@pytest.fixture
def settings(console) -> Settings:
    return Settings(**{**console.model_dump(), "github_webhook_secret": SECRET})


def deliver(settings, name="g-1", body=BODY, **values):
    headers = {"x-hub-signature-256": "sha256=" + mac(body), "x-github-delivery": name}
    return accept(settings, "github", headers, body, **values)


def stored() -> list[tuple]:
    with store.read() as session:
        rows = session.exec(select(Webhook).order_by(Webhook.id)).all()
    return [(row.vendor, row.delivery_id, row.digest, row.served) for row in rows]


def test_a_delivery_is_stored_and_one_that_starts_no_round_is_served(settings):
    assert deliver(settings).id == "g-1"
    deliver(settings, "g-2", b"2", starts_round=False)
    digests = [hashlib.sha256(body).hexdigest() for body in (BODY, b"2")]
    assert stored() == [("github", "g-1", digests[0], False), ("github", "g-2", digests[1], True)]


@pytest.mark.parametrize(("name", "body"), [("g-1", BODY), ("g-1", b"other"), ("g-2", BODY)])
def test_a_delivery_is_accepted_once_by_its_id_and_by_its_body(settings, name, body):
    deliver(settings)
    with pytest.raises(DeliveryRefused, match="This delivery was already received.") as refused:
        deliver(settings, name, body)
    assert refused.value.status == 409
    assert len(stored()) == 1


def test_a_refused_delivery_is_not_stored(settings):
    with pytest.raises(DeliveryRefused):
        accept(settings, "github", {"x-hub-signature-256": "sha256=0"}, BODY)
    assert stored() == []


@pytest.mark.parametrize(("late", "kept"), [(-1, True), (0, True), (1, False)])
def test_deliveries_are_kept_for_thirty_days(settings, late, kept, monkeypatch):
    deliver(settings, "g-0", b"0")
    moment = now()
    monkeypatch.setattr(webhooks, "now", lambda: moment)
    with store.write() as session:
        session.exec(select(Webhook)).one().received_at = moment - timedelta(days=30, seconds=late)
    deliver(settings)
    assert [row[1] for row in stored()] == (["g-0", "g-1"] if kept else ["g-1"])


def test_one_claim_takes_all_unprocessed_deliveries(settings):
    assert webhooks.claim() is None
    deliver(settings, "g-0", b"0", starts_round=False)
    assert webhooks.claim() is None, "it was processed on arrival"
    for number in range(1, 4):
        deliver(settings, f"g-{number}", str(number).encode())
    assert webhooks.claim() == "hook-4"
    assert all(served for *_, served in stored())
    assert webhooks.claim() is None
    deliver(settings, "g-5")
    assert webhooks.claim() == "hook-5"


def test_two_simultaneous_claims_make_one_round(settings, monkeypatch):
    """Another worker claims between this worker's read and its update."""
    deliver(settings)
    write = store.write

    def late():
        monkeypatch.setattr(store, "write", write)
        assert webhooks.claim() == "hook-1"
        return write()

    monkeypatch.setattr(store, "write", late)
    assert webhooks.claim() is None


def test_a_delivery_during_a_claim_waits_for_the_next_round(settings, monkeypatch):
    deliver(settings)
    write = store.write

    def late():
        monkeypatch.setattr(store, "write", write)
        deliver(settings, "g-2", b"2")
        return write()

    monkeypatch.setattr(store, "write", late)
    assert webhooks.claim() == "hook-1"
    assert [served for *_, served in stored()] == [True, False]
    assert webhooks.claim() == "hook-2"
