"""A cache of vendors' answers to GET requests: what did not change is confirmed by the vendor and not sent again.

Every request goes to the vendor, with the validators of the stored answer (RFC 9110, If-None-Match); the answer 304
costs GitHub's rate limit nothing. So a stored answer is never older than the vendor's own, and a credential that the
vendor refuses reads none.

What is stored holds no secret: the cache sees neither credentials nor an address with one, and an answer that contains
a secret, or that cannot be confirmed later, is not stored. The cache is hishel's, in a file of DATA_DIR or in Redis. If
it fails, requests are sent as without it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import httpx
import redis
from hishel import CacheOptions, RedisStorage, SqliteStorage
from hishel.httpx import CacheTransport
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.vendors import bodies

log = logging.getLogger(__name__)
DAY = 24 * 3600.0  # seconds for which an answer is kept
LARGEST, WHOLE = 2 * 1024 * 1024, 64 * 1024 * 1024  # bytes of a stored answer; of the file
PATIENCE, REST = 0.5, 60.0  # seconds for one call of Redis; until a Redis that failed is tried again
FILE, PREFIX = "answers.db", "platform-answers"
SEEN = ("accept", "host", "x-github-api-version")  # headers that the cache sees; the others may hold credentials
VALIDATORS = ("if-none-match", "if-modified-since")
OPTIONS = CacheOptions(shared=False, supported_methods=["GET"])
OWN = "platform_headers"  # extension of a request: its own headers
BROKEN = (RuntimeError, sqlite3.Error, redis.RedisError)


@dataclass
class Answers:
    """A storage of answers. ``probe`` raises if it does not respond; a storage that fails rests."""

    storage: SqliteStorage | RedisStorage
    probe: Callable[[], object] = lambda: None
    until: float = field(default=0.0)  # of time.monotonic: when it is asked again whether it responds
    works: bool = True

    def usable(self) -> bool:
        if time.monotonic() >= self.until:
            self.until = time.monotonic() + REST
            try:
                self.probe()
                self.works = True
            except BROKEN as error:
                self.fail(error)
        return self.works

    def fail(self, error: Exception) -> None:
        """Log once that it failed, and let it rest."""
        if self.works:
            log.warning("the cache of vendors' answers failed and rests for a while: %s", type(error).__name__)
        self.works, self.until = False, time.monotonic() + REST


@lru_cache(maxsize=8)
def answers(folder: Path, redis_url: str = "") -> Answers | None:
    """The storage of this process: Redis if its address is given, else a file of the folder. None if it has none."""
    try:
        return _redis(redis_url) if redis_url else Answers(SqliteStorage(connection=_file(folder / FILE), **_limits()))
    except (*BROKEN, OSError, ValueError) as error:
        log.warning("answers of vendors are not cached: %s", type(error).__name__)
        return None


def _limits() -> dict:
    return {"default_ttl": DAY, "max_stream_size": LARGEST, "max_size": WHOLE}


def _redis(url: str) -> Answers:
    patience = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "retry": Retry(NoBackoff(), 0)}
    client = redis.Redis.from_url(url, **patience)
    return Answers(RedisStorage(client, default_ttl=DAY, max_stream_size=LARGEST, key_prefix=PREFIX), client.ping)


def _file(path: Path) -> sqlite3.Connection:
    """A connection to a file that only this user can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None)


class CachedTransport(httpx.BaseTransport):
    """Sends GET requests through the cache, and all others past it."""

    def __init__(self, kept: Answers, vendor: str, redact: Callable[[str], str], inner: httpx.BaseTransport):
        self.kept, self.redact, self.inner = kept, redact, inner
        self.cache = CacheTransport(_Confirmable(vendor, redact, inner), kept.storage, rfc=OPTIONS)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        secret = self.redact(str(request.url)) != str(request.url)
        if request.method != "GET" or secret or not self.kept.usable():
            return self.inner.handle_request(request)
        try:
            return self._asked(request)
        except BROKEN as error:
            self.kept.fail(error)
            return self.inner.handle_request(request)

    def _asked(self, request: httpx.Request) -> httpx.Response:
        headers = {name: request.headers[name] for name in SEEN if name in request.headers}
        headers["cache-control"] = "no-cache"  # never without asking the vendor
        own = {**request.extensions, OWN: request.headers}
        found = self.cache.handle_request(httpx.Request("GET", request.url, headers=headers, extensions=own))
        found.read()  # reading can fail, too
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)

    def close(self) -> None:
        self.inner.close()


class _Confirmable(httpx.BaseTransport):
    """What the cache sends by: adds the request's own headers, and allows only answers to be stored that may be."""

    def __init__(self, vendor: str, redact: Callable[[str], str], inner: httpx.BaseTransport):
        self.vendor, self.redact, self.inner = vendor, redact, inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        extensions = dict(request.extensions)
        headers = httpx.Headers(extensions.pop(OWN))
        headers.update({name: request.headers[name] for name in VALIDATORS if name in request.headers})
        answer = self.inner.handle_request(httpx.Request("GET", request.url, headers=headers, extensions=extensions))
        try:
            body = bodies.read(self.vendor, answer)
        finally:
            answer.close()
        told = httpx.Headers(bodies.plain(answer.headers))
        confirmed = answer.status_code == 304
        if not confirmed and not (answer.status_code == 200 and self._may_be_stored(told, body)):
            told["cache-control"] = "no-store"
        return httpx.Response(answer.status_code, headers=told, content=body)

    def _may_be_stored(self, headers: httpx.Headers, body: bytes) -> bool:
        """Can the vendor confirm it later, and is it free of secrets?"""
        if not ({"etag", "last-modified"} & headers.keys()) or "set-cookie" in headers or len(body) > LARGEST:
            return False
        text = body.decode("utf-8", "replace")
        return self.redact(text) == text
