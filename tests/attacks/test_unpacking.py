"""Answers and bodies that are small on the wire and huge, deep or endless once they are read."""

from __future__ import annotations

import gzip
import tracemalloc
from http.server import BaseHTTPRequestHandler

import brotli
import pytest

from core.signals.analysis.types import IssueFacts
from core.vendors import http
from core.vendors.base import VendorError
from core.vendors.http import Http
from core.vendors.openai import Chat
from core.vendors.opinion import fenced
from tests.answering import answering

MANY = 150 << 20
BOMBS = {
    "br": brotli.compress(b"x" * MANY, quality=1),
    "gzip": gzip.compress(b"x" * MANY, 1),
    "gzip, gzip": gzip.compress(gzip.compress(b"x" * MANY, 9)),
}


class Bomb(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.body
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", self.server.coding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, *_):
        """Quiet."""


def peak(work) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(VendorError):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_of_a_vendor_is_not_unpacked(coding, monkeypatch):
    monkeypatch.setattr(http, "ATTEMPTS", 1)
    with answering(Bomb, coding=coding, body=BOMBS[coding]) as server:
        client = Http("vendor", f"http://127.0.0.1:{server.server_port}")
        assert peak(lambda: client.get("/")) < MANY * 0.7


@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_of_a_model_s_server_is_not_unpacked(coding):
    with answering(Bomb, coding=coding, body=BOMBS[coding]) as server:
        chat = Chat(f"http://127.0.0.1:{server.server_port}/v1", "sk-0123456789abcdef", "m", 20)
        assert peak(lambda: chat.complete("s", "u", {})) < MANY * 0.7


def test_an_endless_answer_of_a_model_s_server_ends():
    with answering(Bomb, coding="identity", body=b" " * (40 << 20)) as server:
        chat = Chat(f"http://127.0.0.1:{server.server_port}/v1", "sk-0123456789abcdef", "m", 20)
        assert peak(lambda: chat.complete("s", "u", {})) < 60 << 20


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"a":' * 100_000, "1" * 100_000, '{"data": ' + "[" * 5000 + "]" * 5000 + "}"]
)
def test_deep_json_of_a_vendor_is_a_fault_of_its_answer(body):
    with answering(Bomb, coding="identity", body=body.encode()) as server:
        client = Http("vendor", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(VendorError):
            client.get("/").rows("data")


def test_evidence_is_cut_before_it_is_sent():
    """A stranger's megabytes are no prompt of megabytes."""
    assert len(fenced(IssueFacts(title="x" * 10**6, service="s", records=[]))) < 13_000
