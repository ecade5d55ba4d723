"""The relay of a sandboxed test command to one preview: a socket file that forwards HTTP to that address and no other.

The command has no network. It sends plain HTTP to a port on the sandbox's loopback, and the relay sends each request to
the preview, over TLS where its address says so. Redirects are not followed here: those within the preview are
rewritten, so that the command can follow them, and others lead nowhere. WebSockets are not forwarded.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.vendors.http import bounded
from core.vendors.relay import NotForwarded, SocketHandler, socket_server

LARGEST = 4 << 20  # maximum bytes of a request's body
LENGTH = 10  # digits of a Content-Length
CODING = "iso-8859-1"  # of headers in http.server, which keeps each byte
SECONDS = 60.0  # of one exchange
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"}
HOP_BY_HOP |= {"trailer", "transfer-encoding", "upgrade"}  # RFC 9110, 7.6.1
HOP_BY_HOP |= {"host", "content-length", "content-encoding", "accept-encoding"}  # what the client sets itself
BOUND = re.compile(r"(?i);\s*(?:secure|domain=[^;]*)(?=;|$)")  # of a cookie, which the sandbox's own address lacks


class PreviewRelay:
    """``sent`` counts the forwarded requests; ``refused`` and ``failed`` are for people. It keeps no cookies: the
    command has its own, of several visitors maybe.
    """

    def __init__(self, url: str, requests: int, inside: str):
        parts = urlsplit(url)
        self.origin, self.inside = f"{parts.scheme}://{parts.netloc}", inside
        self.most, self.sent, self.lock = requests, 0, threading.Lock()
        self.refused: list[str] = []
        self.failed: list[str] = []
        self.client = bounded("preview", SECONDS)
        self.client.cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))

    def forward(self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Any:
        """The preview's response. Raises NotForwarded, VendorError or one of HTTP_ERRORS."""
        if not path.startswith("/"):
            raise NotForwarded(f"{path[:80]!r} is not a path of the preview")
        with self.lock:
            if self.sent >= self.most:
                raise NotForwarded(f"more than {self.most} requests")
            self.sent += 1
        kept = [
            (name.encode(CODING), value.encode(CODING)) for name, value in headers if name.lower() not in HOP_BY_HOP
        ]
        return self.client.request(method, self.origin + path, headers=kept, content=body or None)

    def told(self, found: Any) -> list[tuple[str, str]]:
        """The headers of a response as the sandbox gets them."""
        given = ((name.decode(CODING), value.decode(CODING)) for name, value in found.headers.raw)
        return [(name, self._told(name.lower(), value)) for name, value in given if name.lower() not in HOP_BY_HOP]

    def _told(self, name: str, value: str) -> str:
        if name == "set-cookie":
            return BOUND.sub("", value)
        own = name == "location" and (value == self.origin or value.startswith(f"{self.origin}/"))
        return self.inside + value.removeprefix(self.origin) if own else value


class _PreviewHandler(SocketHandler):
    def do_GET(self) -> None:
        self.forwarded(self._forward)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _forward(self) -> None:
        relay = self.server.relay
        found = relay.forward(self.command, self.path, self.headers.items(), self._body())
        self.answer(found.status_code, relay.told(found), found.content)

    def _body(self) -> bytes:
        """Raises NotForwarded for a body that is too large or has no length."""
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not (length.isascii() and length.isdigit()):
            raise NotForwarded("a body needs a Content-Length")
        if len(length) > LENGTH or int(length) > LARGEST:
            raise NotForwarded(f"a body has at most {LARGEST >> 20} MB")
        return self.rfile.read(int(length))


@contextmanager
def serving(relay: PreviewRelay, socket: Path) -> Iterator[None]:
    """Serve the preview at a socket file until the block ends."""
    with socket_server(relay, _PreviewHandler, socket):
        yield
