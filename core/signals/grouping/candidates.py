"""The open issues that a record is compared with, found by index instead of comparing all with all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

from core.models import Record
from core.signals.grouping import correlation
from core.signals.grouping.correlation import Match, Open, Overrides
from core.signals.grouping.fingerprint import Fingerprint, fingerprint

BUCKET = 16  # compared issues of one bucket, the most recently seen
LIMIT = 20_000  # issues kept; beyond it, the least recently seen are dropped


class Candidates:
    """Open issues by fingerprint, place, message, service and exception type."""

    def __init__(self, issues: Sequence[Open] = (), limit: int = LIMIT):
        self.issues: OrderedDict[int, Open] = OrderedDict()
        self.prints: dict[str, int] = {}
        self.buckets: dict[tuple, OrderedDict[int, None]] = {}
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
        for key in _keys(issue):
            bucket = self.buckets.setdefault(key, OrderedDict())
            bucket[issue.id] = None
            bucket.move_to_end(issue.id)
            if len(bucket) > BUCKET:
                bucket.popitem(last=False)
        if len(self.issues) > self.limit:
            self._forget()

    def find(self, record: Record, fp: Fingerprint, graph: Mapping[str, Sequence[str]], overrides: Overrides) -> Match:
        """The issue of a record, by similarity or by an identical fingerprint that already joined it."""
        near = self.near(correlation.opened(0, record, fp), overrides.merged)
        self.compared += len(near)
        found = correlation.match(record, fp, near, graph, overrides)
        owner = self.prints.get(fp.key)
        if found.issue_id is None and owner in self.issues and fp.key not in overrides.split:
            return Match(owner, 1.0, {"fingerprint": 1.0}, fp.because)
        return found

    def join(self, issue_id: int, record: Record, fp: Fingerprint) -> None:
        """Map the fingerprint of a record to the issue it joined, unless similar records may belong elsewhere."""
        tells = record.service and record.kind not in correlation.SIGNS
        self.put(correlation.absorb(self.issues[issue_id], record, fp), *([fp.key] if tells else []))

    def near(self, new: Open, merged: Mapping[str, str]) -> list[Open]:
        """At most a few dozen issues; only the owner of the fingerprint if there is one."""
        for key in (merged.get(new.fingerprint, new.fingerprint), new.fingerprint):
            if key in self.prints:
                return [self.issues[self.prints[key]]]
        ids = {i for key in _keys(new) for i in self.buckets.get(key, ())}
        return [self.issues[i] for i in sorted(ids) if i in self.issues]

    def _forget(self) -> None:
        """Drop the oldest tenth at once, which amortizes the sweep of the indexes."""
        for _ in range(max(1, self.limit // 10)):
            self.issues.popitem(last=False)
        self.prints = {key: i for key, i in self.prints.items() if i in self.issues}
        for key, bucket in list(self.buckets.items()):
            kept = OrderedDict((i, None) for i in bucket if i in self.issues)
            self.buckets[key] = kept
            if not kept:
                del self.buckets[key]


def _keys(issue: Open) -> Iterator[tuple]:
    if issue.calls:
        yield "place", issue.type, issue.calls[-1].rsplit("/", 1)[-1]
    yield "message", issue.message
    yield "service and type", issue.service, issue.type
    yield "type", issue.type
    if issue.root:
        yield "type", issue.root
    yield ("service", issue.service)
    yield ("any",)


class Correlator:
    """Assigns each record of a stream to an issue, opening issues as needed; memory is bounded."""

    def __init__(
        self,
        graph: Mapping[str, Sequence[str]] | None = None,
        overrides: Overrides = Overrides(),  # noqa: B008 - frozen
        limit: int = LIMIT,
    ):
        self.graph, self.overrides = graph or {}, overrides
        self.open = Candidates(limit=limit)
        self.count = 0

    def place(self, record: Record) -> Match:
        """The issue of a record: the match, or a new issue's id with score 1 share ``new``."""
        fp = fingerprint(record)
        found = self.open.find(record, fp, self.graph, self.overrides)
        if found.issue_id is None:
            return self._begin(record, fp)
        self.open.join(found.issue_id, record, fp)
        return found

    def _begin(self, record: Record, fp: Fingerprint) -> Match:
        self.count += 1
        self.open.put(correlation.opened(self.count, record, fp))
        return Match(self.count, 1.0, {"new": 1.0}, f"first of its kind ({fp.because})")
