"""Script run time of each page at 1,000, 100,000 and 1,000,000 signals: python -m tests.bench.console.bench_pages

CPU seconds of a whole run of the script by AppTest, the median and the 95th percentile of several runs. The
target: the same within a factor of 1.5, and a 95th percentile under 200 ms. Prints JSON; exits 1 when missed.
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
FACTOR, LIMIT_MS = 1.5, 200.0


def measured(page: str, runs: int, **query: object) -> list[float]:
    """Milliseconds of CPU of each run, the first (which imports and opens) left out."""
    at: AppTest = screens.visit(page, **query)
    assert not at.exception, at.exception
    assert "The database is not responding" not in screens.seen(at)
    taken = []
    for _ in range(runs):
        gc.collect()
        start = time.process_time()
        at.run()
        taken.append((time.process_time() - start) * 1000)
    return taken


def told(taken: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(taken), 1),
        "p95_ms": round(sorted(taken)[max(0, round(0.95 * len(taken)) - 1)], 1),
    }


def at_size(signals: int, runs: int, pages: list[str]) -> dict[str, dict]:
    with tempfile.TemporaryDirectory() as folder:
        screens.open_console(Path(folder))
        history.write(signals)
        found = {}
        for page in pages:
            found[page] = told(measured(page, runs))
            if page in ONE:
                found[f"{page}?{ONE[page]}"] = told(measured(page, runs, **{ONE[page]: 1}))
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
        worst = max(found[page]["p95_ms"] for found in results.values())
        factor = max(medians) / medians[0]
        if factor > FACTOR or worst > LIMIT_MS:
            missed.append(page)
        print(f"{page:<24} medians {medians} ms, factor {factor:.2f}, p95 {worst} ms", file=sys.stderr)
    print(json.dumps({"results": results, "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
