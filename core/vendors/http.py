"""The only httpx client. Time-outs, bounded retries, sizes and redaction are the same for every vendor.

What is retried: connection faults, 429 and 5xx, and only for requests that may be repeated. Retry-After
(seconds or HTTP date) and the vendors' own reset headers are obeyed up to 30 s; a longer wait is the
caller's to make, who gets it as ``VendorError.retry_after``.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import stamina

from core.vendors.base import BudgetSpent, Meter, VendorError
from core.vendors.redact import Redactor

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
ATTEMPTS, LONGEST_WAIT = 3, 30.0
LARGEST = 20 * 1024 * 1024  # bytes of one answer
RESETS = ("x-ratelimit-reset", "x-sentry-rate-limit-reset")
WORDS = {
    400: "did not understand the request",
    401: "refused the credential",
    403: "refused access; the credential lacks a right, or the address is another region's",
    404: "does not know what was asked for",
    409: "says that it conflicts with what is there",
    422: "refused the values that were sent",
    429: "asks to be called less often",
}


class Answer:
    """A successful answer: status, headers, and the body as JSON."""

    def __init__(self, vendor: str, response: httpx.Response):
        self.vendor, self.status, self.headers, self.content = (
            vendor,
            response.status_code,
            response.headers,
            response.content,
        )

    def json(self, kind: type = dict) -> Any:
        """The body as ``kind``. Raises VendorError for what is not JSON, or other JSON than expected."""
        try:
            value = json.loads(self.content)
        except ValueError:
            raise VendorError(self.vendor, f"answered {self.status} with something that is not JSON") from None
        if not isinstance(value, kind):
            raise VendorError(self.vendor, f"answered with JSON of an unexpected kind ({type(value).__name__})")
        return value

    def next_link(self) -> dict[str, str] | None:
        """The Link header's ``rel="next"``: its ``url`` and attributes, or None."""
        link = httpx.Response(200, headers={"link": self.headers.get("link", "")}).links.get("next")
        return dict(link) if link else None


class Http:
    """One vendor's address with its headers. ``transport`` is for tests."""

    def __init__(
        self,
        vendor: str,
        base_url: str,
        headers: dict[str, str] | None = None,
        secrets: Iterable[str] = (),
        transport: httpx.BaseTransport | None = None,
        calls: int | None = None,
    ):
        self.meter = Meter(vendor, calls)
        self.vendor, self.base_url = vendor, base_url.rstrip("/")
        self.redact = Redactor(secrets)
        self.client = httpx.Client(headers=headers or {}, timeout=TIMEOUT, transport=transport, follow_redirects=False)
        self.guarded = transport is None

    def get(self, path: str, **kw) -> Answer:
        return self.request("GET", path, **kw)

    def post(self, path: str, *, idempotent: bool = False, **kw) -> Answer:
        """``idempotent``: the request changes nothing, or changes the same thing only once."""
        return self.request("POST", path, idempotent=idempotent, **kw)

    def request(
        self, method: str, path: str, *, idempotent: bool = True, verify: Callable[[Answer], None] | None = None, **kw
    ) -> Answer:
        """Send, retry what may be retried, and return the answer. Raises VendorError.

        ``verify`` raises VendorError for an answer that is a fault in spite of its status, which may be retried.
        """
        url = path if path.startswith("http") else self.base_url + path
        if self.guarded:
            self._same_host(url)
            refuse_private(self.vendor, url, self.base_url)
        retry = stamina.retry_context(on=_wait(idempotent), attempts=ATTEMPTS, timeout=90, wait_max=LONGEST_WAIT)
        for attempt in retry:
            with attempt:
                answer = self._once(method, url, **kw)
                if verify:
                    verify(answer)
                return answer
        raise AssertionError("stamina raises the last error")

    def _once(self, method: str, url: str, **kw) -> Answer:
        self.meter.spend()
        try:
            with self.client.stream(method, url, **kw) as response:
                body = b""
                for part in response.iter_bytes():
                    body += part
                    if len(body) > LARGEST:
                        raise VendorError(self.vendor, "answered with more than 20 MB", permanent=True)
        except httpx.HTTPError as error:
            raise VendorError(
                self.vendor,
                f"could not be reached at {urlsplit(url).netloc}: {self.redact(str(error)) or type(error).__name__}",
            ) from None
        answer = httpx.Response(response.status_code, headers=_plain(response.headers), content=body)
        if answer.status_code >= 300:
            raise self._fault(answer)
        return Answer(self.vendor, answer)

    def _fault(self, answer: httpx.Response) -> VendorError:
        status = answer.status_code
        says = (
            "sent us to another address"
            if status < 400
            else WORDS.get(status, "has a fault of its own" if status >= 500 else "refused the request")
        )
        detail = self.redact(told(answer))
        return VendorError(
            self.vendor,
            f"{says} ({status})" + (f": {detail}" if detail else ""),
            status=status,
            permanent=status < 500 and status != 429,
            retry_after=wait_asked(answer.headers),
        )

    def _same_host(self, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self.base_url).netloc:
            raise VendorError(self.vendor, f"pointed to another host ({urlsplit(url).netloc})", permanent=True)


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Headers of the decoded body."""
    return {k: v for k, v in headers.items() if k not in ("content-encoding", "content-length", "transfer-encoding")}


def _wait(idempotent: bool) -> Callable[[Exception], bool | float]:
    """stamina's hook: False ends it, a number is the wait in seconds, True the usual back-off."""

    def decide(error: Exception) -> bool | float:
        if not isinstance(error, VendorError) or error.permanent or isinstance(error, BudgetSpent):
            return False
        if not idempotent and error.status != 429:
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= LONGEST_WAIT else False

    return decide


def wait_asked(headers: httpx.Headers) -> float | None:
    """Seconds that a vendor asks us to wait: Retry-After, or a reset as seconds left or epoch."""
    value = headers.get("retry-after")
    if value:
        try:
            return max(0.0, float(value))
        except ValueError:
            return _until(value)
    if headers.get("x-ratelimit-remaining", "0") == "0":
        for name in RESETS:
            if (text := headers.get(name, "")).replace(".", "", 1).isdigit():
                number = float(text)
                return max(0.0, number - time.time()) if number > 1e9 else number
    return None


def _until(date: str) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def told(answer: httpx.Response) -> str:
    """What the vendor said of the fault, from the forms that vendors use."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("errors") or body.get("error") or body.get("detail") or body.get("message") or ""
    if isinstance(error, dict):
        error = error.get("message") or error.get("code") or ""
    return str(error)[:300]


def refuse_private(vendor: str, url: str, base_url: str) -> None:
    """No request to private or metadata addresses, unless the configured base itself is on loopback (the sandbox)."""
    host, base = urlsplit(url).hostname or "", urlsplit(base_url).hostname or ""
    if host == base and host in ("127.0.0.1", "localhost", "::1"):
        return
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        raise VendorError(vendor, f"the host {host} cannot be found") from None
    for address in found:
        if not ipaddress.ip_address(address).is_global:
            raise VendorError(vendor, f"{host} is a private address; only public ones are called", permanent=True)


def probe(url: str, timeout: float = 10.0) -> str:
    """Why an address is not healthy; empty when it answers 200."""
    try:
        status = httpx.get(url, timeout=timeout).status_code
    except httpx.HTTPError as error:
        return f"it could not be reached ({error or type(error).__name__})"
    return "" if status == 200 else f"it answered {status}"
