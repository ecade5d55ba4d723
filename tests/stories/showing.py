"""``make demo`` with a browser at its door."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from core.demo.command import process
from tests.browser.server import browsing, free_port, reachable, settled

PATIENCE = 500_000  # milliseconds: a fault is noticed, fixed, proved, deployed and watched


@contextmanager
def showing(folder: Path, log: Path) -> Iterator[Callable[[str], Page]]:
    """``window("viewer")``: the first screen of a demo in ``folder``, with the person of this role signed in."""
    port = free_port()
    argv = [sys.executable, "-m", "core", "demo", "--dir", str(folder)]
    argv += ["--port", str(free_port()), "--console-port", str(port)]
    with process(argv, {}, log) as running, browsing() as browser:
        reachable(f"http://localhost:{port}/healthz", running)

        def window(role: str) -> Page:
            options = {"base_url": f"http://localhost:{port}", "viewport": {"width": 1440, "height": 900}}
            page = browser.new_context(**options).new_page()
            page.set_default_timeout(PATIENCE)
            page.goto("/")
            page.get_by_role("button", name=f"as {role}").click()
            return settled(page)

        yield window
