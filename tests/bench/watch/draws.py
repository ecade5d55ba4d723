"""What every family of situations is made of: an ordinary production and the faults of an ordinary day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log

import numpy as np

from core.signals.release import Reach
from tests.bench.watch.production import Delivery, Errors, Service, World

NAMES = ("shop", "cart", "checkout", "search", "orders", "users", "payment", "stock", "mail", "gateway", "auth", "feed")
HISTORIES = (300.0, 600.0, 1800.0, 3600.0)


class Draw:
    """Random choices that read well. ``log`` draws evenly over orders of magnitude."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def log(self, low: float, high: float) -> float:
        return float(np.exp(self.rng.uniform(log(low), log(high))))

    def pick(self, options: Sequence):
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def print_(self) -> str:
        """A fingerprint; nothing in it tells what it stands for."""
        return self.rng.bytes(8).hex()

    def issue(self) -> int:
        return int(self.rng.integers(1, 500))

    # --- an ordinary production -----------------------------------------------------------------

    def world(self, rps=(0.7, 40.0), share=(0.03, 0.5), histories=HISTORIES, hum=0.5) -> World:
        """The own fault is cured, and nothing else is wrong but, in some, a hum of a few failed requests."""
        names = self.rng.permutation(NAMES).tolist()
        siblings, controls = self.pick((0, 0, 1, 2)), self.pick((1, 1, 2))
        main = self.service(names[0], True, self.log(*rps))
        others = [self.service(names[1 + i], i < siblings, self.beside(main.rps)) for i in range(siblings + controls)]
        history = self.pick(histories)
        world = World(names[0], history, (main, *others), (), self.pick((0.0, 0.0, 5.0, 15.0)), self.delivery())
        hum_ = [self.hum(s.name) for s in world.services] if self.chance(hum) else []
        return world.plus(self.own(world, self.log(*share)), *hum_)

    def beside(self, rps: float) -> float:
        """The traffic of another service than the one that has ``rps``."""
        return max(rps * self.log(0.2, 5), 0.3)

    def service(self, name: str, touched: bool, rps: float) -> Service:
        return Service(
            name, touched, rps, spread=self.pick((0.0, 0.1, 0.25)), p95_ms=self.log(30, 500),
            noise=self.between(0.03, 0.15), spikes=self.pick((0.0, 0.0, 0.02)),
        )  # fmt: skip

    def delivery(self) -> Delivery:
        return Delivery(
            interval=self.pick((10.0, 15.0, 30.0, 60.0, 60.0)), phase=int(self.rng.integers(12)),
            partial=self.chance(0.4), lag=self.pick((0.0, 5.0, 10.0, 30.0)), empty=self.chance(0.5),
            tagged=self.chance(0.7), tagged_before=self.chance(0.5),
        )  # fmt: skip

    def hum(self, service: str) -> Errors:
        """Failed requests that only the metrics know: time-outs of clients, refused input."""
        share = self.log(0.0003, 0.005)
        return Errors(service, share, share, spread=self.pick((0.0, 0.4)))

    def own(self, world: World, share: float) -> Errors:
        """The fault that the release cures. A quick product fixes some within minutes of their first error."""
        begin = self.pick((-world.history, -world.history, -self.between(60, world.history)))
        return Errors(world.service, share, 0.0, self.print_(), own=True, reach=Reach.CHANGED, begin=begin)

    # --- what else is wrong on an ordinary day ----------------------------------------------------

    def other(self, service: str, share: float, **changes) -> Errors:
        """A fault that the release neither caused nor cures; known to be an open issue, or not."""
        reach = self.pick((Reach.POSSIBLE, Reach.POSSIBLE, Reach.NONE, Reach.CHANGED))
        issue = self.issue() if self.chance(0.6) else None
        cause = Errors(service, share, share, self.print_(), reach=reach, issue=issue)
        return replace(cause, **changes)

    def later(self, service: str, share: float, begin: float, **changes) -> Errors:
        """Another fault that the scene tells apart from harm though it begins near the release: nothing leads from
        the change to it, or an open issue explains it."""
        reach, known = self.pick(((Reach.NONE, False), (Reach.NONE, True), (Reach.POSSIBLE, True)))
        issue = self.issue() if known else None
        return self.other(service, share, **{"begin": begin, "reach": reach, "issue": issue, **changes})

    def elsewhere(self, service: str, share: float, **changes) -> Errors:
        """A fault of a control service, which the release cannot reach."""
        issue = self.issue() if self.chance(0.5) else None
        return self.other(service, share, **{"reach": Reach.NONE, "issue": issue, **changes})

    def harm(self, service: str, share: float, reach: Reach = Reach.CHANGED, **changes) -> Errors:
        return Errors(service, 0.0, share, self.print_(), reach=reach, **changes)

    # --- services of a world ------------------------------------------------------------------------

    def control(self, world: World) -> str:
        return self.pick([s.name for s in world.services if not s.touched])

    def with_sibling(self, world: World) -> tuple[World, str]:
        """The world with another service of the same build, and the name of that."""
        found = [s.name for s in world.services if s.touched and s.name != world.service]
        if found:
            return world, self.pick(found)
        name = next(n for n in NAMES if n not in {s.name for s in world.services})
        sibling = self.service(name, True, self.beside(world.rps))
        return replace(world, services=(*world.services, sibling)), name
