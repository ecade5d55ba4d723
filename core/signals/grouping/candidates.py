"""The open issues that a record is compared with, found by index instead of comparing all with all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.models import Record
from core.signals.grouping import correlation
from core.signals.grouping.correlation import Landscape, Match, Overrides
from core.signals.grouping.explaining import ACTIVE, explanation
from core.signals.grouping.fingerprint import Fingerprint, fingerprint
from core.signals.grouping.open_issue import Open
from core.signals.grouping.symptoms import SIGNS

BUCKET = 16  # compared issues of one bucket, the most recently seen
LIMIT = 20_000  # issues kept; beyond it, the least recently seen are dropped


class Candidates:
    """Open issues by fingerprint, place, message, service and exception type."""

    def __init__(self, issues: Sequence[Open] = (), limit: int = LIMIT):
        self.issues: OrderedDict[int, Open] = OrderedDict()
        self.prints: dict[str, int] = {}
        self.buckets: dict[tuple, OrderedDict[int, None]] = {}
        self.parents: dict[int, int] = {}  # symptom: the crash that explains it
        self.limit = limit
        self.compared = 0
        for issue in issues:
            self.put(issue)

    def put(self, issue: Open, *fingerprints: str) -> None:
        """Add or update an issue; ``fingerprints`` are further ones that it owns."""
        self.issues[issue.id] = issue
        self.issues.move_to_end(issue.id)
        for key in (issue.fingerprint, *fingerprints):
            self.prints.setdefault(key, issue.id)
        for key in (*_keys(issue), *_parts(issue)):
            bucket = self.buckets.setdefault(key, OrderedDict())
            bucket[issue.id] = None
            bucket.move_to_end(issue.id)
            if len(bucket) > BUCKET:
                bucket.popitem(last=False)
        if len(self.issues) > self.limit:
            self._forget()

    def find(self, record: Record, fp: Fingerprint, around: Landscape, overrides: Overrides) -> Match:
        """The issue of a record, by similarity or by an identical fingerprint that already joined it."""
        near = self.near(correlation.opened(0, record, fp), overrides.merged)
        self.compared += len(near)
        found = correlation.match(record, fp, near, around, overrides)
        owner = self.prints.get(fp.key)
        if found.issue_id is None and owner in self.issues and fp.key not in overrides.split:
            return Match(owner, 1.0, {"fingerprint": 1.0}, fp.because)
        return found

    def join(self, issue_id: int, record: Record, fp: Fingerprint) -> None:
        """Map the fingerprint of a record to the issue it joined, unless similar records may belong elsewhere."""
        tells = record.service and record.kind not in SIGNS
        self.put(correlation.absorb(self.issues[issue_id], record, fp), *([fp.key] if tells else []))

    def near(self, new: Open, merged: Mapping[str, str]) -> list[Open]:
        """At most a few dozen issues; only the owner of the fingerprint if there is one."""
        for key in (merged.get(new.fingerprint, new.fingerprint), new.fingerprint):
            if key in self.prints:
                return [self.issues[self.prints[key]]]
        ids = {i for key in _keys(new) for i in self.buckets.get(key, ())}
        return [self._lasting(self.issues[i]) for i in sorted(ids) if i in self.issues]

    def _lasting(self, issue: Open) -> Open:
        """A symptom goes on as long as the crash that explains it."""
        cause = self.issues.get(self.parents.get(issue.id, 0))
        if cause is None:
            return issue
        over = max(issue.last_seen, cause.last_seen) + ACTIVE
        return replace(issue, last_seen=over - ACTIVE, ended=min(filter(None, (issue.ended, cause.ended, over))))

    def explained(self, issue_id: int) -> Iterator[tuple[int, int]]:
        """(symptom, the crash that explains it): of this symptom, or of the symptoms of this crash's services."""
        issue = self.issues[issue_id]
        signs = [issue] if issue.kind in SIGNS else self._of(issue.services, "symptoms")
        for sign in signs:
            found = explanation(sign, self._of(sign.services, "crashes"))
            if found and self.parents.get(sign.id) != found.id:
                yield sign.id, found.id

    def _of(self, services: Iterable[frozenset[str]], what: str) -> list[Open]:
        ids = {i for service in services for i in self.buckets.get((what, service), ())}
        return [self.issues[i] for i in sorted(ids) if i in self.issues]

    def _forget(self) -> None:
        """Drop the oldest tenth at once, which amortizes the sweep of the indexes."""
        for _ in range(max(1, self.limit // 10)):
            self.issues.popitem(last=False)
        self.prints = {key: i for key, i in self.prints.items() if i in self.issues}
        self.parents = {child: parent for child, parent in self.parents.items() if child in self.issues}
        for key, bucket in list(self.buckets.items()):
            kept = OrderedDict((i, None) for i in bucket if i in self.issues)
            self.buckets[key] = kept
            if not kept:
                del self.buckets[key]


def _keys(issue: Open) -> Iterator[tuple]:
    if issue.calls:
        yield "place", issue.type, issue.calls[-1].rsplit("/", 1)[-1]
    yield "message", issue.message
    yield "type", issue.type
    if issue.root:
        yield "type", issue.root
    for service in issue.services or (frozenset(),):
        yield "service", service
        yield "service and type", service, issue.type
        if issue.symptom:
            yield "service and symptom", service, issue.symptom
    yield ("any",)


def _parts(issue: Open) -> Iterator[tuple]:
    """Where ``explained`` finds it."""
    if issue.symptom or issue.type:
        for service in issue.services:
            yield "symptoms" if issue.symptom else "crashes", service


@dataclass(frozen=True)
class Placement(Match):
    """``issue_id`` is the incident's first issue, ``part`` the issue that the record belongs to."""

    part: int = 0


class Correlator:
    """Assigns each record of a stream to an issue, opening issues as needed; memory is bounded."""

    def __init__(
        self,
        around: Landscape = Landscape(),  # noqa: B008 - frozen
        overrides: Overrides = Overrides(),  # noqa: B008 - frozen
        limit: int = LIMIT,
    ):
        self.around, self.overrides = around, overrides
        self.open = Candidates(limit=limit)
        self.incidents: dict[int, int] = {}  # issue: the first one of its incident, where that is another one
        self.count = 0

    def place(self, record: Record) -> Placement:
        """The issue of a record, a new one if it matches none, and the incident that the issue belongs to."""
        fp = fingerprint(record)
        found = self.open.find(record, fp, self.around, self.overrides)
        if found.issue_id is None:
            self.count += 1
            self.open.put(correlation.opened(self.count, record, fp))
            found = Match(self.count, 1.0, {"new": 1.0}, f"first of its kind ({fp.because})")
        else:
            self.open.join(found.issue_id, record, fp)
        part = found.issue_id or self.count
        for child, parent in self.open.explained(part):
            self._adopt(child, parent)
        return Placement(self.incident(part), found.score, found.shares, found.because, part)

    def end(self, issue_id: int, at: datetime) -> None:
        """The issue ended: its alerts are over."""
        self.open.put(replace(self.open.issues[issue_id], ended=at))

    def incident(self, issue_id: int) -> int:
        """The first issue of those that one crash explains, and of the crash itself."""
        return self.incidents.get(issue_id, issue_id)

    def _adopt(self, child: int, parent: int) -> None:
        self.open.parents[child] = parent
        older, newer = sorted((child, parent))
        self.incidents[newer] = self.incident(older)
        if len(self.incidents) > 2 * self.open.limit:
            self.incidents = {issue: first for issue, first in self.incidents.items() if issue in self.open.issues}
