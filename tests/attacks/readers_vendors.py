"""Readers of what vendors, models, webhooks and Slack send."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from pydantic import ValidationError

from core.actions import slack as slack_answers
from core.models import Record, bounds
from core.ops import webhooks
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.types import IssueFacts
from core.vendors import (
    cline,
    cloudwatch,
    coderabbit,
    datadog,
    email,
    github,
    http,
    kestra,
    limits,
    logline,
    newrelic,
    openai,
    osv,
    reading,
    sentry,
    slack,
    vercel,
)
from core.vendors.base import Message, Meter, Question, VendorError
from core.vendors.opinion import tempered
from core.vendors.redact import Redactor
from tests.attacks.reader import AT, TRACE, Reader, record

HTTP = http.Http("vendor", "https://vendor.example", secrets=["a-known-secret"])


def _leaves(value: Any, text: str) -> Any:
    """The same JSON with the text in every place of a text; times stay, or nothing would be read on."""
    if isinstance(value, dict):
        return {key: _leaves(v, text) for key, v in value.items()}
    if isinstance(value, list):
        return [_leaves(v, text) for v in value]
    return text if isinstance(value, str) and not value.startswith("2026-") else value


def answered(read: Callable[[Any], Any], *samples: Any, errors: tuple = (VendorError,)) -> Reader:
    """A reader of JSON: the fuzzers give it JSON, the hostile texts go into each sample's texts."""

    def both(text: str) -> None:
        for one in _inputs(text, samples):
            _rows(read, one)

    return Reader(both, errors, tuple(json.dumps(sample) for sample in samples), json=True)


def _inputs(text: str, samples: tuple) -> list[Any]:
    """The text as JSON; a text that is no JSON in every place of a text of each sample."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    return [_leaves(sample, text) for sample in samples] if given is None else [given]


def _rows(read: Callable[[Any], Any], given: Any) -> None:
    """As vendors' rows are read: one that makes no sense is counted; each is bounded on its way into the store."""
    found = reading.records_of([given], lambda row: read(row) or record("x"), Meter("vendor"))
    for one in found:
        if isinstance(one, Record):
            bounds.bounded(one)


def direct(read: Callable[[Any], Any], *samples: Any, errors: tuple = (VendorError,)) -> Reader:
    """One whose caller catches nothing but ``errors``."""

    def both(text: str) -> None:
        for one in _inputs(text, samples):
            try:
                read(one)
            except errors:
                continue

    return Reader(both, (), tuple(json.dumps(sample) for sample in samples), json=True)


def _sentry(row: Any) -> Record:
    issue = {"id": "7", "count": "3", "title": "boom", "lastSeen": "2025-01-01T00:00:00Z", "project": {"slug": "web"}}
    return sentry.parse(issue, row, 1, HTTP)


EVENT = {
    "eventID": "1",
    "dateCreated": "2026-01-05T08:00:00Z",
    "message": "boom",
    "tags": [{"key": "release", "value": "1"}, {"key": "service", "value": "cart"}],
    "entries": [
        {
            "type": "exception",
            "data": {
                "values": [
                    {
                        "type": "KeyError",
                        "value": "'total'",
                        "stacktrace": {
                            "frames": [
                                {
                                    "filename": "cart.py",
                                    "lineNo": 3,
                                    "function": "show",
                                    "inApp": True,
                                    "context": [[3, "x"]],
                                    "vars": {"cart": {"'a'": ["1"]}},
                                }
                            ]
                        },
                    }
                ]
            },
        }
    ],
}
ISSUE = {
    "number": 1,
    "title": "It fails",
    "body": TRACE,
    "created_at": "2026-01-05T08:00:00Z",
    "labels": [{"name": "bug"}],
}
COMMIT = {"sha": "a" * 40, "commit": {"message": "Fix it\n\nmore", "committer": {"date": "2026-01-05T08:00:00Z"}}}
LOG = {
    "id": "1",
    "attributes": {
        "timestamp": "2026-01-05T08:00:00Z",
        "message": "boom",
        "tags": ["env:production", "service:cart"],
        "attributes": {"error": {"stack": TRACE, "kind": "KeyError", "message": "'total'"}},
    },
}
MONITOR = {"id": 1, "name": "slow", "message": "m", "tags": ["env:p"], "overall_state_modified": "2026-01-05T08:00:00Z"}
ERROR = {
    "timestamp": 1767600000000,
    "error.class": "KeyError",
    "error.message": "'x'",
    "error.stack_trace": TRACE,
    "guid": "g",
}
ALERT = {"issueId": "1", "title": ["slow"], "createdAt": 1767600000000, "description": ["d"], "state": "CREATED"}
LINE = {
    "eventId": "1",
    "timestamp": 1767600000000,
    "message": json.dumps({"level": "error", "message": "boom", "service": "cart"}),
}
ALARM = {
    "AlarmArn": "arn",
    "AlarmName": "slow",
    "StateReason": "r",
    "Dimensions": [{"Name": "Service", "Value": "cart"}],
}
ADVISORY = {
    "id": "GHSA-1",
    "aliases": ["CVE-2026-1"],
    "summary": "s",
    "details": "d",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}],
    "affected": [{"package": {"name": "a"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "2.0"}]}]}],
}
REVIEW = {"id": 1, "user": {"login": "coderabbitai[bot]"}, "commit_id": "h", "state": "COMMENTED", "body": "**b**"}
COMMENT = {
    "user": {"login": "coderabbitai[bot]"},
    "pull_request_review_id": 1,
    "path": "a.py",
    "line": 3,
    "body": "**b**",
}
BODY = (
    "**Actionable comments posted: 1**\n<details>\n<summary>Nitpick comments (1)</summary>\n<blockquote><details>\n"
    "<summary>shop/cart.py (1)</summary>\n`88-99`: **Name it.**\n<details>\n<summary>🧩 Analysis chain</summary>\nx\n"
    "</details>\n---\n**Title** wait **17 minutes and 37 seconds**"
)
OPINION = {"root_cause": "r", "cause": "code", "severity": "low", "impact": "low", "confidence": 0.5, "simplicity": 0.5}
KNOWN = EmbeddedAnalyst().analyze(IssueFacts("t", "cart", [record("x")]))


def _reviewed(text: str) -> None:
    for body in (
        text,
        f"**{text}",
        f"<summary>Nitpick comments</summary>\n<summary>a.py</summary>\n{text}",
        f"wait **{text}**",
    ):
        coderabbit.completed("h", [REVIEW | {"body": body}], [COMMENT | {"body": body}])
        coderabbit.patience(body)
        coderabbit.title(body)


def _redacted(text: str) -> None:
    for before in ("", "password = '", "authorization: ", "eyJ", "-----BEGIN PRIVATE KEY-----", "a://u:"):
        Redactor(["a-known-secret"])(before + text)


def _limits(text: str) -> None:
    for name in ("retry-after", "date", "x-ratelimit-reset", "x-ratelimit-remaining"):
        for status in (403, 429):
            limits.wait_asked(status, {"x-ratelimit-remaining": "0", name: text}, text)


def _delivered(text: str) -> None:
    body, text = text.encode("utf-8", "replace"), text.encode("latin-1", "replace").decode("latin-1")  # as headers are
    for vendor, door in webhooks.DOORS.items():
        for signature in (text, door.expected({door.time: text}, body[: webhooks.LARGEST], "secret")):
            headers = {door.header: signature, door.identity: text, door.time: text}
            try:
                webhooks.verify(vendor, headers, body, "secret", AT.timestamp())
            except webhooks.DeliveryRefused:
                continue


def _told(text: str) -> None:
    message = Message("k", text, text, text, Question(1, 2, text, "approved", text))
    slack.rendered(message)
    slack.clip(slack.escape(text))
    email.letter(message, "a@example.com", ["b@example.com"]).as_bytes()


def _clicked(text: str) -> None:
    slack_answers.payload_of(text.encode("utf-8", "replace"))


def _answer(content: bytes) -> http.VendorAnswer:
    return http.VendorAnswer("vendor", httpx.Response(200, content=content))


def _bodies(text: str) -> None:
    found = _answer(text.encode("utf-8", "replace"))
    http.error_message(found)
    reading.marks_of(text)
    found.rows("rows")


VENDORS = {
    "redaction": Reader(
        _redacted, seeds=("password=hunter22", "postgres://shop:hunter22@db/shop", "eyJhbGciOiJIUzI1.eyJzdW.x")
    ),
    "log line": Reader(lambda text: logline.read_line(text), seeds=(TRACE, LINE["message"])),
    "body of an answer": Reader(
        _bodies, (VendorError,), ('{"rows": []}', '{"errors": [{"message": "no"}]}'), json=True
    ),
    "limits in headers": Reader(_limits, seeds=("30", "Mon, 05 Jan 2026 08:00:00 GMT", "1767600000")),
    "Sentry's event": answered(_sentry, EVENT),
    "Sentry's issue": answered(
        lambda row: sentry.parse(row, {}, 1, HTTP), {"id": "7", "title": "t", "lastSeen": "2026-01-05"}
    ),
    "GitHub's issue": answered(lambda row: github.report(row, "a/b", HTTP), ISSUE),
    "GitHub's commit": answered(lambda row: github.change(row, "a/b", ["a.py"], HTTP), COMMIT),
    "Datadog's log": answered(lambda row: datadog.parse(row, HTTP), LOG),
    "Datadog's event": answered(lambda row: datadog.event(row, HTTP), LOG),
    "Datadog's monitor": answered(lambda row: datadog.monitor(row, HTTP), MONITOR),
    "New Relic's error": answered(lambda row: newrelic.error(row, HTTP), ERROR),
    "New Relic's alert": answered(lambda row: newrelic.alert(row, HTTP), ALERT),
    "CloudWatch's line": answered(lambda row: cloudwatch.read(row, "/group", HTTP.redact), LINE),
    "CloudWatch's alarm": answered(lambda row: cloudwatch.alarm(row, "Service", HTTP.redact), ALARM),
    "OSV's ids": direct(osv.ids_of, {"vulns": [{"id": "GHSA-1"}]}),
    "OSV's advisory": direct(lambda row: osv.merged([row, {"id": "CVE-2026-1"}], ("a", "1.0")), ADVISORY),
    "CodeRabbit's review": Reader(_reviewed, seeds=(BODY,)),
    "CodeRabbit's rows": direct(lambda row: coderabbit.completed("h", [row], [row]), REVIEW, COMMENT),
    "CodeRabbit's status": direct(
        coderabbit.status_of, [{"context": "CodeRabbit", "state": "success", "description": "d"}]
    ),
    "Vercel's deployment": direct(
        vercel.deployed, {"id": "1", "url": "a.vercel.app", "readyState": "READY", "meta": {}}
    ),
    "Vercel's log": direct(vercel.logged, {"payload": {"text": "x"}}, {"text": "x"}),
    "Vercel's project": direct(
        lambda row: (vercel.served(row), vercel.moved(row, "1", 0), vercel.failed(row, "1", 0)),
        {"targets": {"production": {"id": "1"}}, "lastAliasRequest": {"jobStatus": "failed", "toDeploymentId": "1"}},
    ),
    "Kestra's execution": direct(kestra.execution, {"id": "1", "state": {"current": "RUNNING"}, "taskRunList": []}),
    "Kestra's opinion": direct(
        lambda row: tempered("kestra", "m", kestra.opinion_of(row), KNOWN),
        {"textOutput": "{}"},
        {"jsonOutput": OPINION},
    ),
    "a model's opinion": direct(lambda told: tempered("openai", "m", told, KNOWN), OPINION),
    "a model's text": Reader(openai.first_object, (VendorError,), ('I think {"a": 1}', json.dumps(OPINION))),
    "Cline's output": Reader(
        cline.verdict, seeds=('{"type": "run_result", "finishReason": "completed", "usage": {"inputTokens": 5}}\n',)
    ),
    "webhook": Reader(_delivered, seeds=("1767600000", '{"action": "created"}')),
    "Slack's payload": Reader(
        _clicked, (slack_answers.Malformed,), ("payload=%7B%22type%22%3A%22block_actions%22%7D",)
    ),
    "button of Slack": Reader(
        slack_answers.Target.model_validate_json, (ValidationError,), ('{"approval":1,"issue":2,"patch":"x"}',)
    ),
    "messages to people": Reader(_told),
}
