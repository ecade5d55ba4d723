"""Collecting 100,000 log records from the simulated Datadog, against a bare loop of httpx and sqlite3.

    python -m tests.bench.vendors.bench_collect [RECORDS]

Both read the same pages from the same simulator (a process of its own) and commit every page with the same
durability. The bare loop keeps six columns and checks nothing; ours parses, redacts, and stores a signal with all
its indexes, each once. They run in turn, each three times in a process of its own; the best of each is compared.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

RECORDS, PAGE, TURNS, AIM = 100_000, 1000, 3, 0.7
SPAN = timedelta(minutes=10)


def serve(count: int) -> None:
    """The simulator with ``count`` crashes in it; prints its address."""
    import uvicorn
    from starlette.applications import Starlette

    from core.demo import telemetry
    from core.demo.alarms import Alarms
    from core.demo.deployments import free_port
    from core.demo.vendors.datadog import SimulatedDatadog
    from tests.vendors.simulators import STACK

    telemetry.LOGS = count
    shop, begin = telemetry.Telemetry(), datetime.now(UTC) - SPAN
    for i in range(count):
        told = {"type": "KeyError", "message": f"'item-{i}'", "stack": STACK}
        row = {"ts": (begin + SPAN * i / count).isoformat(), "event": "error", "service": "cart", "route": "/cart"}
        row |= {"user": f"u-{i}", "message": f"'item-{i}'", "release": "abcdef0123456789", "exception": told}
        shop.line(json.dumps(row), "production")
    port = free_port()
    print(f"http://127.0.0.1:{port}/datadog", flush=True)
    app = Starlette(routes=SimulatedDatadog(shop, Alarms(shop)).routes)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


def ours(url: str, folder: Path) -> int:
    from sqlmodel import func, select

    from core.db import store
    from core.demo.vendors import datadog as simulated
    from core.models import Signal
    from core.stages import collect
    from core.vendors.datadog import Datadog
    from core.vendors.http import Http

    store.open_store(f"sqlite:///{folder / 'ours.db'}")
    headers = {"DD-API-KEY": simulated.API_KEY, "DD-APPLICATION-KEY": simulated.APP_KEY}
    source = Datadog(Http("datadog", url, headers, [simulated.API_KEY], calls=10_000))
    told = collect.read(source)
    assert told["error"] is None, told
    with store.read() as session:
        return session.exec(select(func.count()).select_from(Signal)).one()


def bare(url: str, folder: Path) -> int:
    import sqlite3

    from core.demo.vendors import datadog as simulated

    base = sqlite3.connect(folder / "bare.db")
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE log (id TEXT UNIQUE, at TEXT, service TEXT, level TEXT, message TEXT, attributes TEXT)")
    until = datetime.now(UTC)
    span = {"query": "status:error", "from": (until - 3 * SPAN).isoformat(), "to": until.isoformat()}
    cursor = {}
    headers = {"DD-API-KEY": simulated.API_KEY, "DD-APPLICATION-KEY": simulated.APP_KEY}
    with httpx.Client(headers=headers, timeout=60) as client:
        while True:
            asked = {"filter": span, "sort": "timestamp", "page": {"limit": PAGE, **cursor}}
            answer = client.post(f"{url}/api/v2/logs/events/search", json=asked).json()
            rows = [
                (r["id"], a["timestamp"], a["service"], a["status"], a["message"], json.dumps(a["attributes"]))
                for r in answer["data"]
                for a in (r["attributes"],)
            ]
            base.executemany("INSERT OR IGNORE INTO log VALUES (?, ?, ?, ?, ?, ?)", rows)
            base.commit()
            if "page" not in answer["meta"]:
                return base.execute("SELECT count(*) FROM log").fetchone()[0]
            cursor = {"cursor": answer["meta"]["page"]["after"]}


def turn(way: str, url: str) -> None:
    """One measured run in this process; prints it as JSON."""
    import core.stages.collect  # noqa: F401 - imports are not measured
    import core.vendors.datadog  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        stored = {"ours": ours, "bare": bare}[way](url, Path(folder))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"way": way, "stored": stored, "seconds": wall, "cpu": cpu, "peak_mb": round(peak)}))


def measure(count: int, turns: int = TURNS) -> dict:
    """{"ours": best, "bare": best, "ratio", "cpu_ratio"}; rates are records a second."""
    command = [sys.executable, "-m", "tests.bench.vendors.bench_collect"]
    server = subprocess.Popen([*command, "serve", str(count)], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        _ready(url)
        rows = [_run([*command, way, url]) for _ in range(turns) for way in ("bare", "ours")]
    finally:
        server.terminate()
        server.wait()
    assert all(row["stored"] == count for row in rows), rows
    best = {way: min((r for r in rows if r["way"] == way), key=lambda r: r["seconds"]) for way in ("bare", "ours")}
    cpu = {way: min(r["cpu"] for r in rows if r["way"] == way) for way in best}
    ratios = {"ratio": best["bare"]["seconds"] / best["ours"]["seconds"], "cpu_ratio": cpu["bare"] / cpu["ours"]}
    return best | {name: round(value, 2) for name, value in ratios.items()}


def _ready(url: str) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
        client.get(f"{url}/api/v1/validate")


def _run(command: list[str]) -> dict:
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main(count: int) -> None:
    found = measure(count)
    for way in ("bare", "ours"):
        row = found[way]
        rate = count / row["seconds"]
        print(f"{way:5} {rate:9,.0f} records a second, {row['cpu']:.1f} s of CPU, {row['peak_mb']} MB at most")
    print(f"ours / bare: {found['ratio']} by the clock, {found['cpu_ratio']} by CPU (aim {AIM})")


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == ["serve"]:
        serve(int(given[1]))
    elif given[:1] and given[0] in ("ours", "bare"):
        turn(given[0], given[1])
    else:
        main(int(given[0]) if given else RECORDS)
