"""Ranks the suspects of an incident, with evidence: components, changes, and external causes.

Components: see components.py. Traces: see trace_origin.py. Changes: recent ones in the same service that touch files
of the stack.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.models import Record
from core.signals.analysis import change_notes
from core.signals.analysis.change_notes import ChangeNotes
from core.signals.analysis.components import Incident, ranked
from core.signals.analysis.trace_origin import TraceOrigin

Graph = Mapping[str, Sequence[str]]
SOON = timedelta(minutes=30)  # the weight of a change falls to e^-1 at this distance
SLACK = timedelta(minutes=1)  # clock skew: a change may appear this much later than the incident
RECENT = 0.5  # of a change at the very beginning of the incident
SAME, CALLED = 0.3, 0.15  # of a change of the same service, of one that it calls
TOUCHED = 0.2  # of a change of files of the stack
RED = 0.1  # of a change with a failed workflow run
TRACED = 0.95  # of the service in which every trace failed first
OWN = 0.2  # share of the own excess from which a component is a suspect


@dataclass(frozen=True)
class RankedSuspect:
    """``kind`` is service, release or outside; ``score`` 0..1. ``change`` is what a release brought."""

    kind: str
    name: str
    score: float
    message: str
    change: Record | None = field(default=None, compare=False)


def rank(
    *,
    service: str,
    began: datetime,
    changes: Sequence[Record] = (),
    calls: Sequence[str] = (),
    graph: Graph | None = None,
    incident: Incident | None = None,
    upstream: str = "",
    ours: Sequence[str] = (),
    traces: Sequence[TraceOrigin] = (),
) -> list[RankedSuspect]:
    """Suspects, most likely first; the input's order does not matter.

    ``calls`` are file:function of the stack; ``upstream`` is a host that the errors name; ``ours`` lists our
    own services (default: those of the graph): any other host is external. ``traces`` says where traces failed first.
    """
    graph = graph or {}
    known = set(ours) or {*graph, *(callee for callees in graph.values() for callee in callees), service}
    suspects = [
        *(_of_host(upstream, known) if upstream else ()),
        *(_of_components(incident) if incident else ()),
        *_of_traces(traces),
        *_of_changes(service, began, changes, calls, graph),
    ]
    best: dict[tuple[str, str], RankedSuspect] = {}
    for suspect in sorted(suspects, key=lambda s: (s.score, s.message)):
        best[suspect.kind, suspect.name] = suspect
    return sorted(best.values(), key=lambda s: (-s.score, s.kind, s.name))


def _of_host(host: str, known: set[str]) -> Iterator[RankedSuspect]:
    name = host.split(":")[0].split(".")[0]
    if host in known or name in known:
        yield RankedSuspect(
            "service", name if name in known else host, 0.9, f"the errors name {host}, one of our services"
        )
    else:
        yield RankedSuspect("outside", host, 0.9, f"an external outage: the errors name {host}, which is not ours")


def _of_components(incident: Incident) -> Iterator[RankedSuspect]:
    for one in ranked(incident):
        if one.share >= OWN:
            yield RankedSuspect("service", one.name, round(one.share, 4), one.message)


def _of_traces(traces: Sequence[TraceOrigin]) -> Iterator[RankedSuspect]:
    for origin in traces:
        yield RankedSuspect("service", origin.service, round(TRACED * origin.share, 4), origin.message)


def _of_changes(
    service: str, began: datetime, changes: Sequence[Record], calls: Sequence[str], graph: Graph
) -> Iterator[RankedSuspect]:
    """The score adds up how recent it is, its service, files of the stack, and a red run.

    Without a stack, a change of the repository that names no service counts like one of a service that it calls.
    """
    files = {call.split(":")[0] for call in calls}
    places = ({} if calls else {"": CALLED}) | dict.fromkeys(graph.get(service, ()), CALLED) | {service: SAME}
    earlier = [change for change in changes if change.at <= began + SLACK and not change_notes.is_pending(change)]
    notes = change_notes.of_commits(earlier)
    for change in earlier:
        before = max(began - change.at, timedelta(0))
        touched = change_notes.touched(change, files)
        note = notes.get(str(change.attributes.get("sha") or ""), ChangeNotes())
        score = RECENT * math.exp(-before / SOON) + places.get(change.service, 0.0)
        score = score + (TOUCHED if touched else 0.0) + (RED if note.red else 0.0)
        name = _name(change)
        message = "; ".join([_message(change, name, before, touched), *note.says])
        yield RankedSuspect("release", name, min(1.0, round(score, 4)), message, change)


def _message(change: Record, name: str, before: timedelta, touched: Sequence[str]) -> str:
    about = ", ".join(part for part in (change.title, change.service) if part and part != name)
    message = name + (f" ({about})" if about else "") + f" came {_ago(before)} before it began"
    return message + (f" and touched {', '.join(touched[:3])}" if touched else "")


def _name(change: Record) -> str:
    return _short(change.release or str(change.attributes.get("sha", ""))) or change.title


def _short(release: str) -> str:
    """The first twelve digits of a commit; any other release in full."""
    return release[:12] if re.fullmatch(r"[0-9a-f]{40}", release) else release


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
