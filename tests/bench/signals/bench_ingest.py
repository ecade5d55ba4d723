"""Ingest: signals a second of one round's grouping, with ever more signals stored.

    python -m tests.bench.signals.bench_ingest

The same fresh signals (a hundred faults of ten services, told by three vendors) are grouped in a store that holds
10,000, 100,000 and 1,000,000 older ones, a tenth of them set aside, with 200 issues in work. CPU seconds of this
process, SQLite included; the best of three turns. Anchor in the same run: to compare each fingerprint with every
stored one, which is what an index saves.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from core import runtime
from core.db import bulk, store
from core.models import Issue, Kind, Signal, Status, now
from core.settings import Settings
from core.stages import group

SIZES, FRESH, TURNS, AIM = (10_000, 100_000, 1_000_000), 5_000, 3, 0.20
OPEN = 200  # issues in work, whatever the size
SERVICES = tuple(f"service-{n}" for n in range(10))
VENDORS = ("sentry", "datadog", "newrelic")


def row(number: int, fault: int, vendor: str, at, **values) -> dict:
    """One crash as a stored signal; the fault is its place."""
    frames = [{"file": f"pkg/m{fault}.py", "function": f"f{fault}", "line": 7, "code": f"x['k{fault}']"}]
    return {
        "source": vendor,
        "vendor_id": f"{number}",
        "kind": Kind.EXCEPTION,
        "service": SERVICES[fault % len(SERVICES)],
        "title": f"KeyError in f{fault}",
        "message": "",
        "crash": {"exception": {"type": "KeyError", "message": f"'k{fault}'"}, "frames": frames},
        "attributes": {},
        "environment": "production",
        "level": "error",
        "count": 1,
        "users": 0,
        "url": "",
        "fingerprint": "",
        "issue_id": None,
        "set_aside": None,
        "at": at,
        "received_at": at,
        **values,
    }


def history(number: int) -> None:
    """So many signals of the last 90 days; their issues have ended but for the newest."""
    issues, start, step = max(number // 50, OPEN), now() - timedelta(days=90), timedelta(days=90) / number
    with store.write() as session:
        for n in range(issues):
            at, open_ = start + step * 50 * n, n >= issues - OPEN
            ended = None if open_ else at + timedelta(hours=1)
            status = Status.FIXING if open_ else Status.RESOLVED
            ages = {"first_seen": at, "last_seen": at, "created_at": at, "ended_at": ended}
            told = {"fingerprint": f"old-{n}", "title": f"old {n}", "service": SERVICES[n % 10], "status": status}
            session.add(Issue(**told, **ages, counted_by="sentry"))
    for begin in range(0, number, 10_000):
        rows = []
        for n in range(begin, min(begin + 10_000, number)):
            aside = "known: harmless" if n % 10 == 0 else None
            issue = None if aside else n * issues // number + 1
            more = {"issue_id": issue, "set_aside": aside, "fingerprint": f"old-{n // 50}"}
            rows.append(row(n, 1000 + n // 50, "sentry", start + step * n, **more))
        with store.write() as session:
            bulk.insert(session, Signal, rows)


def fresh(first: int, number: int) -> None:
    """New signals of a hundred faults, in turn."""
    rows = [row(first + n, n % 100, VENDORS[n % 3], now() - timedelta(seconds=number - n) / 100) for n in range(number)]
    with store.write() as session:
        bulk.insert(session, Signal, rows)


def grouped(rt: runtime.Runtime, first: int, number: int) -> float:
    """Signals a CPU second of one round's grouping."""
    fresh(first, number)
    began = time.process_time()
    group.group_new(rt)
    return number / (time.process_time() - began)


def naive(number: int) -> float:
    """Signals a CPU second when each is compared with every stored fingerprint (a hundred are timed)."""
    with store.read() as session:
        began = time.process_time()
        for n in range(100):
            session.connection().execute(text("SELECT max(fingerprint || '' = :f) FROM signal"), {"f": f"x{n}"}).all()
    return 100 / (time.process_time() - began)


def measure(size: int, number: int = FRESH, turns: int = TURNS) -> tuple[float, float]:
    """(signals a second, the anchor's) with ``size`` signals stored."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_url=f"sqlite:///{folder}/bench.db",
                            platform_file=Path(folder) / "platform.toml")  # fmt: skip
        settings.platform_file.write_text("")
        store.open_store(settings.database)
        rt = runtime.use(runtime.Runtime(settings))
        history(size)
        rates = [grouped(rt, 10_000_000 + turn * number, number) for turn in range(turns)]
        anchor = naive(size) if size <= 100_000 else 0.0
        store.engine().dispose()
    return max(rates), anchor


def main(sizes: tuple[int, ...] = SIZES) -> int:
    print(f"Ingest: grouping {FRESH:,} fresh signals. Aim: all within {AIM:.0%} of the fastest")
    rates = {}
    for size in sizes:
        rates[size], anchor = measure(size)
        told = f"{anchor:,.0f}" if anchor else "not timed"
        says = f"{size:>10,} stored: {rates[size]:>8,.0f} signals a CPU second"
        print(f"{says} (anchor, compare with all: {told})", flush=True)
    spread = 1 - min(rates.values()) / max(rates.values())
    print(f"spread {spread:.1%}: {'met' if spread <= AIM else 'NOT met'}")
    return int(spread > AIM)


if __name__ == "__main__":
    sys.exit(main(tuple(int(size) for size in sys.argv[1:]) or SIZES))
