"""Which component caused an incident: the one with the largest excess that the components it calls do not explain.

A failure propagates from callees to callers, and it keeps its amount on the way: a callee that delays 100 requests by
0.2 s delays its callers by 20 s in all, however many requests they have. The *excess* of a component is therefore its
rise over normal times its requests: seconds of waiting, or failing requests. Its *own* excess is what remains when the
excess of its callees is subtracted, which each callee shares among its callers by their requests. What does not move
together with the alert is worth less (cosine of the two rises over the samples). So neither the names nor the order of
the components matter, and a sample that is missing counts for nothing.

After the traversal of call graphs (Chen et al., "CauseInfer", INFOCOM 2014; Liu et al., "MicroHECL", ICSE-SEIP 2021)
and ranked correlation, which Hardt et al., "The PetShop dataset" (CLeaR 2024), compare; the amounts are ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Samples = Sequence[float | None]
Graph = Mapping[str, Sequence[str]]

FALLS = frozenset({"availability"})  # metrics whose fall is the failure; of all others it is the rise
CHANCE = 0.95  # share of the normal samples that a rise must exceed
UNCONNECTED = 0.5
ABOUT = 1.5  # factor between two amounts that are alike
REQUESTS = "requests"


@dataclass(frozen=True)
class ComponentSeries:
    """A metric of a component: ``normal`` without a fault, ``abnormal`` around the alert, in the order of time."""

    normal: Samples
    abnormal: Samples


@dataclass(frozen=True)
class Incident:
    """``target`` is the component whose ``metric`` alerted. ``calls`` maps a caller to its callees.

    ``series`` maps (component, metric) to its samples; the abnormal ones of all components have the same times.
    """

    target: str
    metric: str
    calls: Graph
    series: Mapping[tuple[str, str], ComponentSeries]


@dataclass(frozen=True)
class RankedComponent:
    """``share`` is the part of the whole own excess that this component has, 0 to 1; ``message`` is the reason."""

    name: str
    share: float
    message: str


@dataclass(frozen=True)
class _Rise:
    """Mean rise of a component while the target was abnormal, and how well the two move together (0 to 1)."""

    amount: float = 0.0
    alike: float = 0.0
    before: float | None = None
    during: float | None = None


def ranked(incident: Incident) -> list[RankedComponent]:
    """All components that are measured or called by the target, the likeliest cause first.

    A component that the known calls do not connect with the target counts less (UNCONNECTED): calls may be unknown.
    """
    sign = -1 if incident.metric in FALLS else 1
    weights = _weights(incident, sign)
    near = reached(incident.target, incident.calls)
    names = [*near, *sorted({n for n, metric in incident.series if metric == incident.metric} - set(near))]
    rises = {name: _rise(incident, name, sign, weights) for name in names}
    requests = _requests(incident, names, weights)
    excess = {name: rises[name].amount * requests[name] for name in names}
    alike = {name: rises[name].alike for name in names}
    own = {n: max(0.0, excess[n] - _below(n, excess, requests, incident.calls)) * alike[n] for n in names}
    own = _connected(own, near)
    order = sorted(names, key=lambda n: (-own[n], -excess[n] * alike[n], -requests[n]))
    whole = sum(own.values()) or 1.0
    return [RankedComponent(n, own[n] / whole, _says(incident, n, rises[n], own[n] / whole)) for n in order]


def _connected(own: Mapping[str, float], near: Sequence[str]) -> dict[str, float]:
    """The own excess after calls that the graph lacks: what two components have alike is that of one fault.

    A component that the known calls do not connect with the target, and whose own excess is about as large as that of
    a connected one, is taken for its callee. Any other unconnected one counts less.
    """
    found = dict(own)
    for name in sorted(own.keys() - set(near), key=lambda n: (-own[n], n)):
        fits = [n for n in near if own[name] and 1 / ABOUT <= found[n] / own[name] <= ABOUT]
        if fits:
            caller = min(fits, key=lambda n: (abs(found[n] - own[name]), n))
            found[caller] = max(0.0, found[caller] - own[name])
        else:
            found[name] *= UNCONNECTED
    return found


def _weights(incident: Incident, sign: int) -> list[float]:
    """How abnormal the target is at each sample, as shares of the whole; equal where it is not."""
    found = incident.series.get((incident.target, incident.metric))
    if found is None or not found.abnormal:
        return []
    usual = _median(found.normal)
    usual = min((v for v in found.abnormal if v is not None), default=0.0) if usual is None else usual
    rises = [0.0 if value is None else max(0.0, sign * (value - usual)) for value in found.abnormal]
    whole = sum(rises)
    return [rise / whole for rise in rises] if whole else [1 / len(rises)] * len(rises)


def reached(target: str, calls: Graph) -> list[str]:
    """The target and its callees, directly and indirectly."""
    names = [target]
    for name in names:
        names += [c for c in dict.fromkeys(calls.get(name, ())) if c not in names]
    return names


def _rise(incident: Incident, name: str, sign: int, weights: Sequence[float]) -> _Rise:
    found = incident.series.get((name, incident.metric))
    usual = _median(found.normal) if found else None
    during = _mean(found.abnormal, weights) if found else None
    if found is None or usual is None or during is None:
        return _Rise()
    amount = sign * (during - usual)
    if amount <= max(0.0, _quantile([sign * (v - usual) for v in found.normal if v is not None])):
        return _Rise(before=usual, during=during)
    rises = [0.0 if value is None else max(0.0, sign * (value - usual)) for value in found.abnormal]
    return _Rise(amount, _cosine(rises, weights), usual, during)


def _requests(incident: Incident, names: Sequence[str], weights: Sequence[float]) -> dict[str, float]:
    """Requests of each component during the incident; where they are not measured, as many as usual elsewhere."""
    known: dict[str, float | None] = {}
    for name in names:
        found = incident.series.get((name, REQUESTS))
        known[name] = (_mean(found.abnormal, weights) or _median(found.normal)) if found else None
    usual = _median(list(known.values())) or 1.0
    return {name: usual if number is None else number for name, number in known.items()}


def _below(name: str, excess: Mapping[str, float], requests: Mapping[str, float], calls: Graph) -> float:
    """The excess of its callees that belongs to this caller."""
    return sum(
        excess.get(callee, 0.0)
        * requests[name]
        / (sum(requests[c] for c in requests if callee in calls.get(c, ())) or 1.0)
        for callee in dict.fromkeys(calls.get(name, ()))
        if callee != name
    )


def _says(incident: Incident, name: str, rise: _Rise, share: float) -> str:
    if rise.before is None or rise.during is None:
        return f"{name}: {incident.metric} was not measured"
    change = f"{name}: {incident.metric} went from {rise.before:.4g} to {rise.during:.4g}"
    if not rise.amount:
        return f"{change}, which is usual"
    if not share:
        return f"{change}, which the components that it calls explain"
    return f"{change}; {share:.0%} of what no callee explains is its own"


# --- arithmetic over samples, some of which are missing


def _median(values: Samples) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _mean(values: Samples, weights: Sequence[float]) -> float | None:
    pairs = [(w, v) for w, v in zip(weights, values, strict=False) if v is not None and w > 0]
    whole = sum(w for w, _ in pairs)
    return sum(w * v for w, v in pairs) / whole if whole else None


def _quantile(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(CHANCE * len(ordered)))] if ordered else 0.0


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    length = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=False)) / length if length else 0.0
