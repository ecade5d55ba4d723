"""The only httpx client: the same timeouts, bounded retries, size limits and redaction for every vendor.

Connection faults, 429 and 5xx are retried, but only for requests that may be repeated. A wait that a vendor requests
(core/vendors/limits.py) is obeyed up to 30 s; a longer one is passed to the caller as ``VendorError.retry_after``. Each
exchange has an overall deadline. Connections go only to checked addresses (core/vendors/address.py); redirects are not
followed, and links to another host or without TLS are refused.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
import stamina

from core.vendors import bodies, limits
from core.vendors.address import LOOPBACK, ConnectionGuard, proxy_of
from core.vendors.base import BudgetSpent, Meter, VendorError
from core.vendors.redact import Redactor
from core.vendors.response_cache import Answers, CachedTransport

TIMEOUT, TOTAL = httpx.Timeout(20.0, connect=5.0), 60.0  # seconds of one operation; of one exchange
ATTEMPTS, LONGEST_WAIT = 3, 30.0
HTTP_ERRORS = (httpx.HTTPError, httpx.InvalidURL)
SHOWN = 64 * 1024  # bytes of a probe's response in which a text is searched
WORDS = {  # by status, else by its first digit
    3: "redirected us to another address; check the URL",
    4: "refused the request",
    5: "had an internal error",
    400: "rejected the request as malformed",
    401: "refused the credential",
    403: "refused access; the credential lacks a permission, or the address belongs to another region",
    404: "did not find the resource",
    409: "reported a conflict with the current state",
    422: "refused the values that were sent",
    429: "limited our request rate",
}


class VendorAnswer:
    """A successful response: status, headers, and the body as JSON."""

    def __init__(self, vendor: str, response: httpx.Response):
        self.vendor, self.status, self.headers, self.content = (
            vendor,
            response.status_code,
            response.headers,
            response.content,
        )

    @cached_property
    def body(self) -> Any:
        try:
            return json.loads(self.content, parse_constant=lambda _: None)  # NaN is not valid JSON and cannot be stored
        except (ValueError, RecursionError):
            raise VendorError(self.vendor, f"returned {self.status} with a body that is not JSON") from None

    def json(self, kind: type = dict) -> Any:
        """The body as ``kind``. Raises VendorError if it is not JSON or of another type."""
        value = self.body
        if not isinstance(value, kind):
            raise VendorError(self.vendor, f"returned JSON of an unexpected type ({type(value).__name__})")
        return value

    def rows(self, name: str) -> list:
        """The list under the key ``name`` of the body. Raises VendorError if it is missing."""
        found = self.json().get(name)
        if not isinstance(found, list):
            details = f": {error_message(self)}" if error_message(self) else ""
            raise VendorError(self.vendor, f"answered {self.status} without {name!r}{details}")
        return found

    def next_link(self) -> dict[str, str] | None:
        """The Link header's ``rel="next"``: its ``url`` and attributes, or None."""
        link = httpx.Response(200, headers={"link": self.headers.get("link", "")}).links.get("next")
        return dict(link) if link else None


class Http:
    """One vendor's address with its headers.

    ``calls``: the limit of calls per collection cycle; ``private``: the address may be on a private network;
    ``transport`` is for tests; ``kept``: the storage of answers to GET requests.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        headers: dict[str, str] | None = None,
        secrets: Iterable[str] = (),
        transport: httpx.BaseTransport | None = None,
        calls: int | None = None,
        private: bool = False,
        kept: Answers | None = None,
    ):
        self.vendor, self.base_url = vendor, base_url.rstrip("/")
        self.meter, self.redact, self.skew = Meter(vendor, calls), Redactor(secrets), 0.0
        host = urlsplit(self.base_url).hostname or ""
        self.guard = ConnectionGuard(vendor, private=private, loopback=host in LOOPBACK)
        sends = transport or _transport(self.guard, self.base_url)
        if kept and sends:  # a proxy, by which httpx sends itself, gets no cache
            sends = CachedTransport(kept, vendor, self.redact, sends)
        self.client = httpx.Client(
            headers={"accept-encoding": "gzip, deflate"} | (headers or {}),
            timeout=TIMEOUT,
            transport=sends,
            follow_redirects=False,
        )

    def get(self, path: str, **kw) -> VendorAnswer:
        return self.request("GET", path, **kw)

    def post(self, path: str, *, idempotent: bool = False, **kw) -> VendorAnswer:
        """POST. ``idempotent``: the request changes nothing, or has the same effect when repeated."""
        return self.request("POST", path, idempotent=idempotent, **kw)

    def request(
        self,
        method: str,
        path: str,
        *,
        idempotent: bool = True,
        verify: Callable[[VendorAnswer], None] | None = None,
        **kw,
    ) -> VendorAnswer:
        """Send the request, with retries, and return the response. Raises VendorError.

        ``verify`` raises VendorError for a response that is a fault despite its status; it is retried likewise.
        """
        url = path if path.startswith("http") else self.base_url + path
        self._allowed(url)
        retry = stamina.retry_context(on=_wait(idempotent), attempts=ATTEMPTS, timeout=90, wait_max=LONGEST_WAIT)
        for attempt in retry:
            with attempt:
                answer = self._once(method, url, **kw)
                if verify:
                    verify(answer)
                return answer
        raise AssertionError("stamina raises the last error")

    def _once(self, method: str, url: str, **kw) -> VendorAnswer:
        self.meter.spend()
        self.guard.limit(TOTAL)
        try:
            with self.client.stream(method, url, **kw) as response:
                body = bodies.read(self.vendor, response)
        except HTTP_ERRORS as error:
            raise self._unreached(url, error) from None
        answer = httpx.Response(response.status_code, headers=bodies.plain(response.headers), content=body)
        self.skew, left = limits.skew(answer.headers), limits.left(answer.headers)
        self.meter.vendor_left = self.meter.vendor_left if left is None else left
        if answer.status_code >= 300:
            raise self._fault(answer)
        return VendorAnswer(self.vendor, answer)

    def _unreached(self, url: str, error: Exception) -> VendorError:
        where = urlsplit(url).netloc
        why = "it did not respond in time" if isinstance(error, httpx.TimeoutException) else self.redact(str(error))
        return VendorError(self.vendor, f"is unreachable at {where}: {why or type(error).__name__}")

    def _fault(self, answer: httpx.Response) -> VendorError:
        status, details = answer.status_code, error_message(answer)
        limited = limits.limited(status, answer.headers, details)
        message = WORDS.get(429 if limited else status) or WORDS.get(status // 100, WORDS[5])
        detail = self.redact(details)
        return VendorError(
            self.vendor,
            f"{message} ({status})" + (f": {detail}" if detail else ""),
            status=status,
            permanent=status < 500 and not limited,
            retry_after=limits.wait_asked(status, answer.headers, details),
        )

    def _allowed(self, url: str) -> None:
        asked, own = urlsplit(url), urlsplit(self.base_url)
        if (asked.scheme, asked.netloc) != (own.scheme, own.netloc):
            where = f"{asked.scheme}://{asked.netloc}"
            raise VendorError(self.vendor, f"pointed to another host ({where})", permanent=True)
        if own.scheme != "https" and not (self.guard.loopback or self.guard.private):
            raise unencrypted(self.vendor, self.base_url)


def unencrypted(vendor: str, address: str) -> VendorError:
    return VendorError(vendor, f"the address {address} is not encrypted; keys are sent only over https", permanent=True)


@lru_cache(maxsize=1)
def _tls():
    """The TLS context, which verifies certificates; SSL_CERT_FILE can name another CA."""
    return httpx.create_ssl_context()


def _transport(guard: ConnectionGuard, base_url: str) -> httpx.BaseTransport | None:
    """The transport with guarded connections; None (httpx's own) for a proxy, which resolves the host itself."""
    return None if proxy_of(base_url) and not guard.loopback else _guarded(guard)


def _guarded(guard: ConnectionGuard) -> httpx.HTTPTransport:
    transport = httpx.HTTPTransport(verify=_tls())
    transport._pool = httpcore.ConnectionPool(ssl_context=_tls(), max_connections=20, network_backend=guard)
    return transport


def _wait(idempotent: bool) -> Callable[[Exception], bool | float]:
    """stamina's hook: False stops retrying, a number is the wait in seconds, True is the default back-off."""

    def decide(error: Exception) -> bool | float:
        if not isinstance(error, VendorError) or error.permanent or isinstance(error, BudgetSpent):
            return False
        if not idempotent and error.status != 429:
            return False
        if error.retry_after is None:
            return True
        jittered = error.retry_after * (1 + random.random() / 10)
        return jittered if error.retry_after <= LONGEST_WAIT else False

    return decide


def error_message(answer: httpx.Response | VendorAnswer) -> str:
    """The vendor's error message, from the formats that vendors use; empty if there is none."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("errors") or body.get("error") or body.get("detail") or body.get("message") or ""
    if body.get("errors") and body.get("message"):  # GitHub: a headline and its particulars
        error = [body["message"], *(error if isinstance(error, list) else [error])]
    if isinstance(error, list):
        return "; ".join(_sentence(part) for part in error)[:300]
    return _sentence(error)[:300]


def _sentence(part: Any) -> str:
    """One item of a list of errors: plain text, {"message"}, or GitHub's {"field", "code"}."""
    if not isinstance(part, dict):
        return str(part)
    field = " ".join(str(part[name]) for name in ("field", "code") if part.get(name))
    return str(part.get("message") or part.get("detail") or part.get("title") or field or part)


def probe(url: str, timeout: float = 10.0, status: int = 200, contains: str = "") -> str:
    """Why a URL is not healthy; empty if it responds as expected. Redirects are not followed.

    The body is only read if ``contains`` is given, and at most SHOWN bytes of it.

    The URL of a preview comes from a vendor's response: it may be on a private network, where a policy may also have
    put production, but never at a cloud's metadata address.
    """
    guard = ConnectionGuard("probe", private=True, loopback=True)
    guard.limit(timeout)
    try:
        with (
            httpx.Client(transport=_transport(guard, url), timeout=timeout, follow_redirects=False) as client,
            client.stream("GET", url, headers={"accept-encoding": "identity"}) as response,
        ):
            answered, text = response.status_code, _start(response) if contains else ""
    except (httpx.HTTPError, httpx.InvalidURL, VendorError, ValueError) as error:
        return f"it is unreachable ({error or type(error).__name__})"
    if answered != status:
        return f"it returned {answered}"
    return "" if contains in text else f"its response does not contain {contains[:80]!r}"


def _start(response: httpx.Response) -> str:
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) >= SHOWN:
            break
    return body[:SHOWN].decode("utf-8", "replace")


class Bounded(httpx.BaseTransport):
    """A transport for other libraries' clients: guarded connections, limited response sizes, one deadline."""

    def __init__(self, vendor: str, seconds: float, largest: int = bodies.LARGEST):
        self.largest = largest
        self.guard, self.seconds = ConnectionGuard(vendor, private=True, loopback=True), seconds
        self.inner: dict[str, httpx.BaseTransport] = {}  # proxy URL -> transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.guard.limit(self.seconds)
        request.headers["accept-encoding"] = "identity"
        response = self._by(proxy_of(str(request.url))).handle_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx.DecodingError("returned an encoding that was not requested")
        assert isinstance(response.stream, httpx.SyncByteStream)  # the transport is not an async one
        return httpx.Response(
            response.status_code, headers=response.headers, stream=_Counted(response.stream, self.largest)
        )

    def _by(self, proxy: str) -> httpx.BaseTransport:
        """The transport of the URL's proxy, which resolves the host itself, else the guarded one."""
        if proxy not in self.inner:
            by = httpx.HTTPTransport(verify=_tls(), proxy=httpx.Proxy(proxy)) if proxy else _guarded(self.guard)
            self.inner[proxy] = by
        return self.inner[proxy]

    def close(self) -> None:
        for transport in self.inner.values():
            transport.close()


class _Counted(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, largest: int):
        self.stream, self.largest = stream, largest

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self.stream:
            size += len(part)
            if size > self.largest:
                raise httpx.ReadError(f"returned more than {self.largest >> 20} MB")
            yield part

    def close(self) -> None:
        self.stream.close()


def bounded(vendor: str, seconds: float, largest: int = bodies.LARGEST) -> httpx.Client:
    """A client with the same limits for a vendor's library; ``largest``: maximum bytes of a response."""
    return httpx.Client(transport=Bounded(vendor, seconds, largest), timeout=TIMEOUT, follow_redirects=False)
