"""Addresses that a stranger or a vendor's answer chose: none leads to a private host, and none takes a key along."""

from __future__ import annotations

import contextlib
import ipaddress
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from core.vendors import http
from core.vendors.address import ConnectionGuard
from core.vendors.base import VendorError
from core.vendors.http import Http
from tests.answering import answering

HOST = "api.vendor.example"
INSIDE = [
    "127.0.0.1", "::1", "0.0.0.0", "::", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::169.254.169.254", "::a9fe:a9fe", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "::ffff:0:127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::",
    "2001::7f00:1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "5f00::1", "2001:db8::1", "198.18.0.1", "192.0.2.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
]  # fmt: skip
METADATA = ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe", "::169.254.169.254", "2002:a9fe:a9fe::", "fe80::a9fe:a9fe"]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_form_of_an_inner_address_is_called(address):
    assert ConnectionGuard("vendor").refuses(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", METADATA)
def test_a_cloud_s_metadata_is_called_by_no_setting(address):
    assert ConnectionGuard("vendor", private=True, loopback=True).refuses(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_called(address):
    assert not ConnectionGuard("vendor").refuses(ipaddress.ip_address(address))


LINKS = [
    "https://evil.example/next", "http://api.vendor.example/next", "https://api.vendor.example@evil.example/",
    "https://api.vendor.example.evil.example/", "https://api.vendor.example:444/", "https://user:x@api.vendor.example/",
    "@evil.example/", ".evil.example/", ":444/", "https:/\\evil.example/", "https://api.vendor.example\\@evil.example/",
    "https://API.vendor.example@evil.example", "httpsx://evil.example/", "https://[::1]/", "https://2130706433/",
    "https://0x7f000001/", "https://127.1/", "https://api.vendor.example%2eevil.example/", "https:///evil.example/",
    "https://evil.example\n.api.vendor.example/", "https://\tevil.example/", "http:evil.example", "https:evil.example",
]  # fmt: skip


@pytest.mark.parametrize("link", LINKS)
def test_a_link_of_an_answer_takes_the_key_to_nobody_else(link):
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.url.scheme}://{request.url.netloc.decode()}")
        return httpx.Response(200, json={})

    client = Http("vendor", f"https://{HOST}", {"authorization": "key"}, transport=httpx.MockTransport(answer))
    with contextlib.suppress(VendorError, httpx.InvalidURL):
        client.get(link)
    assert set(seen) <= {f"https://{HOST}"}


class Trap(BaseHTTPRequestHandler):
    """Redirects to itself, and never ends its body."""

    def do_GET(self):
        self.server.seen.append(self.path)
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/secret")
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b"x" * 65536)

    def log_message(self, *_):
        """Quiet."""


@pytest.mark.parametrize(("path", "says"), [("/moved", "it returned 302"), ("/endless", "")])
def test_a_health_check_follows_no_redirect_and_reads_no_body(path, says):
    with answering(Trap, seen=[]) as server:
        assert http.probe(f"http://127.0.0.1:{server.server_port}{path}") == says
        assert server.seen == [path]


NOWHERE = [
    "http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/", "http://168.63.129.16/",
    "file:///etc/passwd", "gopher://127.0.0.1/", "http://[", "",
]  # fmt: skip


@pytest.mark.parametrize("url", NOWHERE)
def test_a_health_check_never_calls_metadata(url, monkeypatch):
    called = []
    monkeypatch.setattr("httpcore.SyncBackend.connect_tcp", lambda *args, **kw: called.append(args))
    assert "is unreachable" in http.probe(url, 1)
    assert not called


def test_a_name_that_is_looked_up_twice_is_connected_to_what_was_checked(monkeypatch):
    """Rebinding: the second answer of the name service is an inner address."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", (next(answers), 443))])
    called = []
    guard = ConnectionGuard("vendor")
    guard.network.connect_tcp = lambda address, *_: called.append(address)
    guard.connect_tcp("rebind.example", 443)
    with pytest.raises(VendorError):
        guard.connect_tcp("rebind.example", 443)
    assert called == ["93.184.216.34"]
