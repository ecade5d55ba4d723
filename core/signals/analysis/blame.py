"""Ranks the suspects of an incident, with evidence: services, changes, and external causes.

Services: failures propagate from callees to callers. The origin is therefore the service that failed first, that the
other degraded services call, and whose failure its callees do not explain. (After MonitorRank, Kim et al. 2013, and
MicroRCA, Wu et al. 2020, without their random walks.) Changes: recent ones in the same service that touch files of the
stack.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.models import Record
from core.signals.grouping.stack import normal_file

Graph = Mapping[str, Sequence[str]]
SOON = timedelta(minutes=30)  # the weight of a change falls to e^-1 at this distance
SLACK = timedelta(minutes=1)  # clock skew: a change may appear this much later than the incident
EARLY = timedelta(minutes=5)


@dataclass(frozen=True)
class Trouble:
    """The degradation of a service: ``errors`` is the rise of its error rate (0..1), ``latency`` of p95 in ms."""

    service: str
    began: datetime
    errors: float = 0.0
    latency: float = 0.0


@dataclass(frozen=True)
class RankedSuspect:
    """``kind`` is service, release or outside; ``score`` 0..1."""

    kind: str
    name: str
    score: float
    says: str


def rank(
    *,
    service: str,
    began: datetime,
    changes: Sequence[Record] = (),
    calls: Sequence[str] = (),
    graph: Graph | None = None,
    trouble: Sequence[Trouble] = (),
    upstream: str = "",
    ours: Sequence[str] = (),
) -> list[RankedSuspect]:
    """Suspects, most likely first; the input's order does not matter.

    ``calls`` are file:function of the stack; ``upstream`` is a host that the errors name; ``ours`` lists our
    own services (default: those of the graph): any other host is external.
    """
    graph = graph or {}
    known = set(ours) or set(graph) | {t.service for t in trouble} | {service}
    suspects = [
        *(_of_host(upstream, known) if upstream else ()),
        *_of_services(graph, trouble, known),
        *_of_changes(service, began, changes, calls, graph),
    ]
    best: dict[tuple[str, str], RankedSuspect] = {}
    for suspect in sorted(suspects, key=lambda s: (s.score, s.says)):
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


def _of_services(graph: Graph, trouble: Sequence[Trouble], known: set[str]) -> Iterator[RankedSuspect]:
    """Score: 0.5 degradation that no callee explains, 0.3 degraded services that call it, 0.2 how early."""
    worst = {t.service: t for t in sorted(trouble, key=lambda t: (t.errors, t.latency, t.began))}
    if not worst:
        return
    levels = _levels(worst)
    first = min(t.began for t in worst.values())
    for name, told in worst.items():
        callees = [c for c in graph.get(name, ()) if c in levels]
        own = max(0.0, levels[name] - max((levels[c] for c in callees), default=0.0))
        callers = _reach(graph, name) & set(worst)
        early = math.exp(-(told.began - first) / EARLY)
        score = 0.5 * own + 0.3 * (len(callers) + 1) / len(worst) + 0.2 * early
        yield RankedSuspect(
            "service" if name in known else "outside", name, round(score, 4), _says(told, callers, callees)
        )


def _levels(worst: Mapping[str, Trouble]) -> dict[str, float]:
    """Each service's degradation, 0..1, relative to the worst of its kind."""
    errors = max(t.errors for t in worst.values()) or 1.0
    latency = max(t.latency for t in worst.values()) or 1.0
    return {name: max(t.errors / errors, t.latency / latency, 0.0) for name, t in worst.items()}


def _reach(graph: Graph, target: str) -> set[str]:
    """All services that call ``target``, directly or indirectly."""
    callers: dict[str, set[str]] = {}
    for caller, callees in graph.items():
        for callee in callees:
            callers.setdefault(callee, set()).add(caller)
    found: set[str] = set()
    todo = [target]
    while todo:
        new = callers.get(todo.pop(), set()) - found
        found |= new
        todo.extend(new)
    return found - {target}


def _says(told: Trouble, callers: set[str], callees: Sequence[str]) -> str:
    parts = [f"{told.service} degraded from {told.began:%H:%M:%S} UTC on"]
    if told.errors > 0:
        parts.append(f"its error rate rose by {told.errors:.1%}")
    if told.latency > 0:
        parts.append(f"its p95 rose by {told.latency:.0f} ms")
    if callers:
        parts.append(f"{', '.join(sorted(callers)[:5])} depend on it and degraded too")
    parts.append(
        f"it calls {', '.join(sorted(callees)[:5])}, which also degraded" if callees else "its dependencies are healthy"
    )
    return "; ".join(parts)


def _of_changes(
    service: str, began: datetime, changes: Sequence[Record], calls: Sequence[str], graph: Graph
) -> Iterator[RankedSuspect]:
    """Score: 0.5 how recent, 0.3 the same service (0.15 one that it calls), 0.2 files of the stack."""
    files = {call.split(":")[0] for call in calls}
    for change in changes:
        if change.at > began + SLACK:
            continue
        before = max(began - change.at, timedelta(0))
        place = 0.3 if change.service == service else 0.15 if change.service in graph.get(service, ()) else 0.0
        touched = _touched(change, files)
        score = 0.5 * math.exp(-before / SOON) + place + (0.2 if touched else 0.0)
        name = _short(change.release or str(change.attributes.get("sha", ""))) or change.title
        told = ", ".join(part for part in (change.title, change.service) if part and part != name)
        says = name + (f" ({told})" if told else "") + f" came {_ago(before)} before it began"
        says += f" and touched {', '.join(touched[:3])}" if touched else ""
        yield RankedSuspect("release", name, round(score, 4), says)


def _short(release: str) -> str:
    """The first twelve digits of a commit; any other release in full."""
    return release[:12] if re.fullmatch(r"[0-9a-f]{40}", release) else release


def _touched(change: Record, files: set[str]) -> list[str]:
    given = change.attributes.get("files")
    names = {normal_file(f) for f in given if isinstance(f, str)} if isinstance(given, (list, tuple)) else set()
    return sorted(n for n in names if any(n == f or n.endswith("/" + f) or f.endswith("/" + n) for f in files))


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
