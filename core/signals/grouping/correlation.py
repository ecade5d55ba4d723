"""Whether a record belongs to an open issue, across vendors.

Each term compares one property that both sides have, 0..1; the score is their weighted mean. A
contradiction (another exception, another place, another service) rules the issue out. A person's merges and
splits take precedence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from core.models import Kind, Record
from core.signals.grouping.fingerprint import Fingerprint
from core.signals.grouping.open_issue import Open, absorb, gap, opened
from core.signals.grouping.symptoms import SIGNS, SPELLING, plain

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
ALIKE = 0.5  # messages that share only half of their words have two causes, unless the place matches
FAR = timedelta(days=3)
LASTS = timedelta(hours=12)  # an alert that nobody ended goes on for so long: vendors tell its beginning and its end
PROSE = (Kind.REPORT, Kind.LOG)
CALLED = ("connection", "timeout", "missing-file", "raise", "other")  # failures whose caller says what failed
__all__ = ["Landscape", "Match", "Open", "Overrides", "absorb", "match", "opened"]


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


@dataclass(frozen=True)
class Landscape:
    """The services: ``calls`` maps each to those it calls, ``code`` to the code that it runs, as one word."""

    calls: Mapping[str, Sequence[str]] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)

    def neighbours(self, a: str, b: str) -> bool:
        return b in self.calls.get(a, ()) or a in self.calls.get(b, ())

    @cached_property
    def names(self) -> Mapping[frozenset[str], str]:
        return {plain(name): name for name in self.code}

    def name(self, service: str) -> str:
        """The service's own name, for any spelling of it; an unknown one as it is."""
        return self.names.get(plain(service), service)

    def same_code(self, a: str, b: str) -> bool:
        runs = self.code.get(self.name(a))
        return bool(runs) and runs == self.code.get(self.name(b))


def match(
    record: Record,
    fp: Fingerprint,
    candidates: Sequence[Open],
    around: Landscape = Landscape(),  # noqa: B008 - frozen
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
) -> Match:
    """The open issue a record belongs to.

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
    scored = [(sum(shares.values()), c, shares) for c in free if (shares := compare(new, c, around))]
    if not scored:
        return Match()
    score, best, shares = max(scored, key=lambda s: (round(s[0], 6), -gap(new, s[1]), -s[1].id))
    if score < ENOUGH:
        return Match(None, score, shares, f"nearest to issue {best.id}, but only {score:.2f} alike")
    return Match(best.id, score, shares, _because(best, shares))


def compare(new: Open, issue: Open, around: Landscape) -> dict[str, float]:
    """Each term's share in the score; empty if they contradict each other or have nothing in common."""
    apart = gap(new, issue)
    if apart > FAR.total_seconds() or Kind.SECURITY in (new.kind, issue.kind):  # a finding is only like itself
        return {}
    terms = {"service": _service(new, issue, around), "time": 1 - apart / FAR.total_seconds()}
    if new.kind in SIGNS or issue.kind in SIGNS:
        return _weighed(terms | {"symptom": 1.0}) if _same_symptom(new, issue) else {}
    terms |= {
        "type": _type(new, issue),
        "place": _place(new.calls, issue.calls),
        "message": _message(new, issue),
        "release": float(new.release == issue.release) if new.release and issue.release else None,
    }
    known = {name: value for name, value in terms.items() if value is not None}
    return {} if _contradict(new, issue, known) else _weighed(known)


def _weighed(known: Mapping[str, float | None]) -> dict[str, float]:
    total = sum(WEIGHTS[name] for name in known)
    return {name: WEIGHTS[name] * (value or 0.0) / total for name, value in known.items()}


def _same_symptom(new: Open, issue: Open) -> bool:
    """Do two alerts tell of one symptom, while it lasts? An issue of alerts lasts until its alerts are over."""
    if not new.symptom or new.symptom != issue.symptom or not _affects(issue, new.service):
        return False
    if new.endpoints and issue.endpoints and not new.endpoints & issue.endpoints:
        return False
    over = issue.ended is not None and new.first_seen > issue.ended
    return not over and gap(new, issue) <= LASTS.total_seconds()


def _affects(issue: Open, service: str) -> bool:
    return bool(service) and (plain(service) in issue.services)


def _contradict(new: Open, issue: Open, known: Mapping[str, float]) -> bool:
    if any(known.get(name) == 0 for name in ("type", "place", "service")):
        return True
    if new.subject and issue.subject and new.subject != issue.subject:
        return True
    if "place" in known:
        return False
    return known.get("message", 0) <= ALIKE or ("service" not in known and Kind.REPORT not in (new.kind, issue.kind))


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
    for prose, stated in ((a, second), (b, first)):
        if prose.kind in PROSE and len(stated) >= 2:
            alike = max(alike, both / len(stated))
    return alike


def _names(issue: Open) -> frozenset[str]:
    """Words that only repeat the type and the service, which are separate terms."""
    return frozenset({issue.type.lower(), *SPELLING.split(issue.service.lower())})


def _service(new: Open, issue: Open, around: Landscape) -> float | None:
    """Match services: spellings differ, neighbours report each other's failures, and a title may name it.

    Two services that run the same code have one bug if they fail at the same place.
    """
    a, b = new.service, issue.service
    if not (a and b):
        return _titled(new, issue) if a or b else None
    if _affects(issue, a) or (around.same_code(a, b) and _same_bug(new, issue)):
        return 1.0
    return 0.5 if around.neighbours(a, b) else 0.0


def _same_bug(a: Open, b: Open) -> bool:
    """The same exception at the same place, in two services.

    Where only the innermost call is shared, it must be at fault itself: a helper that calls others, or that only
    raises, is told apart by its caller.
    """
    same = [getattr(a, name) == getattr(b, name) for name in ("type", "root", "subject", "operation")]
    if not (all(same) and a.type and a.calls and b.calls and _same_call(a.calls[-1], b.calls[-1])):
        return False
    if a.code and b.code and a.code != b.code:
        return False
    callers = a.calls[-2:-1], b.calls[-2:-1]
    return callers[0] == callers[1] or (bool(a.code) and a.code == b.code and a.operation not in CALLED)


def _titled(a: Open, b: Open) -> float | None:
    report, other = (a, b) if b.service else (b, a)
    if report.kind is not Kind.REPORT:
        return None
    return 1.0 if plain(other.service) in {plain(name) for name in report.named} else 0.5


def _because(issue: Open, shares: Mapping[str, float]) -> str:
    stated = {"type": issue.type, "place": issue.calls[-1] if issue.calls else "", "service": issue.service}
    said = [
        f"{name} {stated.get(name) or ''}".strip()
        for name in sorted(shares, key=lambda name: shares[name], reverse=True)
    ]
    return f"matches by {', '.join(said[:4])}"
