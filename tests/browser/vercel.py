"""A Vercel-shaped project on loopback: what serves production, and the way back. Every request is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.answering import answering


class Project(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def _answer(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        if self.command == "POST" and "/rollback/" in path:
            self.server.live = path.rsplit("/", 1)[1]
        body = {"targets": {"production": {"id": self.server.live}}}
        if "/deployments/" in path:
            body = {"id": path.rsplit("/", 1)[1], "url": "127.0.0.1:1", "readyState": "READY"}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _answer


@contextmanager
def project(live: str) -> Iterator[ThreadingHTTPServer]:
    """``server.live`` is the deployment that serves production, ``server.asked`` every request."""
    with answering(Project, live=live, asked=[]) as server:
        yield server
