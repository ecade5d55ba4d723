"""Script run time of each page at 1,000, 100,000 and 1,000,000 signals: python -m tests.bench.console.bench_pages

Several runs of the whole script by AppTest: the CPU time of the script's thread (without the thread of AppTest, which
polls it) and the wall time, the median and the 95th percentile of each. The target: the same median within a factor of
1.5, and a 95th percentile of the CPU time under 60 ms. Prints JSON; exits 1 when missed.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from console.page import PAGES
from core.db import store
from tests import screens
from tests.bench.console import history

ONE = {"issues": "issue", "codegen": "change", "deployments": "deployment"}
FACTOR, LIMIT_MS = 1.5, 60.0


def measured(page: str, runs: int, **query: object) -> dict[str, float]:
    """Milliseconds of a run, the first (which imports and opens) left out."""
    at: AppTest = screens.visit(page, **query)
    assert not at.exception, at.exception
    assert "The database is not responding" not in screens.seen(at)
    cpu, wall = [], []
    for _ in range(runs):
        gc.collect()
        start, all_threads, this_thread = time.perf_counter(), time.process_time(), time.thread_time()
        at.run()
        cpu.append((time.process_time() - all_threads - (time.thread_time() - this_thread)) * 1000)
        wall.append((time.perf_counter() - start) * 1000)
    return {**told("", cpu), **told("wall_", wall)}


def told(name: str, taken: list[float]) -> dict[str, float]:
    return {
        f"{name}median_ms": round(statistics.median(taken), 1),
        f"{name}p95_ms": round(sorted(taken)[max(0, round(0.95 * len(taken)) - 1)], 1),
    }


def at_size(signals: int, runs: int, pages: list[str]) -> dict[str, dict]:
    with tempfile.TemporaryDirectory() as folder:
        screens.open_console(Path(folder))
        history.write(signals)
        found = {}
        for page in pages:
            found[page] = measured(page, runs)
            if page in ONE:
                found[f"{page}?{ONE[page]}"] = measured(page, runs, **{ONE[page]: 1})
        store.engine().dispose()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--pages", nargs="+", default=list(PAGES))
    arguments = parser.parse_args()
    results = {size: at_size(size, arguments.runs, arguments.pages) for size in arguments.sizes}
    small = results[arguments.sizes[0]]
    missed = []
    for page in small:
        medians = [found[page]["median_ms"] for found in results.values()]
        worst, wall = (max(found[page][name] for found in results.values()) for name in ("p95_ms", "wall_p95_ms"))
        factor = max(medians) / medians[0]
        if factor > FACTOR or worst > LIMIT_MS:
            missed.append(page)
        print(f"{page:<24} medians {medians} ms, factor {factor:.2f}, p95 {worst} ms CPU, {wall} ms", file=sys.stderr)
    print(json.dumps({"results": results, "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
