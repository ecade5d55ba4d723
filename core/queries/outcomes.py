"""The input of the KPIs, counted by SQL within a span of time."""

from __future__ import annotations

from datetime import datetime
from statistics import median

from sqlalchemy import Integer, case
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import Session, col, func, select

from core.db.columns import Seconds, select_columns
from core.models import Deployment, Metric, Outcome, Stage, StageRun, Verdict
from core.models.uptime import HealthHour
from core.policy.value import ValueRules
from core.queries import counting
from core.queries.kpis import (
    BASELINE_SECONDS,
    BINS,
    ConfidenceTally,
    DeploymentCount,
    Ended,
    Figure,
    Mean,
    Part,
    RunTally,
    all_of,
    parts,
)

DOTS = 400  # runs drawn individually
LAST = 1000  # fixed runs that the median covers
LOOKED_AT = 200  # fixed runs whose stages are summed for the parts of the repair
ACTED = (Verdict.AUTO_RESOLVE, Verdict.SCHEDULE_MAINTENANCE)
JUDGED = ("fixed", "rolled_back", "failed")  # results that show whether a decision to act was right


class Tenth(FunctionElement):
    """0 to 9 for a share of 0.0 to 1.0: a tenth includes its lower bound, the last also 1.0."""

    type = Integer()
    inherit_cache = True


@compiles(Tenth, "sqlite")
def _sqlite_tenth(element, compiler, **kw) -> str:
    return f"MIN({BINS - 1}, CAST({compiler.process(element.clauses, **kw)} * {BINS} + 1e-9 AS INTEGER))"


@compiles(Tenth)
def _standard_tenth(element, compiler, **kw) -> str:
    return f"LEAST({BINS - 1}, FLOOR({compiler.process(element.clauses, **kw)} * {BINS} + 1e-9)::int)"


def _within(since: datetime, until: datetime) -> tuple:
    return Outcome.created_at >= since, Outcome.created_at < until


def tally(session: Session, since: datetime, until: datetime, baseline: float = BASELINE_SECONDS) -> RunTally:
    """All sums of the runs that ended in the span; read only from the index ix_outcome_figures.

    ``baseline``: seconds of a repair by hand.
    """
    took, fixed = col(Outcome.total_seconds), col(Outcome.result) == "fixed"
    spared = case((took < baseline, baseline - took), else_=0.0)
    rows = session.exec(
        select_columns(
            Outcome.result,
            func.count(),
            func.count(case((fixed, took))),
            func.sum(case((fixed, took))),
            func.sum(case((fixed, spared))),
            func.count(col(Outcome.detect_seconds)),
            func.sum(col(Outcome.detect_seconds)),
            func.count(col(Outcome.confidence)),
            func.sum(col(Outcome.confidence)),
            func.count(case((col(Outcome.verdict).in_(ACTED), 1))),
        )
        .where(*_within(since, until))
        .group_by(Outcome.result)
    ).all()

    def mean(n: int) -> Mean:
        return Mean(sum(row[n] for row in rows), sum(row[n + 1] or 0.0 for row in rows))

    acted = {row[0]: row[9] for row in rows if row[0] in JUDGED}
    return RunTally(
        results={row[0]: row[1] for row in rows},
        repairs=mean(2),
        median=_median(session, since, until),
        saved=sum(row[4] or 0.0 for row in rows),
        detect=mean(5),
        confidence=mean(7),
        acted=sum(acted.values()),
        held=acted.get("fixed", 0),
    )


def _median(session: Session, since: datetime, until: datetime) -> float | None:
    """The median of the last LAST repair times of the span; of an even number, the mean of the middle two."""
    times = (
        select(Outcome.total_seconds)
        .where(*_within(since, until), Outcome.result == "fixed", col(Outcome.total_seconds).is_not(None))
        .order_by(col(Outcome.created_at).desc())
        .limit(LAST)
    )
    found = [seconds for seconds in session.exec(times) if seconds is not None]
    return median(found) if found else None


def judged(session: Session, since: datetime, until: datetime) -> list[ConfidenceTally]:
    """Completed decisions to act, by tenth of confidence; 1.0 belongs to the last."""
    confidence = func.coalesce(Outcome.confidence, 0.0)
    held = case((col(Outcome.result) == "fixed", 1), else_=0)
    place = Tenth(confidence)
    miss = confidence - held
    rows = session.exec(
        select_columns(place.label("place"), func.count(), func.sum(held), func.sum(confidence), func.sum(miss * miss))
        .where(
            *_within(since, until),
            col(Outcome.verdict).in_(ACTED),
            col(Outcome.result).in_(JUDGED),
        )
        .group_by("place")
        .order_by("place")
    )
    return [ConfidenceTally(*row) for row in rows]


def latest(session: Session, since: datetime, until: datetime) -> list[Ended]:
    """The last runs that ended in the span, at most DOTS, oldest first."""
    rows = session.exec(
        select(Outcome.created_at, Outcome.result, Outcome.total_seconds)
        .where(*_within(since, until))
        .order_by(col(Outcome.created_at).desc())
        .limit(DOTS)
    ).all()
    return [Ended(*row) for row in reversed(rows)]


def by_day(session: Session, since: datetime, until: datetime) -> dict[tuple[str, str], int]:
    """How many runs ended, by (day in UTC as 2026-01-31, result)."""
    day = func.date(Outcome.created_at)
    rows = session.exec(
        select(day, Outcome.result, func.count()).where(*_within(since, until)).group_by(day, Outcome.result)
    )
    return {(str(at), result): number for at, result, number in rows}


def repair_parts(session: Session, since: datetime, until: datetime) -> tuple[int, list[Part]]:
    """(sampled runs, mean time to repair by stage) of the last fixed runs of the span."""
    newest = (
        select(Outcome.issue_id, Outcome.run, Outcome.detect_seconds, Outcome.total_seconds)
        .where(*_within(since, until), Outcome.result == "fixed", col(Outcome.total_seconds).is_not(None))
        .order_by(col(Outcome.created_at).desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    n, detect, total = session.exec(
        select(func.count(), func.avg(newest.c.detect_seconds), func.avg(newest.c.total_seconds))
    ).one()
    if not n:
        return 0, []
    spent = session.exec(
        select(StageRun.stage, func.sum(Seconds(StageRun.started_at, StageRun.ended_at)))
        .join(newest, (newest.c.issue_id == StageRun.issue_id) & (newest.c.run == StageRun.run))
        .where(col(StageRun.ended_at).is_not(None))
        .group_by(StageRun.stage)
    ).all()
    seconds = {Stage(stage): total / n for stage, total in spent}
    stages = {stage.value: seconds[stage] for stage in Stage if stage in seconds and stage is not Stage.COLLECT}
    return n, parts(detect or 0.0, stages, total)


def deployed(session: Session, since: datetime, until: datetime) -> DeploymentCount:
    """Completed production deployments that started in the span, and those rolled back."""
    rows = dict(
        session.exec(
            select(Deployment.status, func.count())
            .where(
                Deployment.environment == "production",
                Deployment.started_at >= since,
                Deployment.started_at < until,
            )
            .group_by(Deployment.status)
        ).all()
    )
    back = rows.get("rolled_back", 0)
    return DeploymentCount(ended=rows.get("verified", 0) + back, rolled_back=back)


def served(session: Session, source: str, since: datetime, until: datetime) -> dict[str, tuple[float, float]]:
    """(requests, failed requests) by service, as ``source`` counted them in the span."""
    services = counting.distinct(session, Metric.service, Metric.source == source)
    rows = session.exec(
        select(Metric.service, Metric.name, func.sum(Metric.value))
        .where(
            Metric.source == source,
            col(Metric.service).in_(services),
            col(Metric.name).in_(["requests", "errors"]),
            Metric.at >= since,
            Metric.at < until,
        )
        .group_by(Metric.service, Metric.name)
    )
    found: dict[str, dict[str, float]] = {}
    for service, name, total in rows:
        found.setdefault(service, {})[name] = total
    return {service: (sums.get("requests", 0.0), sums.get("errors", 0.0)) for service, sums in found.items()}


def requests(session: Session, source: str, since: datetime, until: datetime) -> tuple[float, float]:
    """(requests, failed requests) of all services together."""
    every = served(session, source, since, until).values()
    return sum(r for r, _ in every), sum(e for _, e in every)


def checked(session: Session, since: datetime, until: datetime) -> tuple[int, int]:
    """(health checks of production, failed ones) of the hours that began in the span."""
    within = HealthHour.hour >= since, HealthHour.hour < until
    rows = session.exec(select(func.sum(HealthHour.checks), func.sum(HealthHour.failed)).where(*within)).one()
    return int(rows[0] or 0), int(rows[1] or 0)


def figures(
    session: Session, source: str, rules: ValueRules, since: datetime, until: datetime, runs: RunTally | None = None
) -> list[Figure]:
    """All KPIs of the span, by the requests that ``source`` counted; ``runs`` if they were counted before."""
    return all_of(
        runs or tally(session, since, until, rules.baseline),
        deployed(session, since, until),
        requests(session, source, since, until),
        checked(session, since, until),
        rules,
        (until - since).total_seconds() / 86400,
    )
