"""The spans of the shop's failing requests: the request itself, and the call of an upstream in which it failed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

SPENT, CALLED = timedelta(milliseconds=40), timedelta(milliseconds=30)
CALLS = {"in shipping_rate": "carrier", "in send_receipt": "mailer"}  # frames of the shop's calls: the upstream


@dataclass(frozen=True)
class ShopSpan:
    trace: str
    span: str
    parent: str
    service: str
    name: str
    kind: str  # server or client
    peer: str
    begin: datetime
    end: datetime
    failed: bool
    error: str = ""
    message: str = ""


def digest_of(row: dict) -> str:
    """Hexadecimal digits from which the ids of a crash's trace are cut."""
    return hashlib.sha256(row["id"].encode()).hexdigest()


def trace_of(row: dict) -> str:
    return digest_of(row)[16:48]


def spans_of(row: dict) -> list[ShopSpan]:
    """The spans of a crash. A crash is logged when its request ends."""
    digest, error, end = digest_of(row), row["exception"], row["at"]
    trace, service, failure = digest[16:48], row["service"], (True, error["type"], error["message"])
    name = f"GET {row['route']}"
    found = [ShopSpan(trace, digest[:16], "", service, name, "server", "", end - SPENT, end, *failure)]
    upstream = next((name for frame, name in CALLS.items() if frame in error["stack"]), "")
    if upstream:
        begin, call = end - SPENT, f"GET {upstream}"
        called = (digest[48:64], digest[:16], service, call, "client", upstream, begin, begin + CALLED)
        found.append(ShopSpan(trace, *called, *failure))
    return found
