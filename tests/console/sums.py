"""The sums of runs computed in Python, as a reference for SQL."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from core.queries.kpis import BASELINE_SECONDS, ConfidenceTally, Mean, RunTally


@dataclass(frozen=True)
class Run:
    result: str
    total_seconds: float | None
    verdict: str
    confidence: float | None
    detect_seconds: float | None


def run(result="fixed", seconds=120.0, verdict="AUTO_RESOLVE", confidence=0.9, detect=10.0) -> Run:
    return Run(result, seconds, verdict, confidence, detect)


def mean(values) -> Mean:
    known = [v for v in values if v is not None]
    return Mean(len(known), sum(known))


def sums(runs) -> RunTally:
    """``runs`` have result, verdict, confidence, detect_seconds and total_seconds."""
    acted = judged(runs)
    repairs = [r.total_seconds for r in runs if r.result == "fixed" and r.total_seconds is not None]
    results = [r.result for r in runs]
    return RunTally(
        results={name: results.count(name) for name in set(results)},
        repairs=mean(repairs),
        median=median(repairs) if repairs else None,
        saved=sum(max(0.0, BASELINE_SECONDS - t) for t in repairs),
        detect=mean(r.detect_seconds for r in runs),
        confidence=mean(r.confidence for r in runs),
        acted=sum(j.n for j in acted),
        held=sum(j.held for j in acted),
    )


def judged(runs) -> list[ConfidenceTally]:
    """Completed decisions to act, by tenth of confidence."""
    tenths: dict[int, list] = {}
    for r in runs:
        if r.verdict in ("AUTO_RESOLVE", "SCHEDULE_MAINTENANCE") and r.result in ("fixed", "rolled_back", "failed"):
            confidence = r.confidence or 0.0
            tenths.setdefault(min(9, int(confidence * 10 + 1e-9)), []).append((confidence, r.result == "fixed"))
    return [
        ConfidenceTally(
            place,
            len(cases),
            sum(h for _, h in cases),
            sum(c for c, _ in cases),
            sum((c - h) ** 2 for c, h in cases),
        )
        for place, cases in sorted(tenths.items())
    ]
