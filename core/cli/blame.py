"""``python -m core blame``: reads incidents as JSON lines, prints each one's suspected components, likeliest first."""

from __future__ import annotations

import argparse
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, BinaryIO, TextIO

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from core.models import recorded
from core.signals.analysis.components import REQUESTS, ComponentSeries, Incident, RankedComponent, ranked

DESCRIPTION = """Read incidents, one JSON object per line: target (node, metric), calls (caller: [callee, ...]) and
series (node, metric, stat, normal, abnormal). Print the suspected components, most likely first."""
LONGEST = 64_000_000  # bytes of one line

PREFERRED = {REQUESTS: ("Sum",)}  # statistics of a metric in order of preference; for all others the mean
MEAN = ("Average", "Mean", "avg")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


Sample = Annotated[float | None, AfterValidator(_finite)]  # null, NaN and infinite values are missing samples


class AlertTarget(BaseModel):
    node: str
    metric: str
    agg: str = ""


class SeriesLine(BaseModel):
    node: str
    metric: str
    stat: str = ""
    normal: list[Sample] = Field(default_factory=list, max_length=100_000)
    abnormal: list[Sample] = Field(default_factory=list, max_length=10_000)


class IncidentLine(BaseModel):
    """One line: the alert's target, the call graph, and the samples of all components."""

    target: AlertTarget
    calls: dict[str, list[str]] = {}
    series: list[SeriesLine]


def main(argv: Sequence[str]) -> int:
    """Returns exit code 0, or 1 if an incident could not be read; standard error has its number and the error."""
    parser = argparse.ArgumentParser(prog="python -m core blame", description=DESCRIPTION)
    parser.add_argument("--batch", action="store_true", help="print a JSON list for each line, even for a single one")
    parser.add_argument("--reasons", action="store_true", help="print name, share and reason of each component as JSON")
    given = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return answer(sys.stdin.buffer, sys.stdout, sys.stderr, given.batch, given.reasons)


def answer(stdin: BinaryIO, stdout: TextIO, stderr: TextIO, batch: bool, reasons: bool) -> int:
    """Answer each incident as it is read. Without ``batch`` and ``reasons``, a single one gets one name per line."""
    refused, first = 0, next(lines := _lines(stdin), None)
    second = next(lines, None)
    alone = second is None and not batch and not reasons
    for number, line in enumerate(chain(filter(None, (first, second)), lines), 1):
        try:
            found = _ranked(line)
        except ValueError as error:
            refused += 1
            print(f"incident {number}: {error}", file=stderr)
            found = []
        answers = [recorded.plain(one) for one in found] if reasons else [one.name for one in found]
        stdout.write(
            "".join(f"{one}\n" for one in answers) if alone else json.dumps(answers, ensure_ascii=False) + "\n"
        )
        stdout.flush()
    return 1 if refused or first is None else 0


def _lines(stdin: BinaryIO) -> Iterator[bytes]:
    """The non-empty lines; a line that is too long is cut, so that it is rejected as invalid JSON."""
    while line := stdin.readline(LONGEST):
        if line.strip():
            yield line


def _ranked(line: bytes) -> list[RankedComponent]:
    """Parse an incident. Raises ValueError with a message of one line."""
    try:
        given = IncidentLine.model_validate_json(line)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5])
        raise ValueError("; ".join(faults)) from None
    return ranked(Incident(given.target.node, given.target.metric, given.calls, _chosen(given)))


def _chosen(given: IncidentLine) -> Mapping[tuple[str, str], ComponentSeries]:
    """One statistic of each metric, preferably a mean or a sum, because only these add up along calls."""
    found: dict[tuple[str, str], dict[str, SeriesLine]] = {}
    for one in given.series:
        found.setdefault((one.node, one.metric), {})[one.stat] = one
    return {key: _series(key[1], by_stat, given.target.agg) for key, by_stat in found.items()}


def _series(metric: str, by_stat: Mapping[str, SeriesLine], agg: str) -> ComponentSeries:
    wanted = (*PREFERRED.get(metric, MEAN), agg, *sorted(by_stat))
    chosen = next(by_stat[stat] for stat in wanted if stat in by_stat)
    return ComponentSeries(chosen.normal, chosen.abnormal)
