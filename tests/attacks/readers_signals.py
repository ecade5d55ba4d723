"""Readers of signals: stacks, fingerprints, templates, analysis."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from core.cli import blame as blame_command
from core.cli import correlate, streams
from core.models import Crash, Kind, Record, bounds
from core.signals import patches
from core.signals.analysis import blame, causes, memory
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.types import IssueFacts
from core.signals.grouping import noise, stack
from core.signals.grouping.candidates import Correlator
from core.signals.grouping.fingerprint import fingerprint
from core.signals.grouping.header import header_end, structured
from core.signals.grouping.masking import mask, words
from core.signals.grouping.templates import Templates
from core.vendors.opinion import fenced
from tests.attacks.reader import AT, Reader, crash, record


def _records(text: str) -> Iterator[Record]:
    for kind in Kind:
        yield record(text, kind)
    for name in ("error.stack", "error.class", "error.message", "monitor_id", "status", "http.status_code"):
        yield record(
            "x", Kind.EXCEPTION, attributes={name: text, "error": {"stack": text}, "http": {"status_code": text}}
        )


def _alerts(text: str) -> Iterator[Record]:
    for name in ("alarm_name", "endpoint", "transaction", "query", "labels"):
        yield record(
            text, Kind.ALERT, service=text[:2000], attributes={name: text if name != "labels" else {"url": text}}
        )


def _fingerprints(text: str) -> None:
    for one in _records(text):
        fingerprint(one)


def _crashes(text: str) -> Iterator[Crash]:
    yield crash(text)
    yield crash(text, "TypeError")
    yield crash(text, text)
    for kind in ("KeyError", "ZeroDivisionError", "AttributeError", "ConnectionError"):
        yield crash(text, kind).model_copy(update={"chain": ()})


def _crash_fingerprints(text: str) -> None:
    for one in _crashes(text):
        fingerprint(record("x", Kind.EXCEPTION, crash=one))


def _verdicts(text: str) -> None:
    for one in _crashes(text):
        causes.classify(one)


def _analyses(text: str) -> None:
    stored = [bounds.bounded(record(text[:2000], Kind.EXCEPTION, crash=one)) for one in _crashes(text)]
    changes = [record(text, Kind.CHANGE, release=text, attributes={"files": [text, text[:9]], "sha": text})]
    found = IssueFacts(text, "cart", [Record.model_validate(row) for row in stored], changes=changes, past=[text])
    EmbeddedAnalyst().analyze(found)
    fenced(found)


def _noise(text: str) -> None:
    silence = noise.ActiveSilence(AT.replace(year=2030), title="*a*b*c*d", service="*x*")
    for one in _records(text):
        noise.verdict(one, noise.Context(silences=[silence]))


def _correlated(text: str) -> None:
    correlator = Correlator()
    for one in (*_records(text), *_alerts(text), record(text[::-1]), record("x", Kind.EXCEPTION, crash=crash(text))):
        correlator.place(one)


def _blamed(text: str) -> None:
    change = record(text, Kind.CHANGE, release=text, attributes={"files": [text] * 3 + text.split("\n")[:100]})
    blame.rank(service="cart", began=AT, changes=[change], calls=[text, f"{text}:{text}"], upstream=text)


def _grouped(text: str) -> None:
    streams.group(io.BytesIO(text.encode("utf-8", "replace")), io.StringIO(), io.StringIO())


def _detected(text: str) -> None:
    rows = f"timestamp,value\n{text}\n2026-01-05 08:00:00,{text}\n{text[:40]},1"
    streams.detect(io.BytesIO(rows.encode("utf-8", "replace")), io.StringIO(), io.StringIO())


def _correlate_command(text: str) -> None:
    told = {"source": "a", "vendor_id": "1", "kind": "log", "at": "2026-01-05T08:00:00Z", "title": text}
    lines = f"{text}\n{json.dumps(told)}\n"
    correlate.correlate(io.BytesIO(lines.encode("utf-8", "replace")), io.StringIO(), io.StringIO())


def _incident(text: str) -> None:
    told = text if text[:1] == "{" else json.dumps(INCIDENT).replace("cart", json.dumps(text)[1:-1])
    line = told.encode("utf-8", "replace")
    blame_command.answer(io.BytesIO(line), io.StringIO(), io.StringIO(), batch=True, reasons=True)


SAMPLES = [
    {"node": "cart", "metric": "latency", "stat": stat, "normal": [1.0, 1.1], "abnormal": [9.0]}
    for stat in ("Average", "Sum")
]
INCIDENT = {"target": {"node": "cart", "metric": "latency"}, "calls": {"cart": ["stock"]}, "series": SAMPLES}
SIGNALS = {
    "stack of a text": Reader(lambda text: (stack.read(text), stack.read(f'File "\n{text}'), stack.read(f"at {text}"))),
    "lines of a patch": Reader(lambda text: list(patches.hunks(f"+++ b/{text}\n{text}\n@@ -1 +{text[:40]} @@"))),
    "file of a frame": Reader(
        lambda text: (stack.normal_file(text), stack.normal_file(f"{text}.py")), seeds=("/srv/a.py",)
    ),
    "fingerprint of a record": Reader(_fingerprints),
    "fingerprint of a crash": Reader(_crash_fingerprints),
    "kind of cause": Reader(_verdicts),
    "embedded analysis": Reader(_analyses, slow=True),
    "noise": Reader(_noise),
    "correlation": Reader(_correlated, slow=True),
    "blame": Reader(_blamed),
    "memory": Reader(
        lambda text: memory.similar(memory.PastIssue(1, "", "", "", text), [memory.PastIssue(2, "", "", "", text)])
    ),
    "mask": Reader(lambda text: (mask(text), words(text))),
    "template of a line": Reader(lambda text: [Templates().group(line) for line in (text, *text.splitlines()[:50])]),
    "templates of a stream": Reader(_grouped, slow=True),
    "header of a line": Reader(lambda text: (header_end(text[:400]), structured(text), structured(f"a={text}"))),
    "series of numbers": Reader(_detected, seeds=("2026-01-05 08:00:00,1.5\n2026-01-05 08:05:00,2",)),
    "correlate command": Reader(
        _correlate_command, seeds=('{"source": "a", "title": "x", "at": "2026-01-05T08:00:00Z"}',)
    ),
    "incident to blame": Reader(_incident, seeds=(json.dumps(INCIDENT),), json=True),
    "what is stored of a record": Reader(lambda text: [bounds.bounded(one) for one in _records(text)]),
}
