"""The figures of a run of the demo against the targets of the business case. Pure: rows in, what was measured out.

They count the faults that the platform is to fix; a fault that no patch can cure is no target. The approver of a run is
a program that answers within seconds, so a time here has no person's waiting in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from core.demo.faults import FAULTS
from core.policy.value import ValueRules

Rows = Sequence[Mapping]
BASELINE = ValueRules().baseline
CURABLE = ("code", "security", "performance")
HOUR, MINUTES = 3600, 300.0


def measured(rows: Rows) -> list[dict]:
    """Each figure with its target; ``value`` is None and ``met`` False if there is nothing to measure."""
    return [
        {"figure": name, "value": value, "target": target, "n": n, "met": value is not None and meets(value, target)}
        for name, value, target, meets, n in _figures([row for row in rows if _curable(row)])
    ]


def _curable(row: Mapping) -> bool:
    kind = FAULTS[row["fault"]].kind
    return kind in CURABLE or kind == "model" and row["outcome"] == "resolved"


def _figures(rows: Rows) -> Iterator[tuple[str, float | None, float, Callable[[float, float], bool], int]]:
    fixed = [row for row in rows if row["outcome"] == "resolved"]
    alone = [row for row in fixed if not row.get("approval")]
    times = [row["seconds"] for row in fixed if row["seconds"] is not None]
    sure = [row["confidence"] for row in rows if row.get("confidence") is not None]
    mttr = _mean(times)
    yield "fixed by the platform, of the curable faults", _share(fixed, rows), 0.8, _at_least, len(rows)
    yield "fixed without a person's approval", _share(alone, rows), 0.8, _at_least, len(rows)
    yield "mean confidence of the decisions", _mean(sure), 0.85, _at_least, len(sure)
    yield "MTTR in seconds, from the release of the fault", mttr, MINUTES, _below, len(times)
    less = None if mttr is None else round(1 - mttr / BASELINE, 4)
    yield f"reduction of {BASELINE / HOUR:g} hours by hand", less, 0.93, _at_least, len(times)


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _share(part: Rows, whole: Rows) -> float | None:
    return round(len(part) / len(whole), 4) if whole else None


def _at_least(value: float, target: float) -> bool:
    return value >= target


def _below(value: float, target: float) -> bool:
    return value < target


def line(one: Mapping) -> str:
    found = "not measured" if one["value"] is None else f"{one['value']:g}"
    told = f"{one['figure']:<50} {found:>12}  target {one['target']:g}  n {one['n']}"
    return f"{told}  {'met' if one['met'] else 'missed'}"
