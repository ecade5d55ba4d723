"""The cache of answers: what is asked, what is stored, and what never is."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from core.vendors import response_cache
from core.vendors.base import VendorError
from core.vendors.http import Http
from core.vendors.response_cache import Answers, answers
from tests.real import need

TOKEN, OTHER = "ghp_" + "a" * 36, "ghp_" + "b" * 36
PATH = "/repos/acme/shop/pulls/7"


class Hub:
    """A vendor that confirms answers by their ETag, which depends on the credential, as GitHub's does."""

    def __init__(self):
        self.body, self.status, self.headers, self.left = {"state": "open"}, 200, {}, 50
        self.asked: list[httpx.Request] = []
        self.encoding = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.left -= 1
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        tag = '"' + hashlib.sha256(content + request.headers["authorization"].encode()).hexdigest() + '"'
        headers = {"etag": tag, "x-ratelimit-remaining": f"{self.left}", "vary": "Accept, Authorization"}
        headers |= {"cache-control": "private, max-age=60, s-maxage=60", **self.headers}
        if self.status != 200:
            return httpx.Response(self.status, json={"message": "no"}, headers=headers)
        if request.headers.get("if-none-match") == tag:
            return httpx.Response(304, headers=headers)
        if self.encoding:
            content, headers = gzip.compress(content), headers | {"content-encoding": self.encoding}
        return httpx.Response(200, stream=httpx.ByteStream(content), headers=headers)

    def http(self, kept: Answers | None, token: str = TOKEN) -> Http:
        signed = {"Authorization": f"Bearer {token}", "X-Key": "another-secret-header"}
        transport = httpx.MockTransport(self)
        return Http("github", "https://api.github.com", signed, [token], transport=transport, calls=9, kept=kept)

    @property
    def conditions(self) -> list[str | None]:
        return [request.headers.get("if-none-match") for request in self.asked]


@pytest.fixture(autouse=True)
def fresh():
    answers.cache_clear()
    yield
    answers.cache_clear()


@pytest.fixture
def kept(tmp_path) -> Answers:
    return answers(tmp_path)


@pytest.fixture
def redis_url():
    """A real Redis on loopback, without persistence."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [need("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(params=["file", "redis"])
def either(request, tmp_path) -> Answers:
    return answers(tmp_path, request.getfixturevalue("redis_url") if request.param == "redis" else "")


def test_what_did_not_change_is_confirmed_and_not_sent_again(either):
    hub = Hub()
    http = hub.http(either)
    first, second = http.get(PATH), http.get(PATH)
    assert first.json() == second.json() == {"state": "open"}
    assert hub.conditions == [None, first.headers["etag"]]
    assert [request.headers["authorization"] for request in hub.asked] == [f"Bearer {TOKEN}"] * 2
    assert http.meter.vendor_left == 48, "the limit of the 304 counts"
    hub.body = {"state": "closed"}
    assert http.get(PATH).json() == {"state": "closed"}, "an answer is never older than the vendor's"


def test_another_process_confirms_what_this_one_stored(either):
    hub = Hub()
    hub.http(either).get(PATH)
    assert hub.http(either).get(PATH).json() == {"state": "open"}
    assert hub.conditions[1]


def test_the_pages_of_a_confirmed_list_are_kept(kept):
    hub = Hub()
    hub.headers = {"link": '<https://api.github.com/x?page=2>; rel="next"'}
    http = hub.http(kept)
    http.get(PATH)
    hub.headers = {}
    assert http.get(PATH).next_link()["url"] == "https://api.github.com/x?page=2"


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob(f"{response_cache.FILE}*"))


def test_no_credential_is_stored(kept, tmp_path):
    hub = Hub()
    hub.http(kept).get(PATH)
    text = stored(tmp_path)
    assert b"state" in text, "the answer is stored"
    assert TOKEN.encode() not in text and b"another-secret" not in text and b"Bearer" not in text
    assert (tmp_path / response_cache.FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "body",
    [
        {"title": f"my key is {OTHER}"},
        {"title": f"echoed {TOKEN}"},
        {"patch": "password = 'hunter2222'"},
        {"body": "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"},
    ],
)
def test_an_answer_with_a_secret_is_not_stored(kept, tmp_path, body):
    hub = Hub()
    hub.body = body
    http = hub.http(kept)
    assert http.get(PATH).json() == http.get(PATH).json() == body
    assert hub.conditions == [None, None]
    assert not any(str(value).encode() in stored(tmp_path) for value in body.values())


def test_an_address_with_a_secret_passes_the_cache(kept, tmp_path):
    hub = Hub()
    hub.http(kept).get(f"/download?access_token={OTHER}")
    assert OTHER.encode() not in stored(tmp_path)


@pytest.mark.parametrize("headers", [{"set-cookie": "s=1"}, {"cache-control": "no-store"}])
def test_what_must_not_be_stored_is_not(kept, headers):
    hub = Hub()
    hub.headers = headers
    http = hub.http(kept)
    http.get(PATH), http.get(PATH)
    assert hub.conditions == [None, None]


def test_another_credential_reads_nothing_of_the_first(kept):
    hub = Hub()
    hub.http(kept).get(PATH)
    hub.status = 403
    with pytest.raises(VendorError, match="refused access"):
        hub.http(kept, OTHER).get(PATH)
    hub.status, hub.body = 200, {"state": "other"}
    assert hub.http(kept, OTHER).get(PATH).json() == {"state": "other"}


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429, 500, 503])
def test_a_fault_is_a_fault_whatever_is_stored(kept, status):
    hub = Hub()
    http = hub.http(kept)
    http.get(PATH)
    hub.status = status
    with pytest.raises(VendorError) as told:
        http.get(PATH)
    assert told.value.status == status
    hub.status = 200
    assert http.get(PATH).json() == {"state": "open"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_pass_the_cache(kept, method):
    hub = Hub()
    http = hub.http(kept)
    http.get(PATH)
    for _ in range(2):
        http.request(method, PATH, json={"state": "closed"})
    assert hub.conditions[1:] == [None, None]
    assert json.loads(hub.asked[1].content) == {"state": "closed"}


def test_packed_answers_are_read_and_unknown_encodings_refused(kept):
    hub = Hub()
    hub.encoding = "gzip"
    http = hub.http(kept)
    assert http.get(PATH).json() == http.get(PATH).json() == {"state": "open"}
    hub.body, hub.encoding = {"state": "closed"}, "br"
    with pytest.raises(VendorError, match="encoding that was not requested"):
        http.get(PATH)


def test_a_large_answer_is_read_but_not_stored(kept):
    hub = Hub()
    hub.body = {"text": "x" * response_cache.LARGEST}
    http = hub.http(kept)
    assert http.get(PATH).json() == http.get(PATH).json() == hub.body
    assert hub.conditions == [None, None]


def test_a_timeout_is_asked_again_like_without_a_cache(kept):
    hub, left = Hub(), [1]

    def slow(request: httpx.Request) -> httpx.Response:
        if left and left.pop():
            raise httpx.ReadTimeout("slow", request=request)
        return hub(request)

    http = Http(
        "github", "https://api.github.com", {"Authorization": "x"}, transport=httpx.MockTransport(slow), kept=kept
    )
    assert http.get(PATH).json() == {"state": "open"}


def test_a_spoilt_file_costs_nothing_but_the_cache(tmp_path, caplog):
    (tmp_path / response_cache.FILE).write_bytes(b"no database" * 1000)
    hub = Hub()
    http = hub.http(answers(tmp_path))
    assert http.get(PATH).json() == http.get(PATH).json() == {"state": "open"}
    assert len(hub.asked) <= 3


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_cache(tmp_path):
    (tmp_path / "file").write_text("")
    assert answers(tmp_path / "file" / "data") is None
    assert Hub().http(None).get(PATH).json() == {"state": "open"}


def test_a_redis_that_does_not_answer_is_left_alone_for_a_while(tmp_path, caplog, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"redis://:hunter2222@127.0.0.1:{free.getsockname()[1]}/0"
    made, hub = answers(tmp_path, url), Hub()
    probes, probe = [], made.probe
    monkeypatch.setattr(made, "probe", lambda: (probes.append(1), probe()))
    http = hub.http(made)
    for _ in range(3):
        assert http.get(PATH).json() == {"state": "open"}
    assert len(probes) == 1 and hub.conditions == [None] * 3
    assert len([r for r in caplog.records if "rests for a while" in r.message]) == 1
    assert "hunter2222" not in caplog.text


def test_a_redis_that_fails_between_two_requests_costs_nothing_but_the_cache(tmp_path, redis_url):
    made, hub = answers(tmp_path, redis_url), Hub()
    http = hub.http(made)
    http.get(PATH)
    made.storage._client.connection_pool.connection_kwargs["port"] = 1
    made.storage._client.connection_pool.disconnect()
    assert http.get(PATH).json() == {"state": "open"}
