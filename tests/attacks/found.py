"""Texts that broke a reader once, each as small as it could be made: (reader, text)."""

from __future__ import annotations

import json

from tests.attacks.readers_inputs import ALERT
from tests.attacks.readers_signals import INCIDENT, SAMPLES

DIGITS = "9" * 5000  # more than int() reads

LONG_AGO = json.dumps(ALERT | {"alerts": [ALERT["alerts"][0] | {"startsAt": "0001-01-01T00:00:00+14:00"}]})
APART = [SAMPLES[0], SAMPLES[1] | {"node": "x"}]
FOUND = (
    # one such log line ended every round of grouping
    ("fingerprint of a record", f'Traceback (most recent call last):\n  File "a.py", line {DIGITS}, in f\nKeyError: 1'),
    ("fingerprint of a record", f"TypeError: x\n    at f (a.js:{DIGITS}:1)"),
    ("noise", "²"),  # isdigit() says yes, int() says no
    # one such record ended every reading of its source
    ("Sentry's event", '{"dateCreated": "2026-01-05T08:00:00Z", "message": "\\ud800"}'),
    ("CloudWatch's line", '{"eventId": "1", "timestamp": 1e20, "message": "x"}'),
    ("what is stored of a record", "\ud800\0"),
    ("body of an answer", "[" * 100_000),
    ("body of an answer", '{"errors": ' + "[" * 100_000),
    ("a model's text", '{"a":' * 100_000),
    ("Cline's output", "{" + '"a":{' * 100_000),
    ("Slack's payload", "payload=" + "%5B" * 100_000),
    ("policy of the platform", "a = " + "[" * 10_000),
    ("CodeRabbit's review", f"`{DIGITS}`: **x**"),
    ("difference", f"@@ -{DIGITS} +{DIGITS} @@\n+a"),
    ("limits in headers", "²"),
    ("messages to people", "\ud800"),
    ("fix by a message", "(" * 300),
    ("a service's events", '{"message": "x", "time": "0001-01-01T00:00:00+14:00"}'),
    ("Alertmanager's alerts", LONG_AGO),
    # a graph that names components beyond those that the target reaches
    ("incident to blame", json.dumps(INCIDENT | {"target": {"node": "x", "metric": "latency"}, "series": APART})),
)
