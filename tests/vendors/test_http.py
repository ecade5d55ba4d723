"""The one way out: deadlines on real sockets, addresses that are checked once and kept, TLS, limits, words."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import httpcore
import httpx
import pytest
import trustme

from core.settings import Settings
from core.vendors import address, bodies, http, limits, openai, registry
from core.vendors.address import ConnectionGuard
from core.vendors.base import BudgetSpent, VendorError
from core.vendors.http import Http

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def serve():
    """Start a server that gives each connection to ``script(connection)``; returns its address."""
    listeners: list[socket.socket] = []

    def start(script) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    try:
                        script(connection)
                    except OSError:
                        continue

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def drip(connection: socket.socket, text: bytes) -> None:
    gone = threading.Event()
    for at in range(len(text)):
        connection.sendall(text[at : at + 1])
        gone.wait(0.02)


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b" " * 5000,
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000,
    ],
    ids=["body", "headers"],
)
def test_what_drips_ends_at_the_deadline(serve, monkeypatch, text):
    """Each step is quick enough for its own time-out; the whole is not."""
    monkeypatch.setattr(http, "TOTAL", 0.2)
    client = Http("slow", serve(lambda connection: drip(connection, text)))
    begun = time.monotonic()
    with pytest.raises(VendorError, match="did not respond in time"):
        client.get("/")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", b"no protocol of ours\r\n\r\n"]
)
def test_a_connection_that_breaks_is_tried_three_times(serve, sent):
    tries = []
    client = Http("broken", serve(lambda connection: (tries.append(1), connection.sendall(sent))))
    with pytest.raises(VendorError, match="is unreachable"):
        client.get("/")
    assert len(tries) == 3


def test_a_write_is_not_sent_twice(serve):
    tries = []
    client = Http("broken", serve(lambda connection: tries.append(1)))
    with pytest.raises(VendorError):
        client.post("/", json={})
    assert len(tries) == 1


def test_too_much_is_refused(serve, monkeypatch):
    monkeypatch.setattr(bodies, "LARGEST", 1000)
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b" " * 2000
    with pytest.raises(VendorError, match="more than") as told:
        Http("large", serve(lambda connection: connection.sendall(body))).get("/")
    assert told.value.permanent


def test_a_redirect_is_not_followed(serve):
    heard = []
    other = serve(lambda connection: heard.append(1))
    reply = f"HTTP/1.1 302 Found\r\nLocation: {other}/\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(VendorError, match="another address"):
        Http("moved", serve(lambda connection: connection.sendall(reply))).get("/")
    assert not heard


@pytest.mark.parametrize("link", ["https://evil.example/x", "http://api.github.com/x", "https://api.github.com:444/x"])
def test_no_link_leads_elsewhere(link):
    client = Http("github", "https://api.github.com", transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    with pytest.raises(VendorError, match="another host") as told:
        client.get(link)
    assert told.value.permanent


# --- addresses

LOCAL, PRIVATE, PUBLIC = "127.0.0.1", "10.1.2.3", "93.184.215.14"
ADDRESSES = [  # address, allowed for a public vendor, for one named as private, for the sandbox
    (PUBLIC, True, True, True),
    ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True, True, True),
    (LOCAL, False, False, True),
    ("::1", False, False, True),
    (PRIVATE, False, True, False),
    ("192.168.1.1", False, True, False),
    ("100.64.0.1", False, True, False),
    ("fd00::1", False, True, False),
    ("::ffff:10.1.2.3", False, True, False),
    ("64:ff9b::a01:203", False, True, False),
    ("2002:a01:203::1", False, True, False),
    ("169.254.169.254", False, False, False),
    ("::ffff:169.254.169.254", False, False, False),
    ("fe80::1", False, False, False),
    ("0.0.0.0", False, False, False),
    ("224.0.0.1", False, False, False),
]


def found(*addresses):
    return lambda host, port, **_: [(0, 0, 0, "", (a, port)) for a in addresses]


@pytest.mark.parametrize(("host", "public", "private", "loopback"), ADDRESSES)
def test_which_addresses_are_called(monkeypatch, host, public, private, loopback):
    monkeypatch.setattr(address.socket, "getaddrinfo", found(host))
    for allowed, guard in (
        (public, ConnectionGuard("v")),
        (private, ConnectionGuard("v", private=True)),
        (loopback, ConnectionGuard("v", loopback=True)),
    ):
        if allowed:
            assert guard.checked("name.example", 443) == [host]
        else:
            with pytest.raises(VendorError, match="private address") as told:
                guard.checked("name.example", 443)
            assert told.value.permanent


def test_one_bad_address_among_good_ones_is_enough(monkeypatch):
    monkeypatch.setattr(address.socket, "getaddrinfo", found(PUBLIC, PRIVATE))
    with pytest.raises(VendorError, match="PRIVATE_HOSTS"):
        ConnectionGuard("v").checked("name.example", 443)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch):
    """The name service gives a public address first and a private one then: it is asked once."""
    answers, called = [[PUBLIC], [PRIVATE]], []
    monkeypatch.setattr(address.socket, "getaddrinfo", lambda h, p, **k: found(*answers.pop(0))(h, p))

    class Network(httpcore.SyncBackend):
        def connect_tcp(self, host, port, *args):
            called.append(host)
            raise httpcore.ConnectError("nobody there")

    client = Http("github", "https://name.example")
    client.guard.network = Network()
    with pytest.raises(VendorError, match="is unreachable"):
        client.post("/")  # once: a write is not tried again
    assert called == [PUBLIC] and answers == [[PRIVATE]]


def test_a_private_vendor_is_refused_until_it_is_named(monkeypatch):
    monkeypatch.setattr(address.socket, "getaddrinfo", found(PRIVATE))
    with pytest.raises(VendorError, match="PRIVATE_HOSTS") as told:
        Http("sentry", "https://sentry.corp.example").get("/")
    assert told.value.permanent


def test_a_host_that_does_not_exist_is_said(monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror("unknown")

    monkeypatch.setattr(address.socket, "getaddrinfo", nowhere)
    with pytest.raises(VendorError, match="the host api.datadoghq.example cannot be resolved"):
        Http("datadog", "https://api.datadoghq.example").get("/")


def test_an_address_without_encryption_gets_no_request():
    sent = []
    reply = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200))
    with pytest.raises(VendorError, match="keys are sent only over https") as told:
        Http("v", "http://vendor.example", {"Authorization": "Bearer k"}, ["k"], transport=reply).get("/")
    assert told.value.permanent and not sent


@pytest.mark.parametrize(
    ("address", "required", "sent"),
    [
        ("http://sentry.lan", False, True),
        ("http://sentry.lan", True, False),
        ("https://sentry.lan", True, True),
        ("http://127.0.0.1:9", True, True),
    ],
)
def test_tls_can_be_required_of_private_hosts(address, required, sent, monkeypatch):
    asked = []
    reply = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(200, json={}))
    monkeypatch.setattr(http, "_transport", lambda guard, url: reply)
    settings = Settings(private_hosts="sentry.lan", require_tls=required)
    client = registry._http(settings, "sentry", address, {"Authorization": "Bearer k"}, ["k"])
    if sent:
        client.get("/")
    else:
        with pytest.raises(VendorError, match="keys are sent only over https"):
            client.get("/")
    assert bool(asked) is sent


@pytest.mark.parametrize(
    ("address", "required", "asked"),
    [
        ("http://models.lan:1/v1", True, False),
        ("http://models.lan:1/v1", False, True),
        ("https://models.lan:1/v1", True, True),
        ("http://127.0.0.1:1/v1", True, True),
    ],
)
def test_tls_can_be_required_of_the_model_server(address, required, asked, monkeypatch):
    requests = []
    reply = httpx.MockTransport(lambda request: requests.append(request.url.host) or httpx.Response(401, json={}))
    monkeypatch.setattr(openai, "bounded", lambda *_: httpx.Client(transport=reply))
    chat = registry.chat(Settings(openai_base_url=address, openai_model="m", require_tls=required))
    with pytest.raises(VendorError, match="401" if asked else "keys are sent only over https"):
        chat.complete("system", "user", {})
    assert bool(requests) is asked


def test_a_certificate_that_nobody_vouches_for_is_refused(serve, tmp_path):
    """A real TLS server with a certificate of its own making."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1000)
                    secured.sendall(OK)
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=run, daemon=True).start()
    with pytest.raises(VendorError, match="certificate verify failed|CERTIFICATE_VERIFY_FAILED"):
        Http("tls", f"https://127.0.0.1:{listener.getsockname()[1]}").get("/")
    listener.close()


# --- limits, words, budget

SOON = {"date": "Tue, 24 Nov 2026 12:00:00 GMT"}
WAITS = [  # status, headers, body, seconds
    (429, {"retry-after": "7"}, "", 7),
    (429, {"retry-after": "-7"}, "", 0),
    (429, {"retry-after": "inf"}, "", None),
    (429, {"retry-after": "99999"}, "", 3600),
    (429, SOON | {"retry-after": "Tue, 24 Nov 2026 12:00:30 GMT"}, "", 30),
    (503, {"retry-after": "9"}, "", 9),
    (429, {"x-ratelimit-reset": "3", "x-ratelimit-remaining": "9"}, "", 3),
    (429, SOON | {"x-ratelimit-reset": "1795521660"}, "", 60),
    (403, SOON | {"x-ratelimit-reset": "1795521660", "x-ratelimit-remaining": "0"}, "", 60),
    (403, SOON | {"x-ratelimit-reset": "1795521660", "x-ratelimit-remaining": "41"}, "", None),
    (403, {}, "You have exceeded a secondary rate limit", 60),
    (403, {}, "Resource not accessible by integration", None),
    (500, {"x-ratelimit-reset": "3"}, "", None),
    (429, {}, "", None),
]


@pytest.mark.parametrize(("status", "headers", "said", "seconds"), WAITS)
def test_how_long_a_vendor_asks_us_to_wait(status, headers, said, seconds):
    asked = limits.wait_asked(status, headers, said)
    assert asked == seconds if seconds is None else asked == pytest.approx(seconds, abs=1.5)


BODIES = [
    ({"errors": ["Forbidden", "no"]}, "Forbidden; no"),
    (
        {"message": "Validation Failed", "errors": [{"field": "name", "code": "missing"}]},
        "Validation Failed; name missing",
    ),
    ({"detail": "Invalid token"}, "Invalid token"),
    ({"error": {"code": "forbidden", "message": "Not authorized"}}, "Not authorized"),
    (["odd"], ""),
]


@pytest.mark.parametrize(("body", "said"), BODIES)
def test_what_a_vendor_said_is_passed_on(body, said):
    assert http.error_message(httpx.Response(400, json=body)) == said


def test_secrets_are_not_passed_on():
    reply = httpx.Response(401, json={"errors": ["the key s3cr3t-key-0123 is unknown"]})
    client = Http("v", "https://v.example", secrets=["s3cr3t-key-0123"], transport=httpx.MockTransport(lambda _: reply))
    with pytest.raises(VendorError) as told:
        client.get("/")
    assert "s3cr3t" not in str(told.value) and "refused the credential (401)" in told.value.message


def test_calls_are_counted_and_what_the_vendor_allows_is_kept():
    replies = [httpx.Response(500), httpx.Response(200, json={}, headers={"x-ratelimit-remaining": "41"})]
    client = Http("v", "https://v.example", transport=httpx.MockTransport(lambda _: replies.pop(0)), calls=2)
    client.meter.begin()
    client.get("/")
    assert (client.meter.left, client.meter.vendor_left) == (0, 41)
    with pytest.raises(BudgetSpent):
        client.get("/")


def test_outside_of_a_round_nothing_is_counted():
    reply = httpx.Response(200, json={})
    client = Http("v", "https://v.example", transport=httpx.MockTransport(lambda _: reply), calls=1)
    for _ in range(3):
        client.get("/")
    assert client.meter.left is None


# --- probes


def answering(status: str, body: bytes):
    def script(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode() + body)

    return script


@pytest.mark.parametrize(
    ("status", "body", "asked", "fault"),
    [
        ("200 OK", b"", {}, ""),
        ("500 No", b"", {}, "it returned 500"),
        ("404 No", b"", {"status": 404}, ""),
        ("200 OK", b"", {"status": 404}, "it returned 200"),
        ("200 OK", b"<b>Total: 9</b>", {"contains": "Total"}, ""),
        ("200 OK", b"Sum: 9", {"contains": "Total"}, "its response does not contain 'Total'"),
        ("200 OK", b"x" * http.SHOWN + b"Total", {"contains": "Total"}, "its response does not contain 'Total'"),
        ("302 Found", b"", {}, "it returned 302"),
    ],
)
def test_a_probe_tells_why_an_answer_is_not_the_expected_one(serve, status, body, asked, fault):
    assert http.probe(serve(answering(status, body)), **asked) == fault
