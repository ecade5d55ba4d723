"""A forged report alone never ships: without failures in the service's own metrics or logs, a person is asked.

The attacker knows the DSN, which every browser bundle shows, or opens an issue on GitHub. Events go by Sentry's own
SDK to the simulator; the platform reads all vendors by its own clients, in its own rounds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import sentry_sdk
from sqlmodel import col, select

from core import actions, scheduler, store
from core.models import Approval, Crash, Decision, Deployment, Frame, Issue, Kind, Raised, Record, Signal, Status
from core.repair import engine
from core.repair.shapes import FixResult
from core.sandbox.alarms import Alarms
from core.sandbox.telemetry import Telemetry
from core.sandbox.vendors import cloudwatch, datadog, sentry
from core.settings import Settings
from core.stages.collect import Collector
from core.vendors import registry
from core.vendors.base import Batch, Check
from core.vendors.github import GitHub
from tests.stories.conftest import world  # noqa: F401 - a fixture
from tests.stories.world import World, until, write_known_fix
from tests.vendors.simulators import serving

METRICS = '\n[metrics]\nrequests = "shop.requests"\nerrors = "shop.errors"\np95_ms = "shop.latency.p95"\n'
STACK = (
    'Traceback (most recent call last):\n  File "/srv/shop/shop.py", line 2, in share\n    return part / whole\n'
    "ZeroDivisionError: division by zero\n"
)
OTHER = (
    'Traceback (most recent call last):\n  File "/srv/shop/stock.py", line 9, in count\n    x["x"]\nKeyError: \'x\'\n'
)
RESTS = (Status.RESOLVED, Status.ESCALATED, Status.AWAITING_APPROVAL)


@dataclass
class Shop:
    """A world whose vendors are the demo's simulators, and how its services really fare."""

    world: World
    url: str
    telemetry: Telemetry
    collector: Collector = field(default_factory=Collector)
    rounds: int = 0

    def serve(self, service: str = "pricing", ago: float = 600, until: float = 0, failing: int = 0, **logged) -> None:
        """A request a second between ``ago`` and ``until`` seconds before now; each ``failing``-th one fails."""
        for second in range(int(ago), int(until), -1):
            bad = failing and second % failing == 0
            self.request(service, second, 500 if bad else 200)
            if bad and logged:
                self.error(service, second, **logged)

    def request(self, service: str, ago: float, status: int) -> None:
        self._line(service, ago, event="request", status=status, duration_ms=20.0)

    def error(self, service: str, ago: float, stack: str = STACK) -> None:
        kind, _, message = stack.strip().rsplit("\n", 1)[-1].partition(": ")
        told = {"type": kind, "message": message, "stack": stack}
        self._line(service, ago, event="error", level="error", message=message, exception=told)

    def _line(self, service: str, ago: float, **row) -> None:
        at = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
        told = {"ts": at, "service": service, "route": f"/{service}", "user": "u-1", "release": "4f1c2ab", **row}
        self.telemetry.line(json.dumps(told), "production")

    def report(self, service: str = "pricing", times: int = 5, ago: float = 0) -> None:
        """What the SDK sends for a crash in shop.py; nothing but the DSN is needed to send it."""
        dsn = self.url.replace("http://", "http://public@") + "/1"
        quiet = {"default_integrations": False, "auto_enabling_integrations": False}
        sdk = sentry_sdk.Client(
            dsn=dsn, environment="production", release="4f1c2ab", transport_queue_size=1000, **quiet
        )
        for _ in range(times):
            sdk.capture_event(forged(service, datetime.now(UTC) - timedelta(seconds=ago)))
        sdk.close(timeout=20)

    def round(self) -> dict:
        self.rounds += 1
        return scheduler.run_round(self.world.rt, self.collector, "test", slot=f"attack-{self.rounds}")

    def outcome(self) -> Issue:
        """The issue, where it comes to rest after a round."""
        self.round()
        issue = until(lambda: next(iter(rows(Issue, col(Issue.run) > 0)), None))
        return until(lambda: self.world.get(issue.id) if self.world.get(issue.id).status in RESTS else None)


def forged(service: str, at: datetime) -> dict:
    frame = {"filename": "shop.py", "abs_path": "/srv/shop/shop.py", "function": "share", "lineno": 2, "in_app": True}
    frame |= {"context_line": "    return part / whole", "vars": {"part": "0", "whole": "0"}}
    value = {"type": "ZeroDivisionError", "value": "division by zero", "stacktrace": {"frames": [frame]}}
    return {"exception": {"values": [value]}, "level": "error", "timestamp": at, "tags": {"service": service}}


def fix_the_forged(tree, crash: Crash, **_) -> FixResult:
    """A fix for the crash in shop.py alone, so that no other issue's release stands in the way of it."""
    if crash.exception.type != "ZeroDivisionError":
        return FixResult("escalate", "not this story's fault")
    return write_known_fix(tree, crash)


def rows(table, *where):
    with store.read() as session:
        return session.exec(select(table).where(*where)).all()


@pytest.fixture
def shop(world, monkeypatch):  # noqa: F811 - the fixture above
    """``shop(*sources)``: a shop that the platform reads through these sources."""
    telemetry = Telemetry()
    alarms, made = Alarms(telemetry), world()
    vendors = (sentry.Sentry(), datadog.Datadog(telemetry, alarms), cloudwatch.CloudWatch(telemetry, alarms))
    monkeypatch.setattr(engine, "repair", fix_the_forged)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloudwatch.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", cloudwatch.SECRET)
    made.settings.platform_file.write_text(made.settings.platform_file.read_text() + METRICS)
    with serving([route for vendor in vendors for route in vendor.routes]) as url:
        opened = Shop(made, url, telemetry)

        def read_by(*names: str) -> Shop:
            settings = Settings(
                **connected(url), data_dir=made.settings.data_dir, platform_file=made.settings.platform_file
            )
            made.rt.sources = [registry.BUILDERS[name](settings) for name in names]
            return opened

        yield read_by
        opened.collector.close()


def connected(url: str) -> dict:
    return {
        "sentry_url": f"{url}/sentry",
        "sentry_token": sentry.TOKEN,
        "sentry_org": sentry.ORG,
        "datadog_url": f"{url}/datadog",
        "datadog_api_key": datadog.API_KEY,
        "datadog_app_key": datadog.APP_KEY,
        "aws_endpoint_url": f"{url}/aws",
        "aws_region": cloudwatch.REGION,
        "cloudwatch_log_groups": cloudwatch.GROUP,
        "cloudwatch_namespace": cloudwatch.NAMESPACE,
    }


# --- attacks: each one shipped before reports had to be corroborated -------------------------------


def healthy(shop: Shop) -> None:
    shop.serve()
    shop.report()


def many(shop: Shop) -> None:
    shop.serve()
    shop.report(times=300)


def background(shop: Shop) -> None:
    """One request in 100 fails, as it always does, and each failure is logged with a crash of its own."""
    shop.serve(ago=850, failing=100, stack=OTHER)
    shop.report()


def background_without_logs(shop: Shop) -> None:
    shop.serve(ago=850, failing=20)
    shop.report(times=2)


def elsewhere(shop: Shop) -> None:
    """Another service is down."""
    shop.serve()
    shop.serve("checkout")
    shop.serve("checkout", ago=60, failing=1, stack=OTHER)
    shop.report()


def other_fault(shop: Shop) -> None:
    """The service itself fails, by another crash that the logs name."""
    shop.serve(ago=600, until=60)
    shop.serve(ago=60, failing=2, stack=OTHER)
    shop.report()


def before(shop: Shop) -> None:
    """The outage of an hour ago is over; the forged event bears its time."""
    shop.serve(ago=4000, until=3900, failing=2)
    shop.serve(ago=600)
    shop.report(ago=3950)


UNSEEN, LATE = "No metric or log of pricing shows these failures", "too late to be checked"
ATTACKS = [
    (healthy, UNSEEN),
    (many, UNSEEN),
    (background, UNSEEN),
    (background_without_logs, UNSEEN),
    (elsewhere, UNSEEN),
    (other_fault, UNSEEN),
    (before, LATE),
]


def forged_issue() -> tuple:
    """The issue of pricing that the forged events opened."""
    return (Issue.service == "pricing", col(Issue.title).startswith("ZeroDivisionError"))


@pytest.mark.parametrize(("attack", "says"), ATTACKS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_forged_event_ends_in_a_question(shop, attack, says):
    target = shop("sentry", "datadog")
    attack(target)
    target.round()
    issue = asked_about(target)
    assert "the only report is from Sentry, which anyone who knows the DSN can write to" in issue.reason
    assert says in issue.reason


def asked_about(target: Shop) -> Issue:
    """The forged issue waits for a person, who is told why, and nothing of it reached production."""
    found = until(lambda: next((i for i in rows(Issue, *forged_issue()) if i.status in RESTS), None))
    assert found.status is Status.AWAITING_APPROVAL, found.reason
    assert not rows(Deployment, Deployment.issue_id == found.id, Deployment.environment == "production")
    question = rows(Approval, Approval.issue_id == found.id)[0]
    receipt = rows(Decision, Decision.issue_id == found.id)[-1].receipt
    fired = {guard["name"]: guard["says"] for guard in receipt["guards"] if guard["effect"]}
    assert list(fired) == ["corroboration"] and fired["corroboration"] in question.asks
    assert receipt["inputs"]["corroborated"] is False
    return found


def test_a_forged_event_while_the_metrics_are_down_ends_in_a_question(shop):
    target = shop("sentry", "datadog")
    target.world.rt.sources[1].http.base_url = "http://127.0.0.1:9"
    target.serve()
    target.report()
    assert target.round()["datadog"]["error"]
    assert "Datadog could not be read" in asked_about(target).reason


def test_a_forged_event_where_nothing_but_sentry_is_connected_ends_in_a_question(shop):
    target = shop("sentry")
    target.report()
    target.round()
    assert "No source that only the team can write to is connected" in asked_about(target).reason


class Letters:
    """Issues that strangers opened on GitHub, each with a traceback in its text."""

    name = "github"
    origin = GitHub.origin

    def collect(self, cursor, until):
        crash = Crash(
            service="pricing",
            exception=Raised(type="ZeroDivisionError", message="division by zero"),
            frames=(Frame(file="shop.py", line=2, function="share", locals={"part": "0", "whole": "0"}),),
        )
        told = {"kind": Kind.REPORT, "service": "pricing", "title": "ZeroDivisionError: division by zero"}
        at = datetime.now(UTC)
        letters = [
            Record(source="github", vendor_id=f"n{n}", at=at, message=STACK, crash=crash, **told) for n in (1, 2)
        ]
        yield Batch(records=letters, cursor="read")

    def check(self):
        return Check(True, "")


def test_an_issue_that_somebody_wrote_ends_in_a_question(shop):
    target = shop("datadog")
    target.world.rt.sources = [Letters(), *target.world.rt.sources]
    target.serve()
    target.round()
    assert "from GitHub, where anyone can open an issue" in asked_about(target).reason


def test_a_browsers_log_is_a_strangers_word_too(shop):
    """Datadog's browser logs are sent with a client token that every visitor can read."""
    target = shop("sentry", "datadog")
    target.serve()
    target.report()
    sim_log = datadog._log

    def from_a_browser(row: dict) -> dict:
        told = sim_log(row)
        told["attributes"]["tags"].append("source:browser")
        return told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datadog, "_log", from_a_browser)
        for age in range(1, 9):
            target.error("pricing", age)
        target.round()
    asked_about(target)


def test_a_persons_approval_releases_it_and_a_second_run_asks_again(shop):
    target = shop("sentry", "datadog")
    healthy(target)
    target.round()
    issue = asked_about(target)
    question = rows(Approval, Approval.issue_id == issue.id)[0]
    actions.reject(question.id, actor="ada", reason="nobody saw it fail", key="k1")
    until(lambda: target.world.get(issue.id).status is Status.ESCALATED)
    actions.retry(issue.id, actor="ada", key="k2")
    until(lambda: target.world.get(issue.id).status is Status.AWAITING_APPROVAL)
    again = rows(Approval, Approval.issue_id == issue.id, Approval.state == "pending")[0]
    actions.approve(again.id, actor="ada", patch_hash=again.patch_hash, key="k3")
    assert until(lambda: target.world.get(issue.id).status in RESTS and target.world.get(issue.id))
    until(lambda: target.world.get(issue.id).status is Status.RESOLVED)
    assert not rows(Deployment, Deployment.environment == "production")[0].automatic


# --- real crashes ship without a click, as before --------------------------------------------------


def crash_with_metrics(shop: Shop) -> None:
    shop.serve(ago=600, until=60)
    shop.serve(ago=60, failing=4)
    shop.report(times=15)


def crash_with_logs(shop: Shop) -> None:
    """A worker's crash: no request fails."""
    shop.serve()
    for ago in range(1, 30, 5):
        shop.error("pricing", ago)
    shop.report(times=6)


def crash_over_a_background(shop: Shop) -> None:
    shop.serve(ago=850, until=60, failing=100)
    shop.serve(ago=60, failing=3)
    shop.report(times=20)


def crash_without_sentry(shop: Shop) -> None:
    shop.serve()
    for ago in range(1, 30, 5):
        shop.error("pricing", ago)


REAL = [
    (crash_with_metrics, ("sentry", "datadog"), "Datadog metrics"),
    (crash_with_logs, ("sentry", "datadog"), "Datadog logs"),
    (crash_with_logs, ("sentry", "cloudwatch"), "CloudWatch logs"),
    (crash_over_a_background, ("sentry", "datadog"), "Datadog metrics"),
    (crash_without_sentry, ("datadog",), "Datadog logs"),
    (crash_without_sentry, ("cloudwatch",), "CloudWatch logs"),
]


@pytest.mark.parametrize(("crash", "sources", "by"), REAL, ids=lambda v: getattr(v, "__name__", str(v)))
def test_a_real_crash_ships_without_a_click(shop, crash, sources, by):
    target = shop(*sources)
    crash(target)
    issue = target.outcome()
    assert issue.status is Status.RESOLVED, issue.reason
    receipt = rows(Decision, Decision.issue_id == issue.id)[-1].receipt
    assert receipt["inputs"]["corroborated"] and receipt["inputs"]["corroboration"].startswith(by)
    assert rows(Deployment, Deployment.environment == "production")[0].automatic
    assert rows(Signal, Signal.issue_id == issue.id)
