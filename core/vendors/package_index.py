"""A proxy from the build room of packages to the package indexes, and nowhere else.

The build room has no network and no credentials. Requests at the socket file get pages of the indexes (PEP 503, 691)
with rewritten links, so that files pass through the proxy, too. A file may come from any host that a page of the index
names, because the index is trusted for the location of its files.
"""

from __future__ import annotations

import base64
import html
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

import re2

from core.vendors.http import bounded
from core.vendors.relay import NotForwarded, SocketHandler, socket_server

REQUESTS, SECONDS = 20_000, 900.0  # requests of one build; seconds for one file
PAGE, FILE = 64 << 20, 4 << 30  # maximum bytes of a page; of a file
REDIRECTS = 4
LINK = re2.compile(r"""(?i)(\bhref\s*=\s*)("[^"]*"|'[^']*')""")
FORWARDED = ("accept", "range")
KEPT = ("content-type", "content-length", "content-range", "accept-ranges", "etag", "last-modified")
PAGES = ("text/html", "application/vnd.pypi.simple")


@dataclass(frozen=True)
class Index:
    """The URL of an index without its credentials, and the authorization header made from these."""

    url: str
    authorization: str = ""

    @property
    def host(self) -> tuple[str, str]:
        parts = urlsplit(self.url)
        return parts.scheme, parts.netloc


def index(address: str) -> Index:
    """An index from a URL that may contain credentials. Raises ValueError if it is not http or https."""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a package index is http://HOST/PATH or https://HOST/PATH")
    netloc = parts.netloc.rpartition("@")[2]
    url = parts._replace(netloc=netloc, query="", fragment="").geturl().rstrip("/")
    if parts.username is None:
        return Index(url)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Index(url, f"Basic {base64.b64encode(pair.encode()).decode()}")


class IndexRelay:
    """``refused`` has the refused requests, ``failed`` the hosts that did not respond; both for people."""

    def __init__(self, indexes: Sequence[Index]):
        self.indexes, self.left, self.refused, self.failed = list(indexes), REQUESTS, [], []
        self.hosts = [{one.host} for one in self.indexes]
        self.lock = threading.Lock()
        self.client = bounded("package index", SECONDS, FILE)

    def target(self, path: str) -> tuple[int, str]:
        """(number of the index, URL) for a path that the build room requests. Raises NotForwarded."""
        with self.lock:
            self.left -= 1
            if self.left < 0:
                raise NotForwarded("too many requests")
        number, _, rest = path.lstrip("/").partition("/")
        if not number.isdigit() or int(number) >= len(self.indexes) or ".." in rest.split("/"):
            raise NotForwarded("no such index")
        if not rest.startswith("file/"):
            return int(number), f"{self.indexes[int(number)].url}/{rest}"
        _, scheme, netloc, inner = (rest.split("/", 3) + ["", "", ""])[:4]
        if (scheme, netloc) not in self.hosts[int(number)]:
            raise NotForwarded(f"{netloc[:200]} is not a host of the package index")
        return int(number), f"{scheme}://{netloc}/{inner}"

    @contextmanager
    def opened(self, number: int, url: str, method: str, headers: dict[str, str]) -> Iterator:
        """The response of an index or one of its hosts; redirects are followed without credentials."""
        own = self.indexes[number]
        for _ in range(REDIRECTS):
            parts = urlsplit(url)
            signed = own.authorization and (parts.scheme, parts.netloc) == own.host
            sent = headers | ({"authorization": own.authorization} if signed else {})
            with self.client.stream(method, url, headers=sent) as found:
                if not (found.is_redirect and "location" in found.headers):
                    yield found
                    return
                url = urljoin(url, found.headers["location"])
        raise NotForwarded("too many redirects")

    def inside(self, number: int, page: str, link: str) -> str:
        """The rewritten link of a page for the build room; its host is allowed from now on."""
        url, fragment = urldefrag(urljoin(page, link))
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            return "about:blank"
        self.hosts[number].add((parts.scheme, parts.netloc))
        query = f"?{parts.query}" if parts.query else ""
        path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
        return f"/{number}/file/{parts.scheme}/{parts.netloc}{path}{query}" + (f"#{fragment}" if fragment else "")

    def rewritten(self, number: int, page: str, kind: str, text: str) -> str:
        """A page with rewritten links. Raises NotForwarded if it is not a page."""
        if "json" in kind:
            try:
                data = json.loads(text)
                for file in data.get("files", []):
                    file["url"] = self.inside(number, page, str(file.get("url", "")))
            except (ValueError, TypeError, AttributeError, RecursionError):
                raise NotForwarded("a page of the index does not match its content type") from None
            return json.dumps(data)
        return LINK.sub(lambda m: f'{m[1]}"{html.escape(self.inside(number, page, html.unescape(m[2][1:-1])))}"', text)


def _page(found) -> str:
    body = bytearray()
    for part in found.iter_bytes():
        body += part
        if len(body) > PAGE:
            raise NotForwarded("a page of the index is too large")
    return body.decode("utf-8", "replace")


class _IndexHandler(SocketHandler):
    def do_GET(self) -> None:
        self.forwarded(self._forward)

    do_HEAD = do_GET

    def _forward(self) -> None:
        number, url = self.server.relay.target(self.path)
        self.where = f"{urlsplit(url).netloc}: "
        headers = {name: self.headers[name] for name in FORWARDED if name in self.headers}
        with self.server.relay.opened(number, url, self.command, headers) as found:
            self._pass_on(number, str(found.url), found)

    def _pass_on(self, number: int, url: str, found) -> None:
        kind = found.headers.get("content-type", "")
        if kind.startswith(PAGES) and self.command == "GET" and found.status_code == 200:
            text = self.server.relay.rewritten(number, url, kind, _page(found))
            self.answer(200, [("content-type", kind)], text.encode())
            return
        self.head(found.status_code, [(name, found.headers[name]) for name in KEPT if name in found.headers])
        if self.command == "GET":
            for part in found.iter_bytes():
                self.wfile.write(part)


@contextmanager
def serving(relay: IndexRelay, socket: Path) -> Iterator[None]:
    """Serve the indexes at a socket file until the block ends."""
    with socket_server(relay, _IndexHandler, socket):
        yield
