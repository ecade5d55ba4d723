"""The routes of console/server/app.py: health, status, headers, static files, live events."""

import asyncio
import gzip
import re
import sys
from types import ModuleType, SimpleNamespace

import brotli
import pytest
from starlette.testclient import TestClient

import core
from console import process
from console.changes import StoreWatch
from console.server import app as server
from console.server import first_paint, status
from core.access import sessions
from core.db import store
from core.models import Status
from tests import scenes, screens


@pytest.fixture
def client(console):
    with TestClient(_routes()) as found:
        found.cookies.set("session", screens.cookie("viewer", "testclient"))
        yield found


def _routes():
    """The product's routes and middleware without Streamlit's runtime; a process can have only one of those."""
    from starlette.applications import Starlette

    return Starlette(routes=server.app._user_routes, middleware=server.app._user_middleware)


def test_healthz(client):
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["store"], answer.json()["engine"]) == ("ok", "ok", "elsewhere")
    store._engine = None
    answer = client.get("/healthz")
    assert answer.status_code == 503 and answer.json()["status"] == "failed"


def test_status_counts_and_needs_no_script(client):
    with store.write() as session:
        scenes.shop(session)
    answer = client.get("/status")
    assert answer.status_code == 200
    assert "<dt>Awaiting approval</dt><dd>1</dd>" in answer.text
    assert "<script" not in answer.text and 'lang="en"' in answer.text


@pytest.mark.parametrize(("query", "leads"), [("", "/"), ("?cycle=3", "/?cycle=3")])
def test_the_first_page_is_also_found_by_its_name(client, query, leads):
    answer = client.get(f"/pipeline{query}", headers=PAGE, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (308, leads)


PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize("path", ["/nonsense", "/issues/12", "/pages/issues.py", "/%3Cscript%3Ealert(1)%3C/script%3E"])
def test_an_unknown_address_says_so(client, path):
    answer = client.get(path, headers=PAGE)
    assert answer.status_code == 404
    assert "This page does not exist" in answer.text and "<script" not in answer.text


@pytest.mark.parametrize(("path", "headers"), [("/", PAGE), ("/issues?issue=1", PAGE), ("/status", PAGE)])
def test_a_known_address_is_answered_as_before(client, path, headers):
    assert "This page does not exist" not in client.get(path, headers=headers).text


def test_what_a_script_loads_is_not_answered_with_a_page(client):
    assert "This page does not exist" not in client.get("/nonsense", headers={"accept": "*/*"}).text


@pytest.mark.parametrize("asked, sent", [("30", "30"), ("1", None), ("x", None), ("30;url=//e", None)])
def test_status_refreshes_itself_only_on_request(client, asked, sent):
    assert client.get(f"/status?refresh={asked}").headers.get("refresh") == sent


def test_status_reports_a_missing_store(client):
    store._engine = None
    code, text = status.page()
    assert code == 503 and "The database is not responding" in text


def test_a_private_status_page_also_reports_a_missing_store(client, console):
    console.platform_file.write_text(console.platform_file.read_text() + "[access]\npublic_status = false\n")
    store._engine = None
    answer = client.get("/status")
    assert answer.status_code == 503 and "The database is not responding" in answer.text


def test_an_invalid_policy_leaves_the_last_valid_one_in_force(console):
    """As in the engine: a freeze is still shown while somebody edits platform.toml."""
    console.platform_file.write_text("[guards]\ndeployments_per_hour = 7\n")
    assert process.policy()[0].guards.deployments_per_hour == 7
    console.platform_file.write_text("[guards]\ndeployments_per_hour = ")
    policy, fault = process.policy()
    assert policy.guards.deployments_per_hour == 7 and fault


def test_an_untrusted_connector_name_is_escaped_on_status(client):
    from tests import factories

    with store.write() as session:
        factories.connector(session, "<script>x", failures=1)
    assert "&lt;script&gt;x" in client.get("/status").text


@pytest.mark.parametrize("path", ["/healthz", "/status", "/", "/issues", "/icon.svg"])
def test_every_answer_carries_the_security_headers(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("packing", ["br", "gzip"])
def test_static_files_are_compressed_and_cached_for_a_year(client, packing):
    script = re.search(r'src="\.(/static/js/index[^"]+)"', client.get("/").text)[1]
    with client.stream("GET", script, headers={"accept-encoding": packing}) as packed:
        raw = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == packing
    assert "immutable" in packed.headers["cache-control"]
    plain = client.get(script, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert {"br": brotli.decompress, "gzip": gzip.decompress}[packing](raw) == plain.content
    assert len(raw) < len(plain.content) / 3


def test_the_first_paint_has_real_figures_and_no_untrusted_markup(client):
    with store.write() as session:
        scenes.shop(session)
        scenes.story(session, Status.FIXING, title="<script>alert(1)</script>")
    text = client.get("/issues").text
    assert "51 issues, newest first" in text and "&lt;script&gt;alert(1)" in text and "<script>alert" not in text
    assert "Awaiting approval" in client.get("/").text
    assert "MTTR, auto-fixed" in client.get("/kpis").text
    assert client.get("/").headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("session", ["", "nobody's"])
def test_without_a_session_there_is_no_first_paint(client, session):
    assert first_paint.html("/issues", "", session) == ""


def test_a_first_paint_has_only_the_pages_of_the_role(client):
    viewer, admin = (sessions.digest(name) for name in ("viewer", "admin"))
    assert first_paint.html("/audit", "", viewer) == "" and 'id="first"' in first_paint.html("/audit", "", admin)
    link = 'href="/settings"'
    assert link not in first_paint.html("/", "", viewer) and link in first_paint.html("/", "", admin)


def test_without_a_store_there_is_no_first_paint(client):
    store._engine = None
    assert first_paint.html("/issues", "", sessions.digest("admin")) == ""


def test_robots_reach_only_the_sign_in(client):
    assert client.get("/robots.txt").text == "User-agent: *\nAllow: /\n"


def test_a_commit_is_sent_to_every_visitor(console):
    async def story():
        async with StoreWatch().running() as watch:
            first, second = watch.changes(), watch.changes()
            told = [await anext(first), await anext(second)]
            if told[0] == "data: 0\n\n":
                told = [await anext(first), await anext(second)]
            await asyncio.to_thread(_commit)
            return told, [await asyncio.wait_for(anext(one), 20) for one in (first, second)]

    before, after = asyncio.run(story())
    assert before == ["data: 1\n\n"] * 2
    assert after == ["data: 2\n\n"] * 2


def _commit():
    with store.write() as session:
        scenes.story(session, Status.NEW)


def test_a_failure_of_the_store_is_a_change_and_so_is_its_recovery(console):
    async def story():
        kept = store._engine
        async with StoreWatch().running() as watch:
            changes = watch.changes()
            while await anext(changes) != "data: 1\n\n":
                pass
            watch._drop()
            store._engine = None
            told = [await asyncio.wait_for(anext(changes), 20)]
            store._engine = kept
            return [*told, await asyncio.wait_for(anext(changes), 20)]

    assert asyncio.run(story()) == ["data: 2\n\n", "data: 3\n\n"]


@pytest.mark.parametrize("on", [True, False])
def test_the_engine_runs_only_if_it_is_enabled(console, monkeypatch, on):
    calls = []
    fake = ModuleType("core.scheduler")
    fake.start = lambda settings: calls.append("start") or SimpleNamespace(stop=lambda: calls.append("stop"))
    monkeypatch.setitem(sys.modules, "core.scheduler", fake)
    monkeypatch.setattr(core, "scheduler", fake, raising=False)
    monkeypatch.setattr(process, "_settings", console.model_copy(update={"console_engine": on}))
    monkeypatch.setattr(server, "end_soon", lambda: None)  # it would end this process

    async def serve():
        async with server.engine():
            calls.append("serve")

    asyncio.run(serve())
    assert calls == (["start", "serve", "stop"] if on else ["serve"])


def test_a_store_that_cannot_be_opened_does_not_stop_the_console(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a database, at any rate not one of SQLite" * 100)
    monkeypatch.setattr(process, "_settings", None)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{blocked}")

    async def serve():
        async with server.engine():
            pass

    asyncio.run(serve())
    assert process._settings.database_url.endswith("file")
