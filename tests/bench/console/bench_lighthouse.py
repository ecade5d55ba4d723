"""Lighthouse on the console's pages, desktop and mobile: python -m tests.bench.console.bench_lighthouse

Runs against the real console on a seeded database, every time in a new browser that has nothing in its cache;
needs an idle machine to say anything of performance.
Prints JSON; exits 1 when a score is below its aim. ``--audits`` lists what each page loses points by.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import screens
from tests.browser.server import CHROMIUM, free_port, serving
from tests.real import need

PAGES = ("/", "/issues", "/kpis", "/status")
AIMS = {  # performance, desktop and mobile
    "/": (95, 80),
    "/issues": (95, 80),
    "/kpis": (85, 0),
    "/status": (100, 100),
}
OTHERS = ("accessibility", "best-practices", "seo")
FIRST_PAINT_MS = 1000
# Lighthouse puts its own version after Chrome/: no version, the same name; a phone's says Mobile
AGENTS = {"desktop": "Mozilla/5.0 (bench)", "mobile": "Mozilla/5.0 (bench; Android) Mobile"}


@contextmanager
def signed_in(address: str, agent: str) -> Iterator[int]:
    """The debugging port of a browser with an admin's session, bound to the name that Lighthouse gives the browser."""
    port = free_port()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        visit = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", f"--remote-debugging-port={port}"],
        )
        value = screens.cookie("admin", agent)
        visit.add_cookies([{"name": "session", "value": value, "url": address, "httpOnly": True}])
        yield port
        visit.close()


def run(address: str, form: str) -> dict:
    """One Lighthouse report; ``form`` is desktop or mobile."""
    with signed_in(address, AGENTS[form]) as port:
        return report_of(address, form, port)


def report_of(address: str, form: str, port: int) -> dict:
    command = [
        need("lighthouse"), address, "--output=json", "--output-path=stdout", "--quiet", f"--port={port}",
        f"--emulated-user-agent={AGENTS[form]}", "--disable-storage-reset",
        *(["--preset=desktop"] if form == "desktop" else []),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    report = json.loads(done.stdout)
    if report["finalDisplayedUrl"].rstrip("/") != address.rstrip("/"):
        raise RuntimeError(f"{address} led to {report['finalDisplayedUrl']}: not signed in")
    return report


def scores(report: dict) -> dict[str, float]:
    found = {name: round(100 * (c["score"] or 0)) for name, c in report["categories"].items()}
    audits = report["audits"]
    return found | {
        "first_paint_ms": round(audits["first-contentful-paint"]["numericValue"]),
        "largest_paint_ms": round(audits["largest-contentful-paint"]["numericValue"]),
        "blocking_ms": round(audits["total-blocking-time"]["numericValue"]),
        "shift": round(audits["cumulative-layout-shift"]["numericValue"], 3),
        "kilobytes": round(audits["total-byte-weight"]["numericValue"] / 1024) if "total-byte-weight" in audits else 0,
    }


def lost(report: dict) -> list[str]:
    """What takes points, by category."""
    return [
        f"{category}: {audit['id']} {audit.get('displayValue', '')} {audit['title']}"
        for category, told in report["categories"].items()
        for ref in told["auditRefs"]
        if ref["weight"] and (audit := report["audits"][ref["id"]])["score"] not in (None, 1)
    ]


def missed(page: str, form: str, found: dict[str, float]) -> list[str]:
    aim = AIMS[page][form == "mobile"]
    late = form == "desktop" and found["first_paint_ms"] >= FIRST_PAINT_MS
    return [
        *(f"{name} {found[name]}" for name in OTHERS if found[name] < 100),
        *([f"performance {found['performance']} < {aim}"] if found["performance"] < aim else []),
        *([f"first paint {found['first_paint_ms']} ms"] if late else []),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", nargs="+", default=list(PAGES))
    parser.add_argument("--forms", nargs="+", default=["desktop", "mobile"])
    parser.add_argument("--audits", action="store_true")
    arguments = parser.parse_args()
    results, faults = {}, []
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as address:
        for page in arguments.pages:
            for form in arguments.forms:
                report = run(address + page, form)
                found = results[f"{page} {form}"] = scores(report)
                faults += [f"{page} {form}: {fault}" for fault in missed(page, form, found)]
                print(f"{page:<9} {form:<8} {found}", file=sys.stderr)
                if arguments.audits:
                    print("\n".join(f"    {line}" for line in lost(report)), file=sys.stderr)
    print(json.dumps({"results": results, "missed": faults}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
