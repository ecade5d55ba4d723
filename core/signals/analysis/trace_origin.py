"""Where a failure began: the first failing span of the traces that cross services. Pure.

A failure travels from the called service to its caller. So the first failing span of a trace is one that has no
failing child; of several, the one that ended first, because a callee answers before its caller does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

SHOWN = 80  # characters of an untrusted name


@dataclass(frozen=True)
class Failing:
    """A failing span. ``peer`` is the service that a client span calls, if it is named."""

    source: str
    trace: str
    span: str
    parent: str
    service: str
    name: str
    peer: str
    ended: datetime


@dataclass(frozen=True)
class TraceOrigin:
    """The service in which ``traces`` of ``of`` traces failed first, and the reason in words."""

    service: str
    traces: int
    of: int
    message: str

    @property
    def share(self) -> float:
        return self.traces / self.of


def origins(spans: Sequence[Failing], public: Collection[str] = ()) -> list[TraceOrigin]:
    """The services in which these traces failed first, most traces first.

    Sources of ``public`` can be written to by outsiders: their spans count only if there are no others.
    """
    spans = [span for span in spans if span.source not in public] or spans
    traces: dict[str, list[Failing]] = defaultdict(list)
    for span in spans:
        traces[span.trace].append(span)
    begun: dict[str, list[Sequence[Failing]]] = defaultdict(list)
    for found in traces.values():
        begun[_service(first(found))].append(found)
    order = sorted(begun, key=lambda name: (-len(begun[name]), name))
    return [_origin(name, begun[name], len(traces), public) for name in order]


def first(spans: Sequence[Failing]) -> Failing:
    """The span of one trace in which the failure began."""
    parents = {span.parent for span in spans}
    ends = [span for span in spans if span.span not in parents] or list(spans)  # a circle of parents is no trace
    return min(ends, key=lambda span: (span.ended, span.span))


def _service(span: Failing) -> str:
    """A failing call without a failing span of the called service began there: that service sends no spans."""
    return span.peer or span.service


def _origin(service: str, traces: Sequence[Sequence[Failing]], of: int, public: Collection[str]) -> TraceOrigin:
    example = min(traces, key=lambda spans: (first(spans).ended, first(spans).span))
    span, path = first(example), _path(example, service)
    called = f", called by {_short(span.service)}" if span.peer and span.peer != span.service else ""
    message = f"{_short(service)}: the first failing span of {len(traces)} of {of} traces is"
    message += f" {_short(span.name)!r}{called} (trace {span.trace}"
    message += f", {' <- '.join(path)})" if len(path) > 1 else ")"
    public_note = f"; {span.source} reports it, where outsiders can write" if span.source in public else ""
    return TraceOrigin(service, len(traces), of, message + public_note)


def _path(spans: Sequence[Failing], service: str) -> list[str]:
    """The services through which the failure went, from its origin to the caller of all."""
    ordered = sorted(spans, key=lambda span: (span.ended, span.span))
    return [_short(name) for name in dict.fromkeys([service, *(span.service for span in ordered)])][:6]


def _short(text: str) -> str:
    return " ".join(text.split())[:SHOWN]
