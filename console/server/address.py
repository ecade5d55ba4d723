"""The origin of a request: the client's address behind configured proxies, and whether one of our pages sent it."""

from __future__ import annotations

import ipaddress
from functools import cache
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from console import process

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = "127.0.0.1"
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")
NEAR_SITES = (None, "same-origin", "none")


def client(connection: HTTPConnection) -> str:
    """The address of the client: the right-most hop that is not in TRUSTED_PROXIES.

    Each proxy appends its peer. Everything left of the first untrusted hop can be forged.
    """
    hop, trusted = _peer(connection), _networks(process.settings().trusted_proxies)
    forwarded = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
    while _within(hop, trusted) and forwarded and _parsed(forwarded[-1]):
        hop = forwarded.pop().strip()
    return str(_parsed(hop) or hop)


def near(connection: HTTPConnection) -> bool:
    """Was it sent from this machine, without a proxy?"""
    peer = _parsed(_peer(connection))
    return peer is not None and peer.is_loopback and not any(name in connection.headers for name in FORWARDED)


def encrypted(connection: HTTPConnection) -> bool:
    """Did it travel over TLS? A proxy in TRUSTED_PROXIES states how the client reached it."""
    stated = connection.headers.get("x-forwarded-proto", "").split(",")[-1].strip()
    trusted = _within(_peer(connection), _networks(process.settings().trusted_proxies))
    return (stated if stated and trusted else connection.url.scheme) in ("https", "wss")


def limited(connection: HTTPConnection) -> str:
    """The key of a rate limiter: the address; for IPv6, a subscriber's network (RFC 6177: at least a /64)."""
    found = client(connection)
    parsed = _parsed(found)
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed and parsed.version == 6 else found


def own(connection: HTTPConnection) -> bool:
    """Is its Origin the requested host, or the host of PUBLIC_URL?"""
    origin = urlsplit(connection.headers.get("origin", ""))
    hosts = (connection.headers.get("host", ""), urlsplit(process.settings().public_url).netloc)
    return origin.scheme in ("http", "https") and origin.netloc != "" and origin.netloc in hosts


def foreign(connection: HTTPConnection) -> bool:
    """Did a page of another site send it? Browsers state this, and for websockets always send the page's origin."""
    if "origin" in connection.headers or connection.scope["type"] == "websocket":
        return not own(connection)
    return connection.url.path == "/live" and connection.headers.get("sec-fetch-site") not in NEAR_SITES


def _peer(connection: HTTPConnection) -> str:
    """The real peer. When the server itself applies X-Forwarded-For (on loopback), the address has no port."""
    host, port = connection.client or ("", 0)
    return LOOPBACK if port == 0 and "x-forwarded-for" in connection.headers else host


@cache
def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def _within(hop: str, networks: tuple[Network, ...]) -> bool:
    found = _parsed(hop)
    return found is not None and any(found in network for network in networks)


def _parsed(text: str) -> Address | None:
    """The address; an IPv4-mapped IPv6 address (::ffff:10.0.0.1) becomes its IPv4 address."""
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
