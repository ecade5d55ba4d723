"""Whether a record belongs to an open issue, across vendors.

Each term compares one property that both sides have, 0..1; the score is their weighted mean. A
contradiction (another exception, another place, another service) rules the issue out. A person's merges and
splits take precedence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.models import Kind, Record
from core.signals.grouping.fingerprint import Fingerprint
from core.signals.grouping.masking import mask, words

WEIGHTS = {
    "type": 0.25,
    "place": 0.35,
    "message": 0.25,
    "service": 0.15,
    "time": 0.10,
    "release": 0.05,
    "symptom": 0.25,
}
ENOUGH = 0.70  # the lowest score with which a record joins
ALIKE = 0.5  # less similar messages have two causes, unless the place matches
FAR = timedelta(days=3)
SYMPTOM_SPAN = timedelta(minutes=15)  # an alert joins issues that began within this span of it
SYMPTOM = re.compile(r"5\d\d|5xx|error|exception|fail|crash", re.I)
TOKEN = re.compile(r"[a-z][\w-]+")
SPELLING = re.compile(r"[-_. /]+")
ENVIRONMENTS = frozenset({"prod", "production", "live", "service", "svc"})
PROSE = (Kind.REPORT, Kind.LOG)
SIGNS = (Kind.ALERT, Kind.METRIC)  # they show that something fails, not what


@dataclass(frozen=True)
class Open:
    """An open issue as correlation sees it; ``words`` are the significant words of its messages."""

    id: int
    fingerprint: str
    service: str
    kind: Kind
    type: str
    root: str
    subject: str
    message: str  # template of the exception's message, or of the line
    words: frozenset[str]
    calls: tuple[str, ...]
    release: str | None
    first_seen: datetime
    last_seen: datetime
    pattern: str = ""
    named: frozenset[str] = frozenset()  # names in a report's title, perhaps a service


@dataclass(frozen=True)
class Match:
    issue_id: int | None = None
    score: float = 0.0
    shares: Mapping[str, float] = field(default_factory=dict)
    because: str = "no similar open issue"


@dataclass(frozen=True)
class Overrides:
    """Decisions of people: ``merged`` maps a fingerprint to the one it counts as; ``split`` stay separate."""

    merged: Mapping[str, str] = field(default_factory=dict)
    split: frozenset[str] = frozenset()


def opened(issue_id: int, record: Record, fp: Fingerprint) -> Open:
    """The issue that a record opens."""
    says = fp.crash.exception.message if fp.crash else record.message or record.title
    return Open(
        id=issue_id,
        fingerprint=fp.key,
        service=record.service,
        kind=record.kind,
        type=fp.type,
        root=fp.root,
        subject=fp.subject,
        message=mask(says),
        words=words(f"{record.title} {says if fp.crash else record.message}"),
        calls=fp.calls,
        release=record.release,
        first_seen=record.at,
        last_seen=record.at,
        pattern=fp.pattern,
        named=frozenset(TOKEN.findall(record.title.lower())) if record.kind is Kind.REPORT else frozenset(),
    )


def absorb(issue: Open, record: Record, fp: Fingerprint) -> Open:
    """The issue after a record joined it, with its unknown fields filled in."""
    new = opened(issue.id, record, fp)
    known = {"service": issue.service or new.service, "release": issue.release or new.release}
    if issue.kind in SIGNS:  # an alert came first: the record is more specific
        known["kind"] = new.kind
    if not issue.type or (new.type == issue.type and not issue.calls):
        known |= {name: getattr(new, name) or getattr(issue, name) for name in ("type", "root", "calls")}
        known |= {"subject": new.subject or issue.subject, "pattern": new.pattern or issue.pattern}
        known |= {"message": new.message if new.type else issue.message, "words": issue.words | new.words}
    span = {
        "first_seen": min(issue.first_seen, record.at),
        "last_seen": max(issue.last_seen, record.at),
    }
    return replace(issue, **known, **span)


def match(
    record: Record,
    fp: Fingerprint,
    candidates: Sequence[Open],
    graph: Mapping[str, Sequence[str]] | None = None,
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
) -> Match:
    """The open issue a record belongs to. ``graph`` maps a service to those it calls.

    Independent of the candidates' order: ties go to the issue seen nearest in time, then to the oldest.
    """
    meant = overrides.merged.get(fp.key, fp.key)
    same = [c for c in candidates if overrides.merged.get(c.fingerprint, c.fingerprint) == meant]
    if same:
        first = min(same, key=lambda c: c.id)
        by = "a person merged them" if fp.key != first.fingerprint else fp.because
        return Match(first.id, 1.0, {"fingerprint": 1.0}, by)
    if fp.key in overrides.split:
        return Match(because="a person split it off")
    new = opened(0, record, fp)
    free = (c for c in candidates if c.fingerprint not in overrides.split)
    scored = [(sum(shares.values()), c, shares) for c in free if (shares := compare(new, c, graph or {}))]
    if not scored:
        return Match()
    score, best, shares = max(scored, key=lambda s: (round(s[0], 6), -_gap(new, s[1]), -s[1].id))
    if score < ENOUGH:
        return Match(None, score, shares, f"nearest to issue {best.id}, but only {score:.2f} alike")
    return Match(best.id, score, shares, _because(best, shares))


def compare(new: Open, issue: Open, graph: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Each term's share in the score; empty if they contradict each other or have nothing in common."""
    gap = _gap(new, issue)
    if gap > FAR.total_seconds():
        return {}
    terms = {
        "type": _type(new, issue),
        "place": _place(new.calls, issue.calls),
        "message": _message(new, issue),
        "service": _service(new, issue, graph),
        "time": 1 - gap / FAR.total_seconds(),
        "release": float(new.release == issue.release) if new.release and issue.release else None,
    }
    if not (new.type and issue.type) and (new.kind in SIGNS or issue.kind in SIGNS):
        terms |= {"message": None, "symptom": float(_symptom(new, issue, terms["service"]))}
    known = {name: value for name, value in terms.items() if value is not None}
    if _contradict(new, issue, known):
        return {}
    total = sum(WEIGHTS[name] for name in known)
    return {name: WEIGHTS[name] * value / total for name, value in known.items()}


def _contradict(new: Open, issue: Open, known: Mapping[str, float]) -> bool:
    if any(known.get(name) == 0 for name in ("type", "place", "service", "symptom")):
        return True
    if new.subject and issue.subject and new.subject != issue.subject:
        return True
    if "place" in known or "symptom" in known:
        return False
    return known.get("message", 0) < ALIKE or ("service" not in known and Kind.REPORT not in (new.kind, issue.kind))


def _type(a: Open, b: Open) -> float | None:
    """The same exception, or one that the other stack names as its root."""
    if not (a.type and b.type):
        return None
    if a.type == b.type:
        return 1.0
    return 0.8 if a.root == b.type or b.root == a.type else 0.0


def _place(a: tuple[str, ...], b: tuple[str, ...]) -> float | None:
    """The share of the shorter stack's inner end that both have; 0 if the innermost calls differ."""
    if not (a and b):
        return None
    if not _same_call(a[-1], b[-1]):
        return 0.0
    depth = min(len(a), len(b), 4)
    return sum(_same_call(x, y) for x, y in zip(a[-depth:], b[-depth:], strict=True)) / depth


def _same_call(a: str, b: str) -> bool:
    """shop/cart.py:add equals cart.py:add with another root."""
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    return long == short or long.endswith("/" + short)


def _message(a: Open, b: Open) -> float | None:
    """Similarity of the messages; prose may contain more than the message it quotes."""
    if a.type and a.type == b.type and a.message == b.message:
        return 1.0
    first, second = a.words - _names(a), b.words - _names(b)
    if not (first and second):
        return None if Kind.REPORT not in (a.kind, b.kind) else 0.0
    both = len(first & second)
    alike = both / len(first | second)
    for prose, told in ((a, second), (b, first)):
        if prose.kind in PROSE and len(told) >= 2:
            alike = max(alike, both / len(told))
    return alike


def _names(issue: Open) -> frozenset[str]:
    """Words that only repeat the type and the service, which are separate terms."""
    return frozenset({issue.type.lower(), *SPELLING.split(issue.service.lower())})


def _service(new: Open, issue: Open, graph: Mapping[str, Sequence[str]]) -> float | None:
    """Match services: spellings differ, neighbours report each other's failures, and a title may name it."""
    a, b = new.service, issue.service
    if not (a and b):
        return _titled(new, issue) if a or b else None
    if _plain(a) == _plain(b):
        return 1.0
    return 0.5 if b in graph.get(a, ()) or a in graph.get(b, ()) else 0.0


def _titled(a: Open, b: Open) -> float | None:
    report, other = (a, b) if b.service else (b, a)
    if report.kind is not Kind.REPORT:
        return None
    return 1.0 if _plain(other.service) in {_plain(name) for name in report.named} else 0.5


def _plain(service: str) -> frozenset[str]:
    return frozenset(SPELLING.split(service.lower())) - ENVIRONMENTS


def _symptom(new: Open, issue: Open, service: float | None) -> bool:
    """Does an alert about failing requests match failures that began in that service at that time?"""
    alert, fault = (new, issue) if new.kind in SIGNS else (issue, new)
    if fault.kind in SIGNS or not fault.type or service != 1.0:
        return False
    near = abs(alert.first_seen - fault.first_seen) <= SYMPTOM_SPAN
    return near and bool(SYMPTOM.search(alert.message) or SYMPTOM.search(" ".join(alert.words)))


def _gap(a: Open, b: Open) -> float:
    """Seconds between two spans of time; 0 if they overlap."""
    return max(0.0, (a.first_seen - b.last_seen).total_seconds(), (b.first_seen - a.last_seen).total_seconds())


def _because(issue: Open, shares: Mapping[str, float]) -> str:
    told = {"type": issue.type, "place": issue.calls[-1] if issue.calls else "", "service": issue.service}
    said = [
        f"{name} {told.get(name) or ''}".strip() for name in sorted(shares, key=lambda name: shares[name], reverse=True)
    ]
    return f"matches by {', '.join(said[:4])}"
