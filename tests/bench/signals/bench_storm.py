"""Storm: 10,000 records of one minute from five sources become the right issues, in bounded memory.

python -m tests.bench.signals.bench_storm
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlmodel import func, select

from core import runtime
from core.db import store
from core.models import Issue, Notification, Record, now
from core.ops import notify
from core.settings import Settings
from core.signals.grouping import noise
from core.signals.grouping.candidates import BUCKET, Correlator
from core.stages import collect, group
from core.vendors.base import Batch
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


def measure(records: int = RECORDS) -> tuple[Correlator, dict[int, set[int]]]:
    """The correlator after a storm, and by fault the issues that its records became."""
    correlator, issues = Correlator(), {}
    for record, which in storm(FAULTS, records):
        assert noise.verdict(record) is None
        issues.setdefault(which, set()).add(correlator.place(record).issue_id)
    return correlator, issues


def distinct(count: int, limit: int = 500) -> Correlator:
    """The correlator after ``count`` records that are a fault of their own each: the worst case for an index."""
    correlator = Correlator(limit=limit)
    for i in range(count):
        fault = Incident(f"s{i % 40}", (f"pkg/m{i}.py:f{i}",), "x()", f"Fault{i % 50}Error", f"kind {i}")
        correlator.place(Teller(i).tell(fault, "sentry", START + timedelta(seconds=i)))
    return correlator


def bounded(correlator: Correlator) -> bool:
    own = correlator.open
    return (
        len(own.issues) <= own.limit
        and len(own.prints) <= 2 * own.limit
        and all(len(bucket) <= BUCKET for bucket in own.buckets.values())
    )


def round_of(folder: Path, records: int = RECORDS) -> tuple[float, int, dict[str, int]]:
    """(CPU seconds, issues, messages by channel) of a round that groups and starts a storm in a store."""
    policy = folder / "platform.toml"
    policy.write_text("")
    settings = Settings(data_dir=folder, database_url=f"sqlite:///{folder}/storm.db", platform_file=policy)
    store.open_store(settings.database)
    rt = runtime.use(runtime.Runtime(settings))
    shift = now() - timedelta(minutes=1) - START
    told = [record.model_copy(update={"at": record.at + shift}) for record, _ in storm(FAULTS, records)]
    began = time.process_time()
    for begin in range(0, records, collect.CHUNK):
        collect.keep("storm", Batch(told[begin : begin + collect.CHUNK]))
    group.group_new(rt)
    started = group.start_new(rt, begin=lambda session, issue: None)
    for issue_id in started:  # what every hand-over queues, twice: the second only counts as a repeat
        with store.write() as session:
            issue = session.get_one(Issue, issue_id)
            for _ in range(2):
                notify.queue(session, "escalated", issue, f"escalated-{issue_id}-{issue.run}", "storm")
    spent = time.process_time() - began
    with store.read() as session:
        rows = session.exec(select(Notification.channel, func.count()).group_by(Notification.channel)).all()
        issues = session.exec(select(func.count()).select_from(Issue)).one()
    store.engine().dispose()
    return spent, issues, dict(rows)


def main() -> int:
    correlator, issues = measure()
    right = correlator.count == len(FAULTS) and all(len(found) == 1 for found in issues.values())
    print(f"Storm: {RECORDS:,} records of one minute, five sources, {len(FAULTS)} faults. Aim: as many issues")
    print(f"{correlator.count} issues, {correlator.open.compared / RECORDS:.2f} comparisons a record,"
          f" {len(correlator.open.prints)} fingerprints kept")  # fmt: skip
    costs = {count: (own := distinct(count)).open.compared / count for count in (1_000, 4_000)}
    print(f"all records distinct, comparisons a record: {costs} (anchor, all with all: half the count)")
    with tempfile.TemporaryDirectory() as folder:
        spent, stored, messages = round_of(Path(folder))
    print(f"the round in a store: {spent:.1f} CPU s (its interval: 300 s), {stored} issues, messages {messages}")
    once = all(number == len(FAULTS) for number in messages.values())
    met = right and bounded(own) and costs[4_000] <= costs[1_000] * 1.2 and stored == len(FAULTS) and once
    print("met" if met and spent < 300 else "NOT met")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
