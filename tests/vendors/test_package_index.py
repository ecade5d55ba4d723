"""The way out of a build room: what it asks for, where it goes, and what it refuses."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from core.repair.environment.fault import EnvironmentFault
from core.repair.environment.indexes import PYPI, indexes
from core.vendors.package_index import Index, IndexRelay, index, serving
from core.vendors.relay import NotForwarded

URL = "https://pypi.example/simple"
PAGE = f"{URL}/flask/"


@pytest.fixture
def relay() -> IndexRelay:
    return IndexRelay([index("https://ann:s%40cret@pypi.example/simple/"), index("http://127.0.0.1:9/more")])


def test_credentials_are_taken_out_of_an_address():
    assert index("https://ann:s%40cret@pypi.example/simple/") == Index(URL, "Basic YW5uOnNAY3JldA==")
    assert index(f"{URL}/") == Index(URL)
    for wrong in ("", "ftp://x/y", "file:///srv/simple", "pypi.example"):
        with pytest.raises(ValueError, match="package index"):
            index(wrong)


def test_a_path_inside_is_a_page_of_an_index(relay):
    assert relay.target("/0/flask/") == (0, PAGE)
    assert relay.target("/1/flask/") == (1, "http://127.0.0.1:9/more/flask/")


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/2/flask/", "/x/flask/", "/0/../admin", "/0/a/../../b", "http://evil.example/", "/-1/x",
        "/0/file/https/evil.example/x", "/0/file/http/169.254.169.254/latest",
        "/0/file/https/pypi.example.evil.example/x",
        "/0/file/http/pypi.example/x", "/1/file/https/pypi.example/x",
    ],
)  # fmt: skip
def test_nothing_else_can_be_asked_for(relay, path):
    with pytest.raises(NotForwarded):
        relay.target(path)


def test_a_host_counts_once_a_page_of_its_own_index_has_named_it(relay):
    text = json.dumps({"files": [{"url": "https://files.example/a b/x.whl?t=1#sha256=0"}, {"url": "../../up/y.whl"}]})
    told = json.loads(relay.rewritten(0, PAGE, "application/vnd.pypi.simple.v1+json", text))
    first, second = (file["url"] for file in told["files"])
    assert first == "/0/file/https/files.example/a%20b/x.whl?t=1#sha256=0"
    assert second == "/0/file/https/pypi.example/up/y.whl"
    assert relay.target(first.partition("#")[0]) == (0, "https://files.example/a%20b/x.whl?t=1")
    with pytest.raises(NotForwarded):
        relay.target("/1/file/https/files.example/x.whl")


def test_links_of_a_page_in_html_are_rewritten_and_its_attributes_stay(relay):
    page = """<a href="https://files.example/x.whl?a=1&amp;b=2#sha256=0" data-requires-python="&gt;=3">x</a>
<A HREF='y.whl'>y</A><a href="javascript:alert(1)">z</a>"""
    assert relay.rewritten(0, PAGE, "text/html; charset=UTF-8", page) == (
        '<a href="/0/file/https/files.example/x.whl?a=1&amp;b=2#sha256=0" data-requires-python="&gt;=3">x</a>\n'
        '<A HREF="/0/file/https/pypi.example/simple/flask/y.whl">y</A><a href="about:blank">z</a>'
    )


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": [1]}', '{"files": 3}', "[" * 100_000])
def test_a_page_that_is_none_is_refused(relay, text):
    with pytest.raises(NotForwarded):
        relay.rewritten(0, PAGE, "application/vnd.pypi.simple.v1+json", text)


def test_the_requests_of_one_build_are_bounded(relay):
    relay.left = 1
    relay.target("/0/flask/")
    with pytest.raises(NotForwarded, match="too many"):
        relay.target("/0/flask/")


class Broken(httpx.SyncByteStream):
    """A file whose server goes away."""

    def __iter__(self):
        yield b"half"
        raise httpx.ReadError("gone")


def test_a_file_that_breaks_off_is_not_filled_with_the_message(relay, tmp_path):
    answer = httpx.Response(200, headers={"content-length": "400"}, stream=Broken())
    relay.client = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    with serving(relay, tmp_path / "s"), socket.socket(socket.AF_UNIX) as made:
        made.connect(str(tmp_path / "s"))
        made.sendall(b"GET /0/x.whl HTTP/1.1\r\nHost: x\r\n\r\n")
        found = made.makefile("rb").read()
    assert found.endswith(b"\r\n\r\nhalf") and b"content-length: 400" in found
    assert (relay.failed, relay.refused) == (["pypi.example: gone"], [])


def test_which_indexes_are_used(tmp_path, monkeypatch):
    monkeypatch.setattr("core.repair.environment.indexes.PIP_FILES", ())
    monkeypatch.setattr("core.repair.environment.indexes.UV_FILES", (str(tmp_path / "uv.toml"),))
    assert indexes("", {}) == [Index(PYPI)]
    assert indexes(f"{URL} https://b.example/simple", {"UV_INDEX_URL": "https://c.example"}) == [
        Index(URL), Index("https://b.example/simple"),
    ]  # fmt: skip
    told = {"PIP_INDEX_URL": URL, "PIP_EXTRA_INDEX_URL": "https://b.example/simple file:///srv/simple"}
    assert indexes("", told) == [Index(URL), Index("https://b.example/simple")]
    assert indexes("", {"UV_INDEX": "own=https://b.example/simple"}) == [Index(PYPI), Index("https://b.example/simple")]
    (tmp_path / "uv.toml").write_text(
        f'[[index]]\nurl = "{URL}"\ndefault = true\n[[index]]\nurl = "https://b.example"\n'
    )
    assert indexes("", {}) == [Index(URL), Index("https://b.example")]
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://p.example/simple\n")
    (tmp_path / "uv.toml").unlink()
    assert indexes("", {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}) == [Index("https://p.example/simple")]
    with pytest.raises(EnvironmentFault, match="PACKAGE_INDEX_URL"):
        indexes("nonsense", {})
