"""Sentry's integration platform: issue alerts and errors with their whole event, metric alerts, and issues. Pure.

https://docs.sentry.io/organization/integrations/integration-platform/webhooks/. The resource is the header
``Sentry-Hook-Resource``. The event has the format of the SDK and is converted to that of the API.
"""

from __future__ import annotations

import re
from typing import Any

from core.inputs.hooks import HookContext, mapping, text
from core.models import Kind, Record
from core.models.inputs import Payload
from core.vendors import sentry

PROJECT = re.compile(r"/projects/[^/]+/([^/]+)/")


def read(payload: Payload, context: HookContext) -> list[Record]:
    data = mapping(mapping(payload.body).get("data"))
    if event := mapping(data.get("event") or data.get("error")):
        return [_event(event, context)]
    if alert := mapping(data.get("metric_alert")):
        return [_alert(alert, data, payload.body.get("action"))]
    issue = mapping(data.get("issue"))
    if not issue or context.polled or payload.body.get("action") not in ("created", "unresolved"):
        return []  # the API returns the issue with its event, and its end
    return [sentry.parse(issue, {}, 1, context)]


def _event(event: dict, context: HookContext) -> Record:
    """One occurrence. If the API is also polled, its count includes this one later (core/stages/recount.py)."""
    issue = {
        "id": text(event.get("issue_id")) or text(event.get("groupID")),
        "title": event.get("title"),
        "level": event.get("level"),
        "permalink": event.get("web_url"),
        "project": {"slug": _project(event)},
    }
    if not issue["id"]:
        raise ValueError("the event names no issue")
    record = sentry.parse(issue, api_event(event), 1, context)
    return record.model_copy(update={"attributes": record.attributes | {"alone": True}}) if context.polled else record


def _project(event: dict) -> str:
    found = PROJECT.search(text(event.get("url")))
    return found[1] if found else text(event.get("project_slug") or event.get("project"))


def api_event(event: dict) -> dict:
    """Convert an event from the SDK's format (event_id, exception.values, tags as pairs) to the API's."""
    pairs = [pair for pair in event.get("tags") or [] if isinstance(pair, list) and len(pair) == 2]
    tags = {text(key): text(value) for key, value in pairs}
    tags.setdefault("environment", text(event.get("environment")))
    values = mapping(event.get("exception")).get("values") or []
    return {
        "eventID": text(event.get("event_id")),
        "dateCreated": event.get("datetime"),
        "title": event.get("title"),
        "message": event.get("message") or mapping(event.get("logentry")).get("formatted"),
        "release": {"version": text(event.get("release")) or None},
        "tags": [{"key": key, "value": value} for key, value in tags.items() if value],
        "entries": [{"type": "exception", "data": {"values": [_value(mapping(value)) for value in values]}}],
    }


def _value(value: dict) -> dict:
    frames = mapping(value.get("stacktrace")).get("frames") or []
    return {**value, "stacktrace": {"frames": [_frame(mapping(frame)) for frame in frames]}}


def _frame(frame: dict) -> dict[str, Any]:
    line = frame.get("lineno")
    return {
        "filename": frame.get("filename"),
        "absPath": frame.get("abs_path"),
        "function": frame.get("function"),
        "lineNo": line,
        "inApp": frame.get("in_app"),
        "context": [[line, frame.get("context_line") or ""]],
        "vars": mapping(frame.get("vars")),
    }


def _alert(alert: dict, data: dict, action: Any) -> Record:
    rule = mapping(alert.get("alert_rule"))
    projects = alert.get("projects") or rule.get("projects") or []
    title = text(data.get("description_title")) or text(alert.get("title")) or "metric alert"
    identity, over = f"metric_alert:{alert['id']}@{alert['date_started']}", action == "resolved"
    return Record(
        source="sentry",
        vendor_id=f"{identity}:over" if over else identity,
        kind=Kind.ALERT,
        at=alert["date_started"],
        service=text(projects[0]) if projects else "",
        level="info" if over else "error",
        title=title[:300],
        message=text(data.get("description_text")),
        url=text(data.get("web_url")),
        attributes={
            "alarm_name": text(rule.get("name")) or text(alert.get("title")),
            "state": text(action),
            **({"over": identity} if over else {}),
        },
    )
