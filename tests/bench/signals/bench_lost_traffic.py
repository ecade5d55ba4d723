"""Lost traffic at low rates: five days of a service, of which three are judged, in several worlds.

    python -m tests.bench.signals.bench_lost_traffic [--seeds 1-5] [--levels 3 20] [--worlds steady weekend]

In each world a service loses nothing, and another one loses 80 or 100 % of its traffic for 15 minutes to four hours.
Worlds: steady days, a weekend, an office that is empty at night, nights without any traffic, deployments of one to four
minutes, visits of several requests, and a level that drifts. Aims: at most a false alarm in six days of a service, and
four of five losses of at least 20 requests found on steady days.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median

from core.signals.anomaly.lost_traffic import LostTraffic
from tests.bench.signals.bench_services import DAY, MINUTE, poisson

START = datetime(2026, 3, 5, tzinfo=UTC)  # a Thursday
HISTORY, DAYS = 2, 5
SATURDAY, REST, ECHO = 2, 80, 60  # day; minutes after an alarm and after a loss
LEAST = 20.0  # lost requests that count
AIM_FALSE, AIM_FOUND = 1 / 6, 0.8


@dataclass(frozen=True)
class Loss:
    begin: int
    end: int
    share: float


def wave(hour: float, low: float = 0.1) -> float:
    return max(low, 0.55 + 0.45 * math.sin((hour - 8) / 24 * 2 * math.pi))


def weekend(minute: int) -> float:
    """A quarter of the traffic, three hours later; the evenings of Friday and Sunday change over."""
    hour, since = minute % DAY / 60, minute / 60 - 24 * SATURDAY
    share = 1 / (1 + math.exp(-(since + 1) / 2)) / (1 + math.exp((since - 54) / 2))
    return (1 - share) * wave(hour) + share * 0.25 * wave(hour - 3)


def office(minute: int) -> float:
    hour, at_work = minute % DAY / 60, minute // DAY not in (SATURDAY, SATURDAY + 1)
    return max(0.002, (1.0 if at_work else 0.04) / (1 + math.exp(-(hour - 8) * 4)) / (1 + math.exp((hour - 18) * 4)))


WORLDS: dict[str, Callable[[int], float]] = {
    "steady": lambda minute: wave(minute % DAY / 60),
    "weekend": weekend,
    "office": office,
    "night": lambda minute: max(0.0, 2 * wave(minute % DAY / 60, 0.0) - 1.0),
    "deploys": lambda minute: wave(minute % DAY / 60),
    "visits": lambda minute: wave(minute % DAY / 60),
    "drift": lambda minute: wave(minute % DAY / 60) * math.exp(0.3 * math.sin(minute / 777)),
}


def requests(world: str, level: float, loss: Loss | None, chance: random.Random) -> Iterator[tuple[int, int, float]]:
    """Minute, requests, and those that were lost on average."""
    begins = [chance.randrange(DAYS * DAY) for _ in range(4 * DAYS)] if world == "deploys" else []
    down = {begin + i for begin in begins for i in range(chance.randint(1, 4))}
    burst, visits = 0, []
    for minute in range(DAYS * DAY):
        burst = chance.randint(3, 15) if chance.random() < 1 / 700 else max(0, burst - 1)
        mean = level * WORLDS[world](minute) * (1.6 if burst else 1.0)
        share = loss.share if loss and loss.begin <= minute < loss.end else 1.0 if minute in down else 0.0
        if world == "visits":
            visits = [end for end in visits if end > minute]
            visits += [minute + chance.randint(1, 8) for _ in range(poisson(mean / 4, chance))]
            yield minute, sum(poisson(0.9 * (1 - share), chance) for _ in visits), mean * share
        else:
            yield minute, poisson(mean * (1 - share), chance), mean * share


@dataclass
class Found:
    """``waits`` has the minutes from each loss to its alarm, None for a missed one."""

    days: int = 0
    false: int = 0
    waits: list[int | None] = field(default_factory=list)

    def service(self, world: str, level: float, loss: Loss | None, chance: random.Random) -> None:
        self.days += DAYS - HISTORY
        traffic, rest, lost, wait = LostTraffic(), 0, 0.0, None
        for minute, number, missing in requests(world, level, loss, chance):
            alarm, rest = traffic.step(START + minute * MINUTE, number), max(0, rest - 1)
            lost += missing if loss and loss.begin <= minute < loss.end else 0.0
            if rest:
                traffic.restart()
            elif alarm and minute >= HISTORY * DAY:
                rest = REST
                if loss and loss.begin <= minute < loss.end + ECHO:
                    wait = minute - loss.begin if wait is None else wait
                else:
                    self.false += 1
        self.waits += [wait] if lost >= LEAST else []


def measure(world: str, level: float, seeds: range) -> Found:
    found = Found()
    for seed in seeds:
        chance = random.Random(f"{world}-{level}-{seed}")
        begin = HISTORY * DAY + chance.randint(60, (DAYS - HISTORY) * DAY - 300)
        loss = Loss(begin, begin + chance.choice((15, 60, 240)), chance.choice((0.8, 1.0)))
        for each in (None, loss):
            found.service(world, level, each, chance)
    return found


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--seeds", default="1-5", help="first and last")
    asked.add_argument("--levels", type=float, nargs="+", default=[3.0, 20.0])
    asked.add_argument("--worlds", nargs="+", default=list(WORLDS))
    arguments = asked.parse_args()
    first, last = map(int, arguments.seeds.split("-"))
    met = True
    for world in arguments.worlds:
        for level in arguments.levels:
            found = measure(world, level, range(first, last + 1))
            waits = [wait for wait in found.waits if wait is not None]
            good = found.false <= AIM_FALSE * found.days
            good &= world != "steady" or len(waits) >= AIM_FOUND * len(found.waits)
            met &= good
            share = f"{len(waits)} of {len(found.waits)} found after {median(waits or [math.nan]):g} min (median)"
            print(f"{world}, {level:g} a minute: {found.false} false in {found.days} days, {share}", flush=True)
    print("met" if met else "NOT met")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
