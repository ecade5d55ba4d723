"""The package index is asked by way of the proxy that the environment or .env names; what is on loopback never is."""

from __future__ import annotations

import base64
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from core import settings
from core.vendors.address import proxy_of
from core.vendors.http import bounded
from core.vendors.package_index import IndexRelay, index

SIGNED = "Basic " + base64.b64encode(b"ann:s3cret").decode()


@pytest.fixture
def proxy(monkeypatch):
    """A proxy on loopback: (its address, with what it was asked)."""
    asked: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.command, self.path, self.headers.get("proxy-authorization", "")))
            self.send_response(200 if self.command == "GET" else 503)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_CONNECT = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    for name in settings.NETWORK:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    yield f"http://ann:s3cret@127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_an_index_is_asked_by_way_of_the_proxy(proxy, monkeypatch):
    address, asked = proxy
    monkeypatch.setenv("HTTP_PROXY", address)
    relay = IndexRelay([index("http://ann:index@pypi.example/simple")])
    with relay.opened(0, "http://pypi.example/simple/flask/", "GET", {}) as found:
        found.read()
    assert asked == [("GET", "http://pypi.example/simple/flask/", SIGNED)]


def test_an_encrypted_index_is_asked_through_a_tunnel(proxy, monkeypatch):
    address, asked = proxy
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(httpx.ProxyError):
        bounded("package index", 10).get("https://pypi.example/simple/flask/")
    assert asked == [("CONNECT", "pypi.example:443", SIGNED)]


def test_hosts_that_need_no_proxy(proxy, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy[0])
    monkeypatch.setenv("NO_PROXY", "internal.example,.corp.example")
    assert proxy_of("https://pypi.example/simple") == proxy[0]
    hosts = ("internal.example", "pypi.corp.example", "localhost:8000", "127.0.0.1:3141")
    assert [proxy_of(f"https://{host}/simple") for host in hosts] == [""] * 4
    assert proxy_of("http://pypi.example/simple") == ""


def test_env_names_the_proxy_and_the_index_with_its_credential(proxy, tmp_path, monkeypatch):
    """The environment of the process goes before the file; nothing else of the file comes into the environment."""
    lines = [f"HTTPS_PROXY={proxy[0]}", "NO_PROXY=from.file", "PACKAGE_INDEX_URL=https://ann:pw@pypi.example/simple"]
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.setenv("PLATFORM_FILE", str(tmp_path / "platform.toml"))
    monkeypatch.setenv("NO_PROXY", "from.environment")
    monkeypatch.delenv("PACKAGE_INDEX_URL", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    found = settings.load()
    assert (os.environ["HTTPS_PROXY"], os.environ["NO_PROXY"]) == (proxy[0], "from.environment")
    assert index(found.package_index_url.get_secret_value()).authorization.startswith("Basic ")
    assert "PACKAGE_INDEX_URL" not in os.environ
