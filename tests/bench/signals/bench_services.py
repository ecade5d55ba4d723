"""Alarms about services: days of six services by the minute, with known faults, and days without any.

    python -m tests.bench.signals.bench_services

Traffic follows the day and the week's end, with bursts, deployments that slow a minute down, nights with few requests,
and samples that are missing. Faults are errors (a few percent to all), lost traffic and slowness, from one minute to
hours. Aims: at most one false alarm a day over the six services, and four of five faults noticed; some
lose ten requests at night and cannot be told from chance.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from core.policy.sections import Watch
from core.signals.anomaly.service_stream import ERRORS, LATENCY, REQUESTS, ServiceInterval, ServiceStream

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), 1440
SERVICES, HISTORY, DAYS = 6, 2, 3  # days of history before those that are judged
AIM_FALSE, AIM_FOUND = 1.0, 0.8


@dataclass(frozen=True)
class Fault:
    kind: str
    begin: int
    end: int
    size: float  # share of failing requests, share of lost traffic, factor of latency


def day_of(service: int, chance: random.Random, faults: list[Fault], days: int) -> Iterator[ServiceInterval]:
    """Intervals of a service, the minute 0 first."""
    level, errors, slow = chance.choice((3, 20, 120, 900)), chance.choice((0.0, 0.001, 0.01)), chance.uniform(20, 300)
    phase, burst = chance.uniform(0, 3), 0
    for minute in range(days * DAY):
        hour = minute % DAY / 60
        wave = 0.55 + 0.45 * math.sin((hour - 8 + phase) / 24 * 2 * math.pi)
        burst = chance.randint(3, 15) if chance.random() < 1 / 700 else max(0, burst - 1)
        expected = level * max(0.03, wave) * (1.6 if burst else 1.0)
        share, lost, factor = errors, 0.0, 1.0
        for fault in faults:
            if fault.begin <= minute < fault.end:
                share = fault.size if fault.kind == ERRORS else share
                lost = fault.size if fault.kind == REQUESTS else lost
                factor = fault.size if fault.kind == LATENCY else factor
        requests = poisson(expected * (1 - lost), chance)
        failed = (
            sum(chance.random() < share for _ in range(requests))
            if requests < 200
            else poisson(requests * share, chance)
        )
        p95 = (
            slow
            * factor
            * chance.lognormvariate(0, 0.12)
            * (chance.uniform(1.5, 4) if chance.random() < 1 / 400 else 1)
        )
        if chance.random() < 0.002:
            continue  # a sample that is missing
        yield ServiceInterval(START + minute * MINUTE, requests, min(failed, requests), p95 if requests else None)


def poisson(mean: float, chance: random.Random) -> int:
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean * 1.5))))
    limit, number, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        number, product = number + 1, product * chance.random()
    return number


def faults_of(chance: random.Random) -> list[Fault]:
    """One fault that lasts, in the middle of a judged day."""
    begin = HISTORY * DAY + chance.randint(60, DAY - 300)
    kind = chance.choice((ERRORS, REQUESTS, LATENCY))
    size = {
        ERRORS: chance.choice((0.05, 0.2, 0.6, 1.0)),
        REQUESTS: chance.choice((0.8, 1.0)),
        LATENCY: chance.uniform(2, 6),
    }
    return [Fault(kind, begin, begin + chance.choice((15, 60, 240)), size[kind])]


def measure(seed: int, systems: int = 6) -> dict[str, float]:
    """``false`` alarms a day over six services, share ``found`` of the faults, ``minutes`` to notice (median)."""
    false, found, waits, missed = 0, 0, [], Counter()
    total = judged = 0
    for system in range(systems):
        for service in range(SERVICES):
            chance = random.Random(f"{seed}-{system}-{service}")
            faults = faults_of(chance) if service < 3 else []
            stream = ServiceStream(Watch())
            hits = []
            for row in day_of(service, chance, faults, HISTORY + DAYS):
                minute = round((row.at - START) / MINUTE)
                alarms = stream.step(row)
                hits += [(minute, alarm.name) for alarm in alarms if minute >= HISTORY * DAY]
            for fault in faults:
                total += 1
                at = [m for m, _ in hits if fault.begin <= m < fault.end + 30]
                found += bool(at)
                waits += [at[0] - fault.begin] if at else []
                missed[f"{fault.kind} {fault.size:.1f} {fault.end - fault.begin}"] += not at
            false += sum(not any(f.begin <= m < f.end + 60 for f in faults) for m, _ in hits)
        judged += DAYS
    return {"false": false / judged, "found": found / total, "minutes": median(waits or [math.inf]), "missed": +missed}


def main() -> int:
    told = measure(1)
    print(f"{told['false']:.2f} false alarms a day over {SERVICES} services (aim {AIM_FALSE})")
    print(f"{told['found']:.0%} of the faults noticed (aim {AIM_FOUND:.0%}), after {told['minutes']:.0f} min (median)")
    print("missed:", dict(told["missed"]))
    return int(told["false"] > AIM_FALSE or told["found"] < AIM_FOUND)


if __name__ == "__main__":
    sys.exit(main())
