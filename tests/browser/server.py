"""The real console on a seeded database, and the real browser that visits it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlmodel import select

from core.db import store
from core.models import Issue, Status
from core.settings import ROOT
from tests import scenes, screens

READY = "[data-testid=stApp][data-test-script-state=notRunning]"
ADDRESSES = ("/", "/approvals", "/issues", "/issues?issue={issue}", "/codegen", "/codegen?change=1", "/deployments",
             "/deployments?deployment=1", "/kpis", "/policy", "/policy?version=1",
             "/policy?setting=guards.critical_services", "/audit", "/audit?row=1", "/settings", "/people",
             "/people?name=viewer", "/documentation", "/documentation?document=configuration")  # fmt: skip
PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
expect.set_options(timeout=120_000)  # milliseconds
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reachable(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"the console did not start: exit {process.poll()}")


@contextmanager
def serving(folder: Path, seed: bool = True, **values: str) -> Iterator[str]:
    """The console's address; its database lies in ``folder`` and is this process's store as well.

    ``values`` are further settings; ``platform`` is the text of its platform.toml.
    """
    settings = screens.open_console(folder, **values)
    values.pop("platform", None)
    if seed:
        with store.write() as session:
            scenes.shop(session)
    port = free_port()
    environment = {**os.environ, "DATABASE_URL": settings.database_url, "CONSOLE_ENGINE": "off",
                   "PLATFORM_FILE": str(settings.platform_file), "DATA_DIR": str(folder),
                   **{name.upper(): value for name, value in values.items()}}  # fmt: skip
    command = [sys.executable, "-m", "streamlit", "run", "console/server/app.py", "--server.port", str(port)]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        reachable(f"http://localhost:{port}/healthz", process)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(20)


def visiting(browser: Browser, address: str, person: str = "admin", **options) -> BrowserContext:
    """A browser's window of its own, with this person signed in."""
    visit = browser.new_context(base_url=address, **options)
    page = visit.new_page()
    agent = page.evaluate("navigator.userAgent")
    page.close()
    visit.add_cookies([{"name": "session", "value": screens.cookie(person, agent), "url": address, "httpOnly": True}])
    return visit


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


def settled(page: Page) -> Page:
    """The page once its script has run and its title stands."""
    page.wait_for_selector(READY, timeout=120_000)
    page.locator("#first").wait_for(state="detached", timeout=120_000)
    page.wait_for_selector("h1", timeout=120_000)
    page.locator("[data-testid=stSkeleton]").first.wait_for(state="hidden")
    return page


def watched(page: Page, address: str) -> list[str]:
    """Console errors, script errors, failed requests, and requests to anywhere else."""
    faults: list[str] = []
    own = (address, "data:", "blob:", address.replace("http", "ws"))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(own) else faults.append(f"outside: {r.url}"))
    page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    return faults


def number(status: Status) -> int:
    """Number of the first issue that stands so."""
    with store.read() as session:
        return session.exec(select(Issue.id).where(Issue.status == status)).first()
