"""From a commit to the screen, with 1, 5 and 20 viewers: python -m tests.bench.console.bench_viewers

Each viewer is a browser's window of its own on Pipeline, on this very machine: what the windows take of the
processor, the server lacks, so that many viewers far away fare better than these. Milliseconds from an issue's
change in the store until its badge says so, over all viewers and changes. Prints JSON; exits 1 when a change was
missed, or when more than one in twenty took over 2 s with five viewers.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from core import store
from core.models import Issue, Status
from tests.browser.server import browsing, number, serving, settled, visiting

VIEWERS, LIMIT_MS = (1, 5, 20), 2000.0
CHANGES = (Status.REVIEWING, Status.TESTING, Status.DEPLOYING, Status.WATCHING)
NOTE = """(issue) => {
  const seen = window.seen = {}, root = document.getElementById("root");
  new MutationObserver(() => {
    const row = [...root.querySelectorAll("tr")].find((row) => row.textContent.includes("#" + issue));
    const says = row?.querySelector(".d-badge")?.lastChild.textContent.trim();
    if (says) seen[says] ??= Date.now();
  }).observe(root, { childList: true, subtree: true, characterData: true });
}"""


def measured(viewers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as address, browsing() as browser:
        issue = number(Status.FIXING)
        windows = [visiting(browser, address, reduced_motion="reduce").new_page() for _ in range(viewers)]
        for page in windows:
            page.goto("/")
            settled(page).evaluate(NOTE, issue)
        taken = [at for status in CHANGES for at in changed(windows, issue, status)]
    seen = sorted(at for at in taken if at is not None)
    return {
        "missed": len(taken) - len(seen),
        "median_ms": round(statistics.median(seen)),
        "p95_ms": round(seen[max(0, round(0.95 * len(seen)) - 1)]),
        "most_ms": round(seen[-1]),
    }


def changed(windows: list, issue: int, status: Status) -> list[float | None]:
    """Milliseconds until each window shows the change; None for one that does not within 5 s."""
    windows[0].wait_for_timeout(2000)  # the change before is drawn everywhere
    start = time.time() * 1000
    with store.write() as session:
        session.get(Issue, issue).status = status
    windows[0].wait_for_timeout(5000)
    shown = [page.evaluate("(says) => window.seen[says] ?? null", str(status)) for page in windows]
    return [None if at is None else at - start for at in shown]


def main() -> int:
    found = {viewers: measured(viewers) for viewers in VIEWERS}
    late = found[5]["p95_ms"] > LIMIT_MS or any(row["missed"] for row in found.values())
    print(json.dumps({"viewers": found, "ratio_20_to_1": round(found[20]["median_ms"] / found[1]["median_ms"], 1)}))
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
