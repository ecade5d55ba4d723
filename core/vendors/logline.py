"""Parses a log line in any common format: JSON of the usual loggers, or plain text. Pure.

Names are those of python-json-logger, structlog, Elastic Common Schema, OpenTelemetry and AWS Powertools.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.signals.grouping.stack import read as read_stack
from core.vendors.values import first

# The level is in a line's header, before any untrusted text, so no quote, path or query may precede it.
LEVEL = re.compile(r"""[^"'`?&]{0,80}?(?<![\w./-])(FATAL|CRITICAL|ERROR|WARN(?:ING)?|INFO|DEBUG)\b""")
ACCESS = re.compile(r"\S+ \S+ .{1,200}?\[\d{2}/\w{3}/\d{4}:")  # a web server's access log states no level
TRACEBACK = re.compile(r"^Traceback \(most recent call last\):", re.M)
NAMES = {
    "service": ("service", "service.name", "service_name", "app", "application"),
    "environment": ("environment", "env", "deployment.environment"),
    "release": ("release", "version", "service.version"),
    "level": ("level", "levelname", "severity", "log.level"),
    "message": ("message", "msg", "event", "error.message", "exception.message"),
    "kind": ("exception.type", "error.type", "error.kind", "exception_name", "errorType"),
    "raised": ("exception.message", "error.message", "errorMessage"),
    "stack": (
        "exception.stack",
        "exception.stacktrace",
        "error.stack",
        "error.stack_trace",
        "exc_info",
        "exception",
        "traceback",
        "stack_trace",
        "stack",
    ),
    "trace": ("trace_id", "traceId", "trace.id", "xray_trace_id", "otelTraceID"),
}


@dataclass(frozen=True)
class LogLine:
    title: str
    message: str
    service: str = ""
    environment: str = ""
    release: str = ""
    level: str = ""
    stack: str = ""
    trace: str = ""


def read_line(text: str) -> LogLine:
    """The fields of a line; for plain text, only the level and the exception or the first line are known."""
    fields = dict(_flat(_object(text)))
    return _of_fields(fields, text) if fields else _of_text(text)


def _of_text(text: str) -> LogLine:
    found = None if ACCESS.match(text) else LEVEL.match(text)
    stack = text if TRACEBACK.search(text) or "\n\tat " in text else ""
    title = _raised(stack) or _first(text) or "log line"
    return LogLine(title, text, level=found[1].lower() if found else "", stack=stack)


def _of_fields(fields: dict[str, Any], text: str) -> LogLine:
    values = {part: first(*map(fields.get, names)) for part, names in NAMES.items()}
    kind, message = values.pop("kind"), values.pop("raised")
    title = f"{kind}: {message or values['message']}" if kind else _first(values["message"]) or "log line"
    return LogLine(title=title, **{**values, "message": values["message"] or text, "level": values["level"].lower()})


def _raised(stack: str) -> str:
    """The exception of a stack; the line before it can be any message that begins with a time."""
    crash = read_stack(stack) if stack else None
    return f"{crash.exception.type}: {_first(crash.exception.message)}".removesuffix(": ") if crash else ""


def _object(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _flat(value: dict[str, Any], before: str = "", depth: int = 3) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict) and depth:
            yield from _flat(inner, f"{before}{name}.", depth - 1)
        elif not isinstance(inner, dict | list):
            yield before + name, inner


def _first(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
