"""A client of httpx for a vendor's own library: the guard's connections, the machine's proxy, and bounded answers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from core.vendors.address import ConnectionGuard
from core.vendors.http import LARGEST, TIMEOUT, guarded, proxy_of, tls


class Bounded(httpx.BaseTransport):
    """For a client that is not ours: the guard's connections, plain answers of bounded size, one deadline."""

    def __init__(self, vendor: str, seconds: float, largest: int = LARGEST):
        self.largest = largest
        self.guard, self.seconds = ConnectionGuard(vendor, private=True, loopback=True), seconds
        self.inner: dict[str, httpx.BaseTransport] = {}  # by the address of their proxy

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
        """Through the proxy that is set up for the address, which looks the host up itself; else by the guard."""
        if proxy not in self.inner:
            self.inner[proxy] = (
                httpx.HTTPTransport(verify=tls(), proxy=httpx.Proxy(proxy)) if proxy else guarded(self.guard)
            )
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


def bounded(vendor: str, seconds: float, largest: int = LARGEST) -> httpx.Client:
    """A client for a vendor's own library, bounded as ours are; ``largest``: bytes of an answer."""
    return httpx.Client(transport=Bounded(vendor, seconds, largest), timeout=TIMEOUT, follow_redirects=False)
