"""Incoming webhooks: checks that the vendor sent it and that it is new. An accepted one starts a collection cycle, and
its payload goes to the inbox, which that cycle reads.

Signatures are over the raw body and are compared in constant time:
Sentry: HMAC-SHA256 in ``Sentry-Hook-Signature``. GitHub: ``X-Hub-Signature-256: sha256=…``. Vercel:
HMAC-SHA1 in ``x-vercel-signature``. Slack: ``v0=`` HMAC-SHA256 of ``v0:TIMESTAMP:BODY``. Datadog signs
nothing: its webhook sends a shared secret in a custom header, ``X-Webhook-Token``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select, update

from core.db import store
from core.inputs import inbox, redaction
from core.models import Webhook, now, storable
from core.models.bounds import plain
from core.models.inputs import Payload
from core.policy.sections import Inputs
from core.settings import Settings

LARGEST = 1 << 20  # bytes of one body
WINDOW = 300.0  # seconds by which a delivery's own time may differ from ours
KEPT = timedelta(days=30)
INPUTS = Inputs()
SLOT = "hook-"  # prefix of the slots of cycles that webhooks started
Headers = Mapping[str, str]  # names in lower case


class DeliveryRefused(Exception):
    """A rejected delivery; ``status`` is the HTTP status. The message never reveals the expected value."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def _mac(secret: str, text: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), text, algorithm).hexdigest()


def _slack(headers: Headers, body: bytes, secret: str) -> str:
    return "v0=" + _mac(secret, b"v0:%s:%s" % (headers.get("x-slack-request-timestamp", "").encode(), body))


@dataclass(frozen=True)
class Door:
    """One vendor's way of signing: ``expected(headers, body, secret)`` is what ``header`` must hold."""

    header: str
    expected: Callable[[Headers, bytes, str], str]
    setting: str
    identity: str = ""  # header with the delivery's id; without one the body's digest is its id
    time: str = ""  # header with the delivery's epoch seconds
    time_needed: bool = False
    event: str = ""  # header that names the event


DOORS = {
    "sentry": Door(
        "sentry-hook-signature",
        lambda headers, body, secret: _mac(secret, body),
        "sentry_webhook_secret",
        "request-id",
        "sentry-hook-timestamp",
        event="sentry-hook-resource",
    ),
    "github": Door(
        "x-hub-signature-256",
        lambda headers, body, secret: "sha256=" + _mac(secret, body),
        "github_webhook_secret",
        "x-github-delivery",
        event="x-github-event",
    ),
    "datadog": Door("x-webhook-token", lambda headers, body, secret: secret, "datadog_webhook_token"),
    "vercel": Door(
        "x-vercel-signature",
        lambda headers, body, secret: _mac(secret, body, "sha1"),
        "vercel_webhook_secret",
    ),
    "slack": Door(
        "x-slack-signature", _slack, "slack_signing_secret", time="x-slack-request-timestamp", time_needed=True
    ),
}


@dataclass(frozen=True)
class Delivery:
    vendor: str
    id: str
    digest: str


def verify(vendor: str, headers: Headers, body: bytes, secret: str, at: float) -> Delivery:
    """The delivery, if its signature is the vendor's. Pure; ``at`` is now in epoch seconds. Raises DeliveryRefused."""
    door = DOORS[vendor]
    if not secret:
        raise DeliveryRefused(404, f"The webhook of {vendor} is not configured.")
    if len(body) > LARGEST:
        raise DeliveryRefused(413, "The body is larger than 1 MB.")
    given = headers.get(door.header, "")
    if not given:
        raise DeliveryRefused(401, "The signature is missing.")
    if not hmac.compare_digest(given.encode(), door.expected(headers, body, secret).encode()):
        raise DeliveryRefused(401, "The signature is wrong.")
    _timely(door, headers, at)
    digest = hashlib.sha256(body).hexdigest()
    return Delivery(vendor, (headers.get(door.identity, "") if door.identity else "")[:200] or digest, digest)


def _timely(door: Door, headers: Headers, at: float) -> None:
    stamp = headers.get(door.time, "") if door.time else ""
    if not stamp and not door.time_needed:
        return
    try:
        late = abs(at - float(stamp))
    except ValueError:
        late = float("inf")
    if not late <= WINDOW:
        raise DeliveryRefused(401, "The timestamp differs from our clock by more than five minutes.")


def accept(
    settings: Settings,
    vendor: str,
    headers: Headers,
    body: bytes,
    *,
    starts_round: bool = True,
    rules: Inputs = INPUTS,
) -> Delivery:
    """Verify a delivery and store it once, with its payload if it starts a round. Raises DeliveryRefused, also for a
    duplicate.
    """
    secret = getattr(settings, DOORS[vendor].setting).get_secret_value()
    found = verify(vendor, headers, body, secret, now().timestamp())
    kept = payload(settings, vendor, headers, body) if starts_round else None
    try:
        with store.write() as session:
            session.exec(delete(Webhook).where(col(Webhook.received_at) < now() - KEPT))
            session.add(Webhook(vendor=vendor, delivery_id=found.id, digest=found.digest, served=not starts_round))
            session.flush()
            if kept:
                inbox.put(session, rules, kept)
    except IntegrityError:
        raise DeliveryRefused(409, "This delivery was already received.") from None
    except inbox.InboxFull:
        raise DeliveryRefused(503, "The inbox is full. Send it again later.") from None
    return found


def payload(settings: Settings, vendor: str, headers: Headers, body: bytes) -> Payload | None:
    """What the inbox keeps of a delivery; None for a body that is no JSON object, which only starts a round."""
    found = _object(headers, body)
    if found is None:
        return None
    kind = headers.get(DOORS[vendor].event, "")[:100] if DOORS[vendor].event else ""
    kept = redaction.redacted(plain(storable(found)), redaction.redactor(settings))
    return Payload(input=vendor, kind=kind, body=kept, size=len(body))


def _object(headers: Headers, body: bytes) -> dict[str, Any] | None:
    """The JSON object of the body, or of its field ``payload`` (GitHub can send a form)."""
    try:
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            body = parse_qs(body.decode(), max_num_fields=20)["payload"][0].encode()
        found = json.loads(body)
    except (ValueError, LookupError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def claim() -> str | None:
    """Claim every delivery that no cycle has served yet; returns the slot of one cycle for all of them, or None."""
    with store.read() as session:
        newest = session.exec(
            select(Webhook.id).where(col(Webhook.served).is_(False)).order_by(col(Webhook.id).desc()).limit(1)
        ).first()
    if newest is None:
        return None
    with store.write() as session:
        taken = session.exec(
            update(Webhook).where(col(Webhook.served).is_(False), col(Webhook.id) <= newest).values(served=True)
        ).rowcount
    return f"{SLOT}{newest}" if taken else None
