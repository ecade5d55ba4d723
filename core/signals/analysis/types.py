"""The input of an analyst and its conclusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.models import Cause, Impact, Kind, Record, ServiceHealth, Severity
from core.policy.sections import SeverityRules
from core.signals.analysis.components import Incident
from core.signals.analysis.host_pressure import HostPressure
from core.signals.analysis.trace_origin import TraceOrigin


@dataclass(frozen=True)
class IssueFacts:
    """The input of an analyst for one issue; every text in it is untrusted."""

    title: str
    service: str
    records: Sequence[Record]
    health: ServiceHealth = field(default_factory=ServiceHealth)
    before: ServiceHealth = field(default_factory=ServiceHealth)
    share: float = 1.0  # the issue's share of the service's failures, by its reports
    critical: bool = False
    impact: Impact = Impact.MEDIUM
    others: Sequence[str] = ()  # services with errors at the same time
    rules: SeverityRules = field(default_factory=SeverityRules)
    noise_ms: float = 50.0  # latency growth that counts as noise
    changes: Sequence[Record] = ()  # recent releases and deployments
    upstreams: Sequence[str] = ()
    past: Sequence[str] = ()  # similar issues and their fixes
    incident: Incident | None = None  # samples of the service and of what it calls
    traces: Sequence[TraceOrigin] = ()  # where its traces failed first, most traces first
    pressure: Sequence[HostPressure] = ()  # hosts of the service under pressure at the onset
    confirmed_by: Sequence[str] = ()  # sources of the alerts that this crash explains
    code: Sequence[str] = ()  # excerpts around the frames, each with its path and lines; for models alone


def latency_rise(facts: IssueFacts) -> tuple[float, float] | None:
    """(95th percentile before, now) in ms: the numbers of the issue's title where a detector measured them."""
    measured = (r.attributes for r in facts.records if r.kind is Kind.METRIC and r.attributes.get("metric") == "p95_ms")
    slowest = next(measured, {"before": facts.before.p95_ms, "after": facts.health.p95_ms})
    before, after = slowest.get("before"), slowest.get("after")
    if not isinstance(before, int | float) or not isinstance(after, int | float) or not 0 < before < after:
        return None
    return before, after


@dataclass(frozen=True)
class Opinion:
    """What a model said before the embedded analysis limited it. ``model`` names it; ``tokens`` is its cost."""

    analyst: str
    cause: Cause
    severity: Severity
    impact: Impact
    confidence: float
    simplicity: float
    root_cause: str
    model: str = ""
    tokens: int = 0


@dataclass(frozen=True)
class Conclusion:
    """The conclusion of an analyst. ``confidence`` and ``simplicity`` are 0..1."""

    analyst: str
    root_cause: str
    cause: Cause
    severity: Severity
    impact: Impact
    confidence: float
    simplicity: float
    pattern: str
    culprit: str = ""
    next_step: str = ""
    evidence: Sequence[dict] = ()  # {"says": str, "weight": float}
    opinion: Opinion | None = None  # of a model
