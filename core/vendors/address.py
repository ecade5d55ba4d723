"""Checks the addresses of outgoing connections, and pins each connection to a checked address.

A host is resolved once for each connection, every resolved address is checked, and the connection goes to one of these,
so that a second DNS response cannot redirect it (SSRF by DNS rebinding). The certificate is still verified for the
host's name. All reads and writes of one exchange share one deadline.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
import urllib.request
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore

from core.vendors.base import VendorError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# IPv6 addresses whose last 32 bits are an IPv4 address: NAT64 (RFC 6052, 8215), IPv4-translated (RFC 2765),
# IPv4-compatible (RFC 4291, deprecated but still parsed)
HOLDING = [ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")]
UNICAST = ipaddress.ip_network("2000::/3")  # all global unicast addresses
METADATA = {ipaddress.ip_address(a) for a in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ConnectionGuard(httpcore.NetworkBackend):
    """Connects for one vendor. ``private`` allows hosts on a private network; ``loopback`` those on this machine."""

    def __init__(self, vendor: str, *, private: bool = False, loopback: bool = False):
        self.vendor, self.private, self.loopback = vendor, private, loopback
        self.network, self.own = httpcore.SyncBackend(), threading.local()

    def limit(self, seconds: float) -> None:
        """Set a deadline: every later request of this thread must complete within ``seconds``."""
        self.own.deadline = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float | None:
        """The smaller of a timeout and the time until the deadline, in seconds."""
        deadline = getattr(self.own, "deadline", None)
        if deadline is None:
            return timeout
        rest = deadline - time.monotonic()
        if rest <= 0:
            raise httpcore.ReadTimeout("the response took too long in total")
        return rest if timeout is None else min(timeout, rest)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError("no address")
        for address in self.checked(host, port):
            try:
                wait = self.left(timeout)
                return Timed(self.network.connect_tcp(address, port, wait, local_address, socket_options), self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def checked(self, host: str, port: int) -> list[str]:
        """The host's addresses, all of which are allowed. Raises VendorError."""
        try:
            found = list(dict.fromkeys(str(i[4][0]) for i in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError:
            raise VendorError(self.vendor, f"the host {host} cannot be resolved") from None
        for address in found:
            if self.refuses(ipaddress.ip_address(address.split("%")[0])):
                message = f"{host} is a private address; add the host to PRIVATE_HOSTS to allow it"
                raise VendorError(self.vendor, message, permanent=True)
        return found

    def refuses(self, address: Address) -> bool:
        """Is a connection to the address refused? Link-local and cloud metadata addresses are never allowed."""
        address = inner(address)
        if address in METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
            return True
        if address.is_loopback:
            return not self.loopback
        if address.is_reserved and address.version == 4:  # broadcast among them
            return True
        return not (self.private or address.is_global and (address.version == 4 or address in UNICAST))

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address embeds, if any."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address.is_loopback or address.is_unspecified:  # ::1 and ::, which are no IPv4 addresses
        return address
    if any(address in network for network in HOLDING):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class Timed(httpcore.NetworkStream):
    """A stream whose every read and write ends by the guard's deadline, however slowly data arrives."""

    def __init__(self, stream: httpcore.NetworkStream, guard: ConnectionGuard):
        self.stream, self.guard = stream, guard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.guard.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.guard.left(timeout))

    def start_tls(self, ssl_context, server_hostname=None, timeout=None) -> Timed:
        return Timed(self.stream.start_tls(ssl_context, server_hostname, self.guard.left(timeout)), self.guard)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)

    def close(self) -> None:
        self.stream.close()


def proxy_of(url: str) -> str:
    """The proxy for an address, from HTTPS_PROXY, HTTP_PROXY and NO_PROXY; empty without one."""
    parts = urlsplit(url)
    proxy, host = urllib.request.getproxies().get(parts.scheme, ""), parts.hostname or ""
    return "" if host in LOOPBACK or urllib.request.proxy_bypass(host) else proxy
