"""The relay of a sandboxed program to a model: a socket file that forwards only chat completions.

The sandboxed program has no network. Its requests are forwarded only to the configured URL, with the key that it never
sees, after secrets were removed, and within limits of number and size.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from core.vendors.base import VendorError
from core.vendors.http import HTTP_ERRORS, Http
from core.vendors.redact import Redactor

PATH = "/v1/chat/completions"
LARGEST = 4 << 20  # maximum bytes of one request


class Relay:
    """Counts and limits the forwarded requests. ``refused`` has the requests beyond the limits."""

    def __init__(self, http: Http, requests: int):
        self.http, self.left, self.refused = http, requests, []
        self.lock = threading.Lock()

    def answer(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        """(status, content type, body) for one request. 401 ends the program at once; it retries all other errors."""
        with self.lock:
            self.left -= 1
            allowed = path == PATH and self.left >= 0 and len(body) <= LARGEST
            if not allowed:
                self.refused.append(path if path != PATH else "too many or too large requests")
        if not allowed:
            return _error(401, "the budget of this attempt is used up")
        try:
            text = self.http.redact(body.decode("utf-8", "replace"))
            found = self.http.post("/chat/completions", content=text.encode(), headers={"content-type": JSON})
        except VendorError as error:
            return _error(401, error.message)  # retries already happened here
        return 200, found.headers.get("content-type", JSON), found.content


JSON = "application/json"


def _error(status: int, message: str) -> tuple[int, str, bytes]:
    return status, JSON, json.dumps({"error": {"message": message}}).encode()


class SocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    relay: Any
    daemon_threads = True
    request_queue_size = 128

    def server_activate(self) -> None:
        """Ignore a client that has already disconnected (accept(2)), so that it does not block the server."""
        super().server_activate()
        self.socket.settimeout(1.0)

    def handle_error(self, *_args) -> None:
        """Ignore errors of a program that is killed during a request."""


class NotForwarded(Exception):
    """The relay does not forward this request; the message says why, for people."""


class SocketHandler(BaseHTTPRequestHandler):
    """Answers the requests of a sandboxed program, each on a connection of its own."""

    server: SocketServer
    protocol_version = "HTTP/1.1"
    begun = False  # the head of the response is sent
    where = ""  # goes before the message of a failure

    def forwarded(self, work: Callable[[], object]) -> None:
        """Do the work of one request. A refusal or a failure is answered, and recorded for people."""
        relay = self.server.relay
        try:
            work()
        except NotForwarded as error:
            relay.refused.append(str(error))
            self._fault(403, relay.refused[-1])
        except (VendorError, *HTTP_ERRORS) as error:
            message = error.message if isinstance(error, VendorError) else str(error) or type(error).__name__
            relay.failed.append(self.where + Redactor()(message))
            self._fault(502, relay.failed[-1])

    def _fault(self, status: int, message: str) -> None:
        """Say it, unless a part of another response was sent: then the connection ends within it."""
        self.close_connection = True
        if not self.begun:
            self.answer(status, [("content-type", "text/plain")], message.encode())

    def answer(self, status: int, headers: Iterable[tuple[str, str]], content: bytes) -> None:
        self.head(status, [*headers, ("content-length", str(len(content)))])
        if self.command != "HEAD":
            self.wfile.write(content)

    def head(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        self.begun = self.close_connection = True
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("connection", "close")
        self.end_headers()

    def address_string(self) -> str:
        return "inside"  # a socket file has no client address

    def log_message(self, *_args) -> None:
        """Log nothing: the relay records the requests."""


class _ModelHandler(SocketHandler):
    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        body = self.rfile.read(min(int(length), LARGEST + 1)) if length.isdigit() else b""
        status, kind, content = self.server.relay.answer(self.path, body)
        self.answer(status, [("content-type", kind)], content)


@contextmanager
def socket_server(relay: Any, handler: type[BaseHTTPRequestHandler], socket: Path) -> Iterator[None]:
    """Serve ``relay`` by a handler at a socket file until the block ends."""
    with SocketServer(str(socket), handler) as server:
        server.relay = relay
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@contextmanager
def serving(relay: Relay, socket: Path) -> Iterator[None]:
    """Serve the chat completions of ``relay`` at a socket file until the block ends."""
    with socket_server(relay, _ModelHandler, socket):
        yield
