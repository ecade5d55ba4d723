"""A smoke command in the real sandbox against a preview on a real port: what it reaches, and what it does not."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from core.policy.delivery import SmokeRules
from core.repair.sandbox.runner import BubblewrapRunner
from core.stages.deliver import smoke
from core.vendors.preview_relay import PreviewRelay
from core.vendors.preview_relay import serving as relayed
from core.vendors.relay import NotForwarded
from tests.real import need_sandbox
from tests.vendors.loopback import serving

needs_sandbox = pytest.mark.usefixtures("sandboxed")


@pytest.fixture
def sandboxed():
    need_sandbox()


SCRIPT = """
import json, os, sys, urllib.request
at = os.environ["PREVIEW_URL"]
"""


async def echo(request: Request) -> Response:
    body = (await request.body()).decode()
    told = {"method": request.method, "query": request.url.query, "body": body, "host": request.headers["host"]}
    return JSONResponse(told | {"cookie": request.headers.get("cookie", "")})


async def named(request: Request) -> Response:
    """Sends a cookie, and a header in UTF-8, as many servers do; tells the bytes of the one that it got."""
    answer = JSONResponse({"got": list(request.headers["x-name"].encode("latin-1"))})
    answer.set_cookie("session", "first")
    answer.raw_headers.append((b"content-disposition", "attachment; filename=preis-€.csv".encode()))
    return answer


async def moved(request: Request) -> Response:
    answer = RedirectResponse(f"http://{request.headers['host']}/echo?from=moved", 302)
    answer.headers.append("set-cookie", "session=abc; Path=/; Secure; Domain=preview.example; HttpOnly")
    return answer


ECHO = Route("/echo", echo, methods=["GET", "POST"])
PREVIEW = Starlette(routes=[ECHO, Route("/moved", moved), Route("/named", named)])


@pytest.fixture
def preview():
    with serving(PREVIEW) as url:
        yield url


def ran(tree: Path, url: str, script: str, **rules):
    (tree / "smoke.py").write_text(SCRIPT + script)
    given = SmokeRules(command=["python", "smoke.py"], **{"seconds": 30, **rules})
    return smoke.against(BubblewrapRunner(), tree, given, url)


@needs_sandbox
def test_the_command_talks_to_the_preview(tmp_path, preview):
    done, relay = ran(
        tmp_path,
        preview,
        """
import http.cookiejar
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
found = json.load(opener.open(at + "/moved", data=None))
assert found["query"] == "from=moved" and found["cookie"] == "session=abc", found
sent = json.load(opener.open(at + "/echo?x=1", data=b"hello"))
print(sent["method"], sent["query"], sent["body"], sent["host"])
""",
    )
    assert done.ok, done.stderr
    assert done.stdout.split() == ["POST", "x=1", "hello", preview.removeprefix("http://")]
    assert (relay.sent, relay.refused, relay.failed) == (3, [], [])


@needs_sandbox
def test_a_command_that_fails_is_a_fault(tmp_path, preview):
    done, relay = ran(tmp_path, preview, 'urllib.request.urlopen(at + "/missing")')
    assert not done.ok and "404" in done.stderr
    assert smoke._words(done, relay, SmokeRules(command=["python"])) == "it ended with 1"


@needs_sandbox
def test_nothing_but_the_preview_is_reached(tmp_path, preview):
    """The machine's own ports, another host through the relay, and the file of a secret."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        script = f"""
import socket
reached = []
for where in (("127.0.0.1", {other.getsockname()[1]}), ("1.1.1.1", 53)):
    try:
        socket.create_connection(where, timeout=2); reached.append(where)
    except OSError:
        pass
with socket.create_connection(("127.0.0.1", 8766)) as made:
    made.sendall(b"GET http://127.0.0.1:{other.getsockname()[1]}/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    print(made.recv(100).split()[1].decode())
print(reached, sorted(name for name in os.environ if "TOKEN" in name or "SECRET" in name))
"""
        done, relay = ran(tmp_path, preview, script)
    assert done.stdout.splitlines() == ["403", "[] []"], done.stderr
    assert "is not a path of the preview" in relay.refused[0]


@needs_sandbox
def test_its_time_and_its_requests_are_limited(tmp_path, preview):
    many = """
for _ in range(3):
    urllib.request.urlopen(at + "/echo")
"""
    done, relay = ran(tmp_path, preview, many, requests=2)
    assert not done.ok and relay.refused == ["more than 2 requests"]
    done, relay = ran(tmp_path, preview, "import time; time.sleep(60)", seconds=1)
    assert smoke._words(done, relay, SmokeRules(seconds=1)) == "it ran longer than 1 s"


def test_no_part_of_a_secret_is_left_where_the_output_is_cut():
    secret = "ghp_" + "a1B2c3D4e5" * 4
    found = smoke.end_of(secret + "." * (smoke.KEPT - 10))
    assert len(found) <= smoke.KEPT and "c3D4e5" not in found


def test_the_relay_keeps_no_cookie_of_one_visitor_for_the_next(preview):
    relay = PreviewRelay(preview, 10, "http://127.0.0.1:8766")
    relay.forward("GET", "/named", [("X-Name", "first")], b"")
    assert relay.forward("GET", "/echo", [], b"").json()["cookie"] == ""
    assert relay.forward("GET", "/echo", [("Cookie", "own=1")], b"").json()["cookie"] == "own=1"


def test_headers_keep_their_bytes(preview):
    relay = PreviewRelay(preview, 10, "http://127.0.0.1:8766")
    found = relay.forward("GET", "/named", [("X-Name", "Zoë")], b"")
    assert found.json()["got"] == list("Zoë".encode("latin-1"))
    told = dict(relay.told(found))["content-disposition"]
    assert told.encode("latin-1").decode() == "attachment; filename=preis-€.csv"


def test_a_body_of_absurd_length_is_refused(tmp_path):
    relay = PreviewRelay("http://127.0.0.1:9", 10, "http://127.0.0.1:8766")
    with relayed(relay, tmp_path / "socket"), socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "socket"))
        line.sendall(b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 403 ")
    assert (relay.sent, relay.refused) == (0, ["a body has at most 4 MB"])


def test_a_path_cannot_name_another_host():
    relay = PreviewRelay("https://shop-1.vercel.app/", 10, "http://127.0.0.1:8766")
    for path in ("http://evil.example/", "@evil.example/", "evil", "*"):
        with pytest.raises(NotForwarded, match="not a path"):
            relay.forward("GET", path, [], b"")


def test_only_forwarded_requests_are_counted_and_bounded():
    relay = PreviewRelay("https://shop-1.vercel.app", 1, "http://127.0.0.1:8766")
    relay.client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(204)))
    assert relay.forward("GET", "/", [], b"").status_code == 204
    for path in ("/", "elsewhere"):
        with pytest.raises(NotForwarded):
            relay.forward("GET", path, [], b"")
    assert relay.sent == 1


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("location", "https://shop-1.vercel.app/next", "http://127.0.0.1:8766/next"),
        ("location", "https://shop-1.vercel.app.evil.example/", "https://shop-1.vercel.app.evil.example/"),
        ("location", "/next", "/next"),
        ("set-cookie", "a=1; Secure; HttpOnly", "a=1; HttpOnly"),
        ("set-cookie", "a=secure; Domain=.vercel.app", "a=secure"),
        ("x-other", "a; secure", "a; secure"),
    ],
)
def test_headers_inside(name, value, told):
    assert PreviewRelay("https://shop-1.vercel.app", 1, "http://127.0.0.1:8766")._told(name, value) == told
