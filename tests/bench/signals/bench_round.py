"""One collection cycle with 10,000 signals, as a multiple of a reference work of the same machine.

    python -m tests.bench.signals.bench_round

The cycle reads, stores and groups a storm of one minute and starts its issues. The reference parses the same records
from JSON, hashes them and writes them into a plain SQLite table with one index. Both are measured in CPU seconds of
this process, in turn; the best of each is compared, so that a busy machine changes the ratio little. The ratio of two
commits tells whether a cycle became slower: run this file on both.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import func, select

from core import runtime
from core.db import store
from core.models import Issue, Record, Signal, now
from core.models.origin import Origin, Writers
from core.settings import Settings
from core.stages import group
from core.stages.collect import Collector
from core.vendors.base import Batch
from tests.bench.signals.bench_storm import FAULTS, RECORDS, storm
from tests.bench.signals.incidents import START

PAGE, TURNS = 1000, 5


class StormSource:
    """A vendor that has the whole storm, page by page."""

    name = "storm"
    origin = Origin("Storm", Writers.TEAM)

    def __init__(self, records: Sequence[Record]):
        self.records = records

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        for begin in range(0, len(self.records), PAGE):
            yield Batch(self.records[begin : begin + PAGE], cursor=str(begin))


def told(records: int) -> list[Record]:
    shift = now() - timedelta(minutes=1) - START
    return [record.model_copy(update={"at": record.at + shift}) for record, _ in storm(FAULTS, records)]


def cycle(folder: Path, records: Sequence[Record]) -> tuple[float, int, int]:
    """(CPU seconds, signals, issues) of one cycle in a new store."""
    policy = folder / "platform.toml"
    policy.write_text("")
    settings = Settings(data_dir=folder, database_url=f"sqlite:///{folder}/round.db", platform_file=policy)
    store.open_store(settings.database)
    rt = runtime.use(runtime.Runtime(settings, sources=[StormSource(records)]))
    collector = Collector()
    began = time.process_time()
    found = collector.round(rt, patience=3600.0)
    group.group_new(rt)
    group.start_new(rt, begin=lambda session, issue: None)
    spent = time.process_time() - began
    collector.close()
    if error := found["storm"]["error"]:
        raise SystemExit(f"the cycle failed: {error}")
    with store.read() as session:
        counts = [session.exec(select(func.count()).select_from(table)).one() for table in (Signal, Issue)]
    store.engine().dispose()
    return spent, *counts


def reference(folder: Path, lines: Sequence[str]) -> float:
    """CPU seconds of the plain work on the same records."""
    base = sqlite3.connect(folder / "reference.db")
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("CREATE TABLE told (id TEXT UNIQUE, at TEXT, service TEXT, title TEXT, digest TEXT)")
    began = time.process_time()
    for begin in range(0, len(lines), PAGE):
        rows = []
        for line in lines[begin : begin + PAGE]:
            row = json.loads(line)
            digest = hashlib.sha256(line.encode()).hexdigest()
            rows.append((f"{row['source']}-{row['vendor_id']}", row["at"], row["service"], row["title"], digest))
        with base:
            base.executemany("INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?, ?)", rows)
    spent = time.process_time() - began
    base.close()
    return spent


def measure(records: int = RECORDS, turns: int = TURNS) -> tuple[list[float], list[float], int, int]:
    """(CPU seconds of each cycle, of each reference, signals, issues)."""
    rows = told(records)
    lines = [record.model_dump_json() for record in rows]
    cycles, references, signals, issues = [], [], 0, 0
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as folder:
            references.append(reference(Path(folder), lines))
            spent, signals, issues = cycle(Path(folder), rows)
            cycles.append(spent)
    return cycles, references, signals, issues


def main() -> int:
    cycles, references, signals, issues = measure()
    best, plain = min(cycles), min(references)
    print(f"A cycle with {signals:,} signals of {RECORDS:,} records, {issues} issues; best of {len(cycles)} turns")
    print(f"cycle {best:.2f} CPU s, reference {plain:.3f} CPU s: ratio {best / plain:.1f}")
    print("all ratios: " + ", ".join(f"{c / r:.1f}" for c, r in zip(cycles, references, strict=True)))
    met = signals == RECORDS and issues == len(FAULTS)
    print("met" if met else "NOT met")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
