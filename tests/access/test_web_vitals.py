"""Core Web Vitals of visitors: who may send them, what is kept, and that it stays bounded."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console.server import app as server
from console.server import forms, signin, web_vitals
from core.access import accounts
from core.models.access import Role
from tests.access.test_gate import RIGHT, sign_in
from tests.real import need

VISIT = {"page": "/issues", "lcp": 1800.5, "cls": 0.02, "inp": 64}
OURS = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}


@pytest.fixture
def client(console, monkeypatch):
    accounts.add("ada", Role.VIEWER, RIGHT, by="admin", must_change=False)
    monkeypatch.setattr(signin, "attempts", forms.Limiter())
    monkeypatch.setattr(web_vitals, "limiter", forms.Limiter(times=3, seconds=60))
    app = Starlette(routes=server.app._user_routes, middleware=server.app._user_middleware)
    with TestClient(app, follow_redirects=False, client=("127.0.0.1", 50000)) as found:  # /metrics answers loopback
        yield found


def samples(client) -> dict[tuple[str, str, str], float]:
    found = text_string_to_metric_families(client.get("/metrics").text)
    rows = [row for family in found if family.name.startswith("platform_web_") for row in family.samples]
    return {(row.name, row.labels.get("page", ""), row.labels.get("le", "")): row.value for row in rows}


def test_a_visit_is_counted_by_page(client):
    sign_in(client)
    before = samples(client).get(("platform_web_lcp_seconds_count", "issues", ""), 0)
    assert client.post("/vitals", json=VISIT, headers=OURS).status_code == 204
    now = samples(client)
    assert now["platform_web_lcp_seconds_count", "issues", ""] == before + 1
    assert now["platform_web_lcp_seconds_bucket", "issues", "2.0"] >= 1
    assert ("platform_web_cls_bucket", "issues", "0.05") in now and (
        "platform_web_inp_seconds_sum",
        "issues",
        "",
    ) in now


def test_a_stranger_and_another_site_are_refused(client):
    assert client.post("/vitals", json=VISIT, headers=OURS).status_code == 401
    sign_in(client)
    for foreign in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post("/vitals", json=VISIT, headers=foreign).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{", '{"lcp": 1}', '{"page": "/", "lcp": NaN}', '{"page": "/", "lcp": -1}',
        '{"page": "/", "lcp": "1"}',
        '{"page": "/", "lcp": 1e99}', '{"page": "/", "more": 1}', '{"page": 7}',
    ],
)  # fmt: skip
def test_what_is_no_visit_is_refused(client, body):
    sign_in(client)
    assert client.post("/vitals", content=body, headers=OURS).status_code == 422


def test_no_visitor_adds_a_series_or_sends_without_end(client):
    sign_in(client)
    for number in range(3):
        client.post("/vitals", json={**VISIT, "page": f"/made-up-{number}"}, headers=OURS)
    assert (
        not [key for key in samples(client) if "made-up" in key[1]]
        and samples(client)["platform_web_cls_count", "other", ""] >= 3
    )
    answer = client.post("/vitals", json=VISIT, headers=OURS)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


def test_a_long_body_is_not_read(client):
    sign_in(client)
    assert client.post("/vitals", content="x" * 2_000, headers=OURS).status_code == 413


def test_the_script_sends_the_largest_window_of_shifts_once():
    """The browser's script on the entries that a browser reports."""
    need("node")
    script = Path(web_vitals.__file__).with_name("vitals.js").read_text(encoding="utf-8")
    around = """
const seen = {}, sent = []; let hidden;
globalThis.PerformanceObserver = class {
  static supportedEntryTypes = ["largest-contentful-paint", "layout-shift", "event"];
  constructor(f) { this.f = f; }
  observe(o) { seen[o.type] = (...e) => this.f({ getEntries: () => e }); }
};
globalThis.location = { pathname: "/issues" };
globalThis.document = { visibilityState: "hidden" };
globalThis.addEventListener = (_, f) => { hidden = f; };
globalThis.fetch = async (to, o) => { sent.push([to, o.method, o.body]); };
SCRIPT
seen["largest-contentful-paint"]({ startTime: 900 }, { startTime: 1500 });
const shift = (startTime, value, hadRecentInput = false) =>
  seen["layout-shift"]({ startTime, value, hadRecentInput });
shift(100, 0.1); shift(600, 0.1); shift(700, 5, true); shift(3000, 0.15);
const event = (duration, interactionId) => seen["event"]({ duration, interactionId });
event(80, 1); event(300, 0); event(120, 2);
hidden(); hidden();
console.log(JSON.stringify(sent));
"""
    done = subprocess.run(
        ["node", "-e", around.replace("SCRIPT", script)], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == (
        r'[["/vitals","POST","{\"page\":\"/issues\",\"lcp\":1500,\"cls\":0.2,\"inp\":120}"]]'
    )
