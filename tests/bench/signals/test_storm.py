"""Storm: 10,000 records of one minute from five sources become the right issues, in bounded memory."""

from __future__ import annotations

import random
from datetime import timedelta

from core.models import Record
from core.signals import noise
from core.signals.candidates import BUCKET, Correlator
from tests.bench.signals.incidents import DEV, START, VENDORS, Incident, Teller

RECORDS = 10_000
FAULTS = [DEV[i] for i in (0, 4, 8, 12, 16, 22)]  # one of each of six services


def storm(faults: list[Incident], count: int, seed: int = 7) -> list[tuple[Record, int]]:
    teller, chance = Teller(seed), random.Random(seed)
    told = []
    for _ in range(count):
        which = chance.randrange(len(faults))
        record = teller.tell(faults[which], chance.choice(VENDORS), START)
        at = START + timedelta(seconds=chance.uniform(0, 60))
        told.append((record.model_copy(update={"at": at, "service": faults[which].service}), which))
    return sorted(told, key=lambda pair: (pair[0].at, pair[0].vendor_id))


def test_a_storm_is_a_handful_of_issues():
    correlator, issues = Correlator(), {}
    for record, which in storm(FAULTS, RECORDS):
        assert noise.verdict(record) is None
        issues.setdefault(which, set()).add(correlator.place(record).issue_id)
    print(
        f"\nstorm: {RECORDS} records, {len(FAULTS)} faults -> {correlator.count} issues, "
        f"{correlator.open.compared / RECORDS:.2f} comparisons a record, "
        f"{len(correlator.open.prints)} fingerprints"
    )
    assert all(len(found) == 1 for found in issues.values())
    assert correlator.count == len(FAULTS)
    assert len(correlator.open.prints) < 100


def test_work_grows_linearly_and_memory_is_bounded():
    """Every record is a fault of its own: the worst case for an index."""
    costs = {}
    for count in (1_000, 4_000):
        correlator = Correlator(limit=500)
        for i in range(count):
            fault = Incident(f"s{i % 40}", (f"pkg/m{i}.py:f{i}",), "x()", f"Fault{i % 50}Error", f"kind {i}")
            correlator.place(Teller(i).tell(fault, "sentry", START + timedelta(seconds=i)))
        costs[count] = correlator.open.compared / count
        assert len(correlator.open.issues) <= 500
        assert len(correlator.open.prints) <= 1_000
        assert all(len(bucket) <= BUCKET for bucket in correlator.open.buckets.values())
    print(f"\ncomparisons a record, all records distinct: {costs} (all-pairs would be half the count)")
    assert costs[4_000] <= costs[1_000] * 1.2
