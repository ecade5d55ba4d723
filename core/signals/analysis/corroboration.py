"""Corroboration: do the team's own metrics or logs show the reported failures? Pure.

A report alone is not trustworthy: anyone who knows a Sentry DSN can send a crash. A witness is a source that only the
team's keys can write to. It corroborates a report if it shows failures of the service in the report's span

- in sufficient number: the smaller of the report's occurrences and ``failures``, and a ``share`` of the occurrences;
- beyond the background: ``background_factor`` times what the rate before the report predicts, and three standard
  deviations more. Independent failures are Poisson-distributed: their standard deviation is the root of their mean.

A metric does not say which failure it counts, so failures that other issues of the service explain are subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.models import Kind
from core.models.counted import counted
from core.models.origin import Origin
from core.policy.sections import CorroborationRules

FAILED = frozenset({"error", "err", "severe", "critical", "crit", "fatal", "alert", "emergency", "emerg"})
ENVIRONMENTS = (
    frozenset({"production", "prod", "prd", "live"}),
    frozenset({"staging", "stage", "stg"}),
    frozenset({"development", "develop", "dev"}),
)
PRODUCTION = "production"
DEVIATIONS = 3.0  # 0.1 % of backgrounds exceed their mean by more
SHOWN = 80  # characters of an untrusted name


@dataclass(frozen=True)
class Span:
    begin: datetime
    end: datetime

    def __str__(self) -> str:
        day = "%H:%M" if self.begin.date() == self.end.date() else "%Y-%m-%d %H:%M"
        return f"between {self.begin:{day}} and {self.end:{day}} UTC"


@dataclass(frozen=True)
class Claim:
    """The claim of a report. ``span`` includes the slack; None if the report arrived too late to be checked.

    ``elsewhere`` counts the crashes of the service in the span that belong to other issues.
    """

    service: str
    span: Span | None
    occurrences: int
    elsewhere: float = 0.0
    reporters: Sequence[Origin] = ()


@dataclass(frozen=True)
class FailureCount:
    """A number of failures out of a number of requests, or within a number of seconds."""

    failures: float = 0.0
    of: float = 0.0


@dataclass(frozen=True)
class Witness:
    """The findings of one source: ``kind`` is metrics (of requests) or logs (in seconds).

    ``trouble`` is why it could not be read recently.
    """

    title: str
    kind: str
    during: FailureCount = FailureCount()
    before: FailureCount = FailureCount()
    trouble: str = ""


@dataclass(frozen=True)
class Corroboration:
    """``source`` is the corroborating source; ``message`` is the receipt's sentence."""

    corroborated: bool
    source: str
    message: str


@dataclass(frozen=True)
class Logged:
    """Similar records, counted: ``mine`` are those that grouping assigned to the reported issue."""

    kind: Kind
    fingerprint: str
    mine: bool
    count: int


def names_of(environment: str) -> frozenset[str]:
    """Every name of an environment, in lower case: prod is production."""
    name = environment.lower()
    return next((names for names in ENVIRONMENTS if name in names), frozenset({name}))


def count_logs(during: Collection[Logged], before: Collection[Logged]) -> tuple[int, int]:
    """Records that may show the reported failure: (in the span, before it).

    Records of the issue itself count, and lines that name no exception. An exception of another issue does not count.
    """
    counted = [row for row in during if row.mine or row.kind is Kind.LOG]
    prints = {row.fingerprint for row in counted}
    earlier = [row for row in before if row.kind is Kind.LOG or row.fingerprint in prints]
    return sum(row.count for row in counted), sum(row.count for row in earlier)


def judge(claim: Claim, witnesses: Sequence[Witness], rules: CorroborationRules) -> Corroboration:
    """Whether a source corroborates the claim; if none does, what each source shows."""
    if claim.span is None:
        return _alone(claim, "The report reached the platform too late to be checked")
    for witness in witnesses:
        if _shows(witness, claim, rules):
            return Corroboration(True, f"{witness.title} {witness.kind}", _figures(witness, claim))
    service = claim.service[:SHOWN]
    if not witnesses:
        return _alone(claim, f"No connected source that only the team can write to covers {service}")
    return _alone(claim, f"No metric or log of {service} shows these failures {claim.span}", _notes(witnesses, claim))


def _alone(claim: Claim, why: str, notes: str = "") -> Corroboration:
    """Nothing corroborates the claim; names the source of the report."""
    known = [f"from {reporter.title}, {reporter.how}" for reporter in claim.reporters if reporter.how]
    whose = f"; the only report is {', and '.join(known)}" if known else ""
    return Corroboration(False, "", why + whose + (f". {notes}" if notes else ""))


def _shows(witness: Witness, claim: Claim, rules: CorroborationRules) -> bool:
    before, during = witness.before, witness.during
    if not before.of:  # without earlier data, the normal rate is unknown
        return False
    usual = expected(witness)
    explained = max(usual, claim.elsewhere if witness.kind == "metrics" else 0.0)
    needed = max(min(claim.occurrences, rules.failures), math.ceil(rules.share * claim.occurrences))
    excess = during.failures - explained
    return excess >= max(needed, DEVIATIONS * math.sqrt(explained)) and (
        during.failures >= rules.background_factor * usual
    )


def expected(witness: Witness) -> float:
    """Failures in the span at the rate before it."""
    return witness.before.failures / witness.before.of * witness.during.of if witness.before.of else 0.0


def _figures(witness: Witness, claim: Claim) -> str:
    service, during = claim.service[:SHOWN], witness.during
    usual = f"{expected(witness):.1f} expected at the earlier rate" if witness.before.failures else "none before"
    if witness.kind == "metrics":
        of = f"{during.failures:.0f} of {during.of:.0f} requests of {service}"
        return f"{witness.title} metrics: {of} failed {claim.span}; {usual}"
    return f"{witness.title} logs: {counted(during.failures, 'error')} of {service} {claim.span}; {usual}"


def _notes(witnesses: Sequence[Witness], claim: Claim) -> str:
    """What the sources with data found; an unavailable one is named once, and its silence proves nothing."""
    speaking = {witness.title for witness in witnesses if _has_data(witness)}
    heard = [w for w in witnesses if w.title in speaking and (w.during.failures or not w.trouble)]
    troubles = dict.fromkeys(f"{w.title} is unavailable: {w.trouble}" for w in witnesses if w.trouble)
    silent = dict.fromkeys(w.title for w in witnesses if w.title not in speaking and not w.trouble)
    nothing = [f"nothing recorded by {', '.join(silent)}"] if silent else []
    return "; ".join([*(_note(witness, claim) for witness in heard), *nothing, *troubles])


def _has_data(witness: Witness) -> bool:
    return bool(witness.during.failures or (witness.kind == "metrics" and witness.during.of))


def _note(witness: Witness, claim: Claim) -> str:
    note = _metrics_note(witness, claim) if witness.kind == "metrics" else _logs_note(witness)
    return f"{witness.title} {witness.kind}: {note}"


def _metrics_note(witness: Witness, claim: Claim) -> str:
    during = witness.during
    if not during.of:
        return "no data"
    if not witness.before.of:
        return f"{during.failures:.0f} of {during.of:.0f} requests failed, with no earlier data to compare"
    if not during.failures:
        return f"none of {during.of:.0f} requests failed"
    other = f", {claim.elsewhere:.0f} explained by other issues" if claim.elsewhere else ""
    return f"{during.failures:.0f} of {during.of:.0f} requests failed, {expected(witness):.1f} expected{other}"


def _logs_note(witness: Witness) -> str:
    if not witness.during.failures:
        return "no errors"
    return f"{counted(witness.during.failures, 'error')}, {expected(witness):.1f} expected"
