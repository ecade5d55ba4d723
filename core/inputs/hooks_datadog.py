"""Datadog: an alert from the webhook, as the same record that the API gives. Pure.

The payload follows the template of Datadog's webhook integration. The default template has id, title, body, date and
event_type; the one in docs/operations.md adds alert_id, alert_transition, tags and link.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from core.inputs.hooks import HookContext, mapping, text
from core.models import Kind, Record
from core.models.inputs import Payload
from core.vendors.datadog import tags_of

TRANSITION = re.compile(r"^\[(?:P\d\] ?\[)?([A-Za-z- ]+)")
RINGS = ("", "triggered", "re-triggered")


def read(payload: Payload, context: HookContext) -> list[Record]:
    body = mapping(payload.body)
    title = text(body.get("title"))
    named = TRANSITION.match(title)
    transition = text(body.get("alert_transition")) or (named[1] if named else "")
    if transition.lower() not in RINGS or not body.get("id"):
        return []
    tags = tags_of([tag.strip() for tag in text(body.get("tags")).split(",")])
    return [
        Record(
            source="datadog",
            vendor_id=f"event:{text(body['id'])}",
            kind=Kind.ALERT,
            at=datetime.fromtimestamp(int(body["date"]) / 1000, UTC),
            service=tags.get("service", ""),
            environment=tags.get("env", "production"),
            title=title[:300] or "alert",
            message=text(body.get("body"))[:20_000],
            url=text(body.get("link")),
            attributes={"monitor_id": text(body.get("alert_id")) or None, "state": transition},
        )
    ]
