"""Blame on generated service graphs with an injected latency or error fault.

A fault travels from the called service to its callers, weaker or, by retries, a little stronger at each
step; series begin at their minute and are noisy, some services tell nothing, others have small troubles of
their own, and one call in six is missing from the known graph.

    python -m tests.bench.signals.bench_blame

Anchors: the worst figure first, the earliest first.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from core.signals.analysis.blame import Trouble, rank

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
GRAPHS = 300
AIM_FIRST, AIM_THREE = 0.75, 0.9


def generate(chance: random.Random) -> dict[str, list[str]]:
    names = [f"s{i}" for i in range(chance.randint(8, 30))]
    return {
        name: chance.sample(names[i + 1 :], min(len(names) - i - 1, chance.randint(0, 3)))
        for i, name in enumerate(names)
    }


def inject(graph: dict[str, list[str]], origin: str, kind: str, chance: random.Random) -> list[Trouble]:
    strength = {origin: chance.uniform(0.1, 0.8) if kind == "errors" else chance.uniform(50, 900)}
    depth = {origin: 0}
    for name in reversed(list(graph)):  # callees come later than their callers
        hit = [(strength[c] * chance.uniform(0.4, 1.2), depth[c] + 1) for c in graph[name] if c in strength]
        if name != origin and hit and chance.random() < 0.85:
            strength[name], depth[name] = max(hit)
    found = []
    for name, value in strength.items():
        if name != origin and chance.random() < 0.1:
            continue  # a service that tells nothing
        began = START + timedelta(minutes=chance.choice((0, 0, 1)) + (depth[name] > 2))
        found.append(Trouble(name, began, **{kind: value * chance.uniform(0.75, 1.25)}))
    for name in chance.sample(list(graph), 4):  # troubles of their own that mean little
        if name not in strength:
            noise = chance.uniform(0.01, 0.1) if kind == "errors" else chance.uniform(10, 120)
            found.append(Trouble(name, START + timedelta(minutes=chance.randint(-2, 3)), **{kind: noise}))
    return found


def partly(graph: dict[str, list[str]], chance: random.Random) -> dict[str, list[str]]:
    """What is known of the graph: one call in six is missing."""
    return {name: [c for c in callees if chance.random() > 1 / 6] for name, callees in graph.items()}


ORDERS: dict[str, Callable] = {
    "blame": lambda graph, told: [s.name for s in rank(service="s0", began=START, graph=graph, trouble=told)],
    "anchor: worst first": lambda _, told: [t.service for t in sorted(told, key=lambda t: -t.errors - t.latency)],
    "anchor: earliest first": lambda _, told: [t.service for t in sorted(told, key=lambda t: t.began)],
}


def measure(kind: str, graphs: int = GRAPHS) -> dict[str, tuple[float, float]]:
    """By way of ordering: shares of the graphs whose origin is named first, and among the first three.

    Raises AssertionError when the result depends on the order of the input.
    """
    places = {name: [] for name in ORDERS}
    for seed in range(graphs):
        chance = random.Random(seed)
        graph = generate(chance)
        origin = chance.choice(list(graph)[1:])
        told = inject(graph, origin, kind, chance)
        graph = partly(graph, chance)
        chance.shuffle(told)
        for name, order in ORDERS.items():
            places[name].append(order(graph, told).index(origin))
        assert ORDERS["blame"](graph, told) == ORDERS["blame"](graph, list(reversed(told)))
    return {n: (sum(p == 0 for p in at) / graphs, sum(p < 3 for p in at) / graphs) for n, at in places.items()}


def main() -> int:
    print(f"Blame on {GRAPHS} graphs a fault. Aim: first place >= {AIM_FIRST}, among the first three >= {AIM_THREE}")
    met = True
    for kind in ("errors", "latency"):
        for name, (first, three) in (found := measure(kind)).items():
            print(f"{kind:<8} {name:<24} first {first:.2f}, first three {three:.2f}")
        met &= found["blame"][0] >= AIM_FIRST and found["blame"][1] >= AIM_THREE
    print("met" if met else "NOT met")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
