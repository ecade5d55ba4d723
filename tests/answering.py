"""A small HTTP server of the standard library on loopback, for a vendor that a test simulates itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler], **values) -> Iterator[ThreadingHTTPServer]:
    """A server with these values as its attributes, until the block ends.

    Its accept has a timeout: a client may be gone by then (accept(2)), and no other one may follow.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        vars(server).update(values)
        server.socket.settimeout(1)
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
