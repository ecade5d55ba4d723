"""Visitors of a service: they keep coming before, during and after a release, and count how they fared."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any

import httpx

CRASH_EVERY = 6  # one of so many visits is of the kind that crashes


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None

    @property
    def failed(self) -> bool:
        return self.status >= 500


class Traffic:
    """Calls ``visit(traffic, number)`` again and again. ``count(route, status, ms)`` is the team's measurement."""

    def __init__(
        self,
        visit: Callable[[Traffic, int], None],
        base: Callable[[], str],
        release: Callable[[], str],
        count: Callable[[str, int, float], None],
        rate: float,
    ):
        self.visit, self.base, self.release, self.count, self.rate = visit, base, release, count, rate
        self.seen: dict[str, Counter] = {}  # by the release that served: how many answers were "ok" or "failed"
        self.place: Callable[[], Path] = Path  # where a job lays its files
        self.run: Callable[..., CompletedProcess] = run  # the service's own interpreter on the live release
        self.tell: Callable[[str, str], None] = lambda text, release: None  # what a job that failed wrote
        self.client = httpx.Client(timeout=20)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.error: Exception | None = None

    def call(self, method: str, path: str, **options) -> Answer:
        """A measured request. One that no process answered, as while a release changes, is not counted."""
        release, began = self.release(), time.perf_counter()
        try:
            told = self.client.request(method, self.base() + path, **options)
        except httpx.HTTPError:
            return Answer(0)
        self.counted(release, f"{method} {path}", told.status_code, (time.perf_counter() - began) * 1000)
        is_json = told.headers.get("content-type", "").startswith("application/json") and told.content
        return Answer(told.status_code, told.json() if is_json else None)

    def get(self, path: str, **options) -> Answer:
        return self.call("GET", path, **options)

    def post(self, path: str, body: dict) -> Answer:
        return self.call("POST", path, json=body)

    def counted(self, release: str, route: str, status: int, ms: float) -> None:
        self.noted(release, status)
        self.count(route, status, ms)

    def noted(self, release: str, status: int) -> None:
        self.seen.setdefault(release, Counter())["failed" if status >= 500 else "ok"] += 1

    def _run(self) -> None:
        number = 0
        while not self.over.wait(1 / self.rate):
            try:
                self.visit(self, number)
            except Exception as error:  # the story tells of it; a visitor who fails must not look like a calm service
                self.error = error
                raise
            number += 1

    def __enter__(self) -> Traffic:
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join(30)
        self.client.close()


def crashes(number: int) -> bool:
    return number % CRASH_EVERY == CRASH_EVERY - 1
