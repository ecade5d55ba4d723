"""Protection of forms against forgery and replay: only a page from this server can send a form, and only once.

An HMAC with a key of this process binds a ticket to the browser (its own SameSite=Strict cookie) and to the form's
purpose. A used ticket is remembered until it would have expired.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import deque

from starlette.requests import Request
from starlette.responses import Response

from console.server import address

COOKIE = "form"
LIFE = 1800.0  # seconds


class Tickets:
    def __init__(self, clock=time.time) -> None:
        self._key, self._clock = secrets.token_bytes(32), clock
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()

    def give(self, browser: str, purpose: str) -> str:
        body = f"{self._clock() + LIFE:.0f}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._mac(body, browser, purpose)}"

    def take(self, ticket: str, browser: str, purpose: str) -> bool:
        """Is it valid for this browser and purpose, unexpired and unused? This call uses it up."""
        body, _, mac = ticket.rpartition(".")
        if not browser or not hmac.compare_digest(mac.encode(), self._mac(body, browser, purpose).encode()):
            return False
        at, until = self._clock(), float(body.partition(".")[0])
        with self._lock:
            self._used = {nonce: end for nonce, end in self._used.items() if end > at}
            fresh = until > at and body not in self._used
            self._used[body] = until
        return fresh

    def _mac(self, body: str, browser: str, purpose: str) -> str:
        return hmac.new(self._key, f"{body}\0{browser}\0{purpose}".encode(), hashlib.sha256).hexdigest()


class Limiter:
    """At most ``times`` in ``seconds`` for each address. Beyond ``most`` addresses, the least recent are dropped."""

    def __init__(self, times: int = 30, seconds: float = 300.0, most: int = 10_000, clock=time.monotonic) -> None:
        self.times, self.seconds, self.most, self._clock = times, seconds, most, clock
        self._seen: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def full(self, client: str) -> bool:
        with self._lock:
            return len(self._recent(client)) >= self.times

    def count(self, client: str) -> None:
        with self._lock:
            recent = self._recent(client)
            recent.append(self._clock())
            self._seen.pop(client, None)
            self._seen[client] = recent
            if len(self._seen) > self.most:
                self._seen.pop(next(iter(self._seen)))

    def left(self, client: str) -> tuple[int, float]:
        """(how many are left now, seconds until the oldest one counts no more)."""
        with self._lock:
            recent = self._recent(client)
            return self.times - len(recent), recent[0] + self.seconds - self._clock() if recent else 0.0

    def _recent(self, client: str) -> deque[float]:
        kept = self._seen.get(client, deque(maxlen=self.times))
        while kept and kept[0] <= self._clock() - self.seconds:
            kept.popleft()
        return kept


def browser_of(request: Request) -> str:
    """The random id of this browser from our form cookie; empty without one."""
    return request.cookies.get(COOKIE, "")


def bounded(request: Request, largest: int, unsaid: str = "") -> bool:
    """Does its Content-Length announce at most this many bytes?"""
    length = request.headers.get("content-length", unsaid)
    sized = length.isascii() and length.isdigit() and "transfer-encoding" not in request.headers
    return sized and int(length[:15]) <= largest


def same_origin(request: Request) -> bool:
    """Does the browser confirm the form's origin? Without such headers, only the ticket protects."""
    near = request.headers.get("sec-fetch-site") in address.NEAR_SITES
    return near and ("origin" not in request.headers or address.own(request))


def mark(response: Response, browser: str, secure: bool) -> Response:
    response.set_cookie(COOKIE, browser, httponly=True, samesite="strict", secure=secure, path="/")
    return response
