"""What the clients of Slack, Vercel, Kestra and OSV make of each fault: how often they ask, if another try can help.

A read is repeated by the client. A write is repeated only when the vendor says that it took nothing (429); for the
rest the caller tries again, who looks first whether it was done: the queue of messages, or a stage with its key.
"""

from __future__ import annotations

import time
from email.utils import formatdate

import httpx
import pytest

from core.vendors import kestra as kestra_module
from core.vendors import vercel as vercel_module
from core.vendors.base import Message, VendorError
from core.vendors.coderabbit import CodeRabbit
from core.vendors.http import Http
from core.vendors.kestra import Kestra
from core.vendors.osv import Osv
from core.vendors.slack import Slack, SlackWebhook
from core.vendors.vercel import Vercel

MESSAGE = Message("k", "s", "b", "https://c")
SECRET = "xoxb-secret-0123456789"


class Cut(httpx.SyncByteStream):
    """A body that breaks off, or hangs."""

    def __init__(self, error: Exception):
        self.error = error

    def __iter__(self):
        yield b'{"ok": tr'
        raise self.error


def answer(status: int, body=None, **headers: str):
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, json=body if body is not None else {}, headers=told)


def raising(error: type[Exception]):
    def fault():
        raise error(f"broken {SECRET}")

    return fault


# name: (fault, requests of a read, requests of a write, permanent, what is said)
TABLE = {
    "401": (answer(401), 1, 1, True, "refused the credential"),
    "403": (answer(403, {"error": {"code": "forbidden", "message": "Not authorized"}}), 1, 1, True, "Not authorized"),
    "404": (answer(404), 1, 1, True, "did not find"),
    "409": (answer(409), 1, 1, True, "reported a conflict"),
    "422": (answer(422, {"message": "Invalid entity"}), 1, 1, True, "Invalid entity"),
    "429 in seconds": (answer(429, retry_after="1"), 3, 3, False, "limited our request rate"),
    "429 by date": (
        lambda: answer(429, retry_after=formatdate(time.time() + 5, usegmt=True))(),
        3,
        3,
        False,
        "limited our request rate",
    ),
    "429 for long": (answer(429, retry_after="120"), 1, 1, False, "limited our request rate"),
    "429 by reset": (
        lambda: answer(429, x_ratelimit_reset=str(int(time.time()) + 600))(),
        1,
        1,
        False,
        "limited our request rate",
    ),
    "429 without a word": (answer(429), 3, 3, False, "limited our request rate"),
    "500": (answer(500), 3, 1, False, "internal error"),
    "502 with a page": (lambda: httpx.Response(502, content=b"<html>Bad Gateway"), 3, 1, False, "internal error"),
    "redirect": (answer(302, location="http://169.254.169.254/"), 1, 1, True, "another address"),
    "time-out": (raising(httpx.ReadTimeout), 3, 1, False, ""),
    "no connection": (raising(httpx.ConnectError), 3, 1, False, "is unreachable"),
    "reset": (raising(httpx.RemoteProtocolError), 3, 1, False, "is unreachable"),
    "slow body": (lambda: httpx.Response(200, stream=Cut(httpx.ReadTimeout("slow"))), 3, 1, False, ""),
    "truncated body": (lambda: httpx.Response(200, stream=Cut(httpx.RemoteProtocolError("cut"))), 3, 1, False, ""),
    "half a JSON": (lambda: httpx.Response(200, content=b'{"ok": tr'), 1, 1, False, "not JSON"),
    "HTML with 200": (lambda: httpx.Response(200, content=b"<html>sign in"), 1, 1, False, "not JSON"),
    "other JSON": (answer(200, "hello"), 1, 1, False, "unexpected type"),
}
CLIENTS = {  # name: (host, a read, a write)
    "slack": (
        "https://slack.com/api",
        lambda h: Slack(h, "C1").update("C1 1.0", MESSAGE),
        lambda h: Slack(h, "C1").send(MESSAGE),
    ),
    "vercel": (
        "https://api.vercel.com",
        lambda h: Vercel(h).status("dpl_1"),
        lambda h: Vercel(h)._create("shop", "k", {}),
    ),
    "kestra": (
        "https://kestra.example",
        lambda h: Kestra(h).execution("e1"),
        lambda h: Kestra(h).trigger("issue", {"issue": "1"}, "k"),
    ),
    "coderabbit": (
        "https://api.github.com",
        lambda h: CodeRabbit(h).look("a/b", 1, "0" * 40),
        lambda h: CodeRabbit(h).ask("a/b", 1, "k"),
    ),
    "osv": ("https://api.osv.dev", lambda h: Osv(h).known([("pyyaml", "5.3.1")]), None),  # it writes nothing
}
WRITERS = [name for name, (_, _, write) in CLIENTS.items() if write]


@pytest.fixture(autouse=True)
def no_polls(monkeypatch):
    monkeypatch.setattr(vercel_module, "POLL", 0.0)
    monkeypatch.setattr(kestra_module, "POLL", 0.0)


def tried(host: str, call, fault, looks=()) -> tuple[VendorError, int]:
    """(the error, how often it was asked); GETs that only look whether it was done answer "no" by ``looks``."""
    asked = []

    def serve(request: httpx.Request) -> httpx.Response:
        if looks and request.method == "GET":
            return httpx.Response(200, json=looks[0])
        asked.append(request)
        return fault()

    with pytest.raises(VendorError) as caught:
        call(Http("vendor", host, {"Authorization": f"Bearer {SECRET}"}, [SECRET], httpx.MockTransport(serve)))
    return caught.value, len(asked)


@pytest.mark.parametrize("fault", TABLE)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_read(name, fault):
    made, reads, _, permanent, says = TABLE[fault]
    host, read, _ = CLIENTS[name]
    error, asked = tried(host, read, made)
    assert (asked, error.permanent) == (reads, permanent)
    assert says in error.message and SECRET not in str(error)


UNREAD = {("coderabbit", fault) for fault in ("half a JSON", "HTML with 200", "other JSON")}  # a comment's answer


@pytest.mark.parametrize(("name", "fault"), [(n, f) for n in WRITERS for f in TABLE if (n, f) not in UNREAD])
def test_a_write(name, fault):
    made, _, writes, permanent, says = TABLE[fault]
    host, _, write = CLIENTS[name]
    nothing = {"vercel": {"deployments": []}, "kestra": {"results": []}, "coderabbit": []}.get(name)
    error, asked = tried(host, write, made, [nothing] if nothing is not None else ())
    assert (asked, error.permanent) == (writes, permanent)
    assert says in error.message and SECRET not in str(error)


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        ("ratelimited", False),
        ("internal_error", False),
        ("service_unavailable", False),
        ("invalid_auth", True),
        ("channel_not_found", True),
        ("not_in_channel", True),
        ("an_error_of_next_year", True),
        (None, True),
    ],
)
def test_slacks_faults_come_with_200(error, permanent):
    caught, asked = tried("https://slack.com/api", CLIENTS["slack"][2], answer(200, {"ok": False, "error": error}))
    assert (asked, caught.permanent) == (1, permanent)


@pytest.mark.parametrize(
    ("response", "fine"),
    [(b"ok", True), (b"ok\n", True), (b"", False), (b"<html>", False), (b"invalid_payload", False)],
)
def test_an_incoming_webhook_says_ok(response, fine):
    sent = []

    def serve(request):
        sent.append(request)
        return httpx.Response(200, content=response)

    slack = SlackWebhook(Http("slack", "https://hooks.slack.com/services/T/B/x", transport=httpx.MockTransport(serve)))
    if fine:
        assert slack.send(MESSAGE) == "" and str(sent[0].url) == "https://hooks.slack.com/services/T/B/x"
    else:
        with pytest.raises(VendorError):
            slack.send(MESSAGE)


def test_a_list_that_repeats_its_page_ends():
    """Vercel's next page by the same time again: the search for a key gives up instead of turning for ever."""
    asked = []

    def serve(request):
        asked.append(request)
        return httpx.Response(200, json={"deployments": [{"uid": "d", "meta": {}}], "pagination": {"next": 5}})

    client = Vercel(Http("vercel", "https://api.vercel.com", transport=httpx.MockTransport(serve)))
    assert client.with_key("shop", "k") == [] and len(asked) == 2


def test_an_empty_page_is_not_the_end():
    pages = [
        {"deployments": [], "pagination": {"next": 5}},
        {"deployments": [{"uid": "d", "meta": {"platformKey": "k"}}], "pagination": {"next": None}},
    ]
    serve = httpx.MockTransport(lambda request: httpx.Response(200, json=pages.pop(0)))
    assert Vercel(Http("vercel", "https://api.vercel.com", transport=serve)).with_key("shop", "k")[0].vendor_id == "d"
