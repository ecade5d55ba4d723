"""Checks a deployment of the console after its release: /healthz reports "ok", and /metrics has its figures.

``check_deployment.py URL``, with METRICS_TOKEN in the environment. It waits at most SECONDS for the first good answer,
needs only the standard library, and exits with 1 and the reason otherwise.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
import urllib.request

SECONDS, EVERY, TIMEOUT = 180.0, 5.0, 10.0
NEEDED = ("platform_issues", "platform_connector_up", "platform_last_round_age_seconds")


def answer(url: str, token: str = "") -> str:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as found:
        return found.read().decode("utf-8", "replace")


def fault(base: str, token: str) -> str:
    """Why the deployment is not healthy; empty if it is."""
    try:
        if (state := json.loads(answer(f"{base}/healthz"))).get("status") != "ok":
            return f"/healthz reports {state}"
        metrics = answer(f"{base}/metrics", token)
    except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
        return f"{base} does not answer as expected: {error}"
    missing = [name for name in NEEDED if f"\n# TYPE {name} " not in f"\n{metrics}"]
    return f"/metrics lacks {', '.join(missing)}" if missing else ""


def main(base: str, seconds: float = SECONDS, every: float = EVERY) -> int:
    if not base.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        print("the address is not https", file=sys.stderr)
        return 1
    deadline = time.monotonic() + seconds
    while why := fault(base.rstrip("/"), os.environ.get("METRICS_TOKEN", "")):
        if time.monotonic() > deadline:
            print(why, file=sys.stderr)
            return 1
        time.sleep(every)
    print(f"{base} is healthy")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
