"""What is wrong outside is said where a person looks, and nothing is lost by it: bad settings, and bad vendors."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
import stamina
from sqlmodel import select

from console import process
from core import runtime, scheduler
from core.cli import doctor
from core.db import store
from core.models import Connector, Issue, Round, Signal, Status
from core.settings import Settings
from core.stages.collect import Collector
from core.vendors import http, registry
from tests import screens
from tests.answering import answering
from tests.stories.test_flow import ended
from tests.stories.world import until


def logs(at: datetime) -> list[dict]:
    said = {"timestamp": at.isoformat(), "service": "pricing", "status": "error", "tags": ["env:production"]}
    return [{"id": f"log-{n}", "attributes": {**said, "message": f"cannot price item {n}"}} for n in range(4)]


class Vendor(BaseHTTPRequestHandler):
    """Datadog, as it behaves on a bad day; ``server.day`` says how, and "good" ends it."""

    def do_GET(self):
        monitors = self.path.startswith("/api/v1/monitor")
        self.answer([] if monitors else {"status": "ok", "series": [], "valid": True})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer({"data": logs(self.server.began) if "/logs/" in self.path else []})

    def answer(self, body: dict | list) -> None:
        status, headers, text = BAD_DAYS.get(self.server.day, (200, {}, None))
        data = (json.dumps(body) if text is None else text).encode()
        if self.server.day == "never":
            self.server.over.wait(30)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.server.day == "slow":
            data = self.drip(data)
        self.wfile.write(data)

    def drip(self, data: bytes) -> bytes:
        """A byte at a time, so that no single read is late, but the whole is; what is left at the end of the day."""
        for place in range(len(data)):
            if self.server.over.wait(0.05):
                return data[place:]
            self.wfile.write(data[place : place + 1])
        return b""

    def log_message(self, *_):
        """Quiet."""


BAD_DAYS = {
    "500": (500, {}, '{"errors": ["boom"]}'),
    "429": (429, {"X-RateLimit-Reset": "1", "X-RateLimit-Remaining": "0"}, ""),
    "401": (401, {}, '{"errors": ["Unauthorized"]}'),
    "garbage": (200, {}, "<html>not what you asked for"),
}
SAID = {
    "500": "had an internal error (500): ",
    "429": "limited our request rate (429)",
    "401": "refused the credential (401)",
    "garbage": "with a body that is not JSON",
    "slow": "is unreachable|still reading|took longer",
    "never": "is unreachable|still reading",
}


@pytest.fixture
def vendor():
    with answering(Vendor, day="good", over=threading.Event(), began=datetime.now(UTC)) as server:
        yield server
        server.over.set()


@pytest.fixture
def platform(tmp_path, vendor, monkeypatch):
    """The product's own settings and registry, pointed at that vendor; short patience."""
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.4))
    folder = tmp_path / "platform"
    folder.mkdir()
    address = f"http://127.0.0.1:{vendor.server_address[1]}"
    keys = {"datadog_url": address, "datadog_api_key": "k" * 32, "datadog_app_key": "a" * 40}
    wary = screens.PLATFORM.replace("[guards]\n", "[guards]\nminimum_occurrences = 99\n")  # no journey
    screens.open_console(folder, round_seconds=0.05, platform=wary, **keys)
    settings: Settings = process.settings()
    with stamina.set_testing(True, attempts=2):
        yield runtime.use(runtime.Runtime(settings, sources=registry.sources(settings)))


class Patient(Collector):
    """Its patience is two seconds; one for all rounds, so that what is still being read is not read twice."""

    def round(self, rt: runtime.Runtime, **more) -> dict:
        return super().round(rt, **{**more, "patience": 2.0})


@pytest.fixture
def round_of(platform):
    """Runs a round; what it says of Datadog."""
    collector = Patient()
    yield lambda: until(lambda: scheduler.run_round(platform, collector, "test"))["datadog"]
    collector.close()


@pytest.mark.parametrize("day", SAID)
def test_a_vendors_bad_day_is_said_and_costs_nothing(round_of, vendor, day):
    vendor.day = day
    bad = round_of()
    assert any(words in bad["error"] for words in SAID[day].split("|")), bad
    with store.read() as session:
        assert session.exec(select(Round.result).order_by(Round.id.desc())).first() == "partial"
        assert not session.exec(select(Signal)).all()
    assert any(words in screens.seen(screens.visit("pipeline")) for words in SAID[day].split("|"))
    vendor.day = "good"
    vendor.over.set()
    until(lambda: round_of()["error"] is None)
    with store.read() as session:
        assert sorted(session.exec(select(Signal.vendor_id)).all()) == ["log-0", "log-1", "log-2", "log-3"]
        assert session.get(Connector, "datadog").error is None
    assert "failed" not in screens.seen(screens.visit("pipeline"))


@pytest.mark.parametrize(
    ("day", "fix"), [("500", "status.datadoghq.com"), ("401", "DATADOG_API_KEY"), ("garbage", "DATADOG_SITE")]
)
def test_the_doctor_says_it_too(platform, vendor, day, fix):
    vendor.day = day
    line = next(line for line in doctor.examine(platform) if line.what == "datadog")
    assert line.state == "fault" and SAID[day] in line.message and fix in line.fix


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[watch\nseconds = 1", "line 1"),
        ("[watch]\nsecond = 1", "watch.second"),
        ('[services.cart]\nrepository = "nowhere"', "unknown repository 'nowhere'"),
        ("[weights]\nanalysis = 0.9", "the weights must sum to 1"),
    ],
)
def test_an_unreadable_platform_toml_is_said_and_the_last_good_one_stays(platform, round_of, text, says):
    assert platform.policy.services
    platform.settings.platform_file.write_text(text)
    round_of()
    assert "checkout" in platform.policy.services, "the last good policy is kept"
    assert says in screens.seen(screens.visit("pipeline")).replace("&#x27;", "'")
    lines = {line.what: line for line in doctor.examine(platform)}
    assert lines["platform.toml"].state == "fault" and says in lines["platform.toml"].message
    with store.read() as session:
        issue = session.exec(select(Issue)).one()
        assert issue.status is Status.NEW and "Waiting for a valid policy" in issue.reason, (
            "no decision by a policy that cannot be read"
        )


def test_an_unknown_service_goes_to_a_person(world):
    w = world()
    issue = ended(w, w.issue("nobody-knows-me"), Status.ESCALATED)
    assert "nobody-knows-me" in issue.reason and "platform.toml" in issue.reason
    assert not w.ledger.effects()


def test_a_missing_repository_is_said(world):
    w = world()
    w.origin.rename(w.origin.with_name("gone.git"))
    number = w.issue()
    reason = until(lambda: "tries again" in w.get(number).reason and w.get(number).reason)
    assert "origin.git" in reason
    assert not w.ledger.effects()
    line = next(line for line in doctor.examine(w.rt) if line.what == "repository shop")
    assert line.state == "fault" and "origin.git" in line.message and "repositories.shop.remote" in line.fix
