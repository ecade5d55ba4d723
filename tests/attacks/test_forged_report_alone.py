"""A forged report alone never ships: without failures in the service's own metrics or logs, a person is asked.

The attacker knows the DSN, which every browser bundle shows, or opens an issue on GitHub. Events go by Sentry's own
SDK to the simulator; the platform reads all vendors by its own clients, in its own rounds.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlmodel import col

from core.actions import approvals, issues
from core.demo.alarms import Alarms
from core.demo.telemetry import Telemetry
from core.demo.vendors import cloudwatch, datadog, sentry
from core.models import Approval, Crash, Decision, Deployment, Frame, Issue, Kind, Raised, Record, Signal, Status
from core.repair import engine
from core.settings import Settings
from core.vendors import registry
from core.vendors.base import Batch, Check
from core.vendors.github import GitHub
from tests.attacks.forging import METRICS, OTHER, RESTS, STACK, Shop, connected, fix_the_forged, rows
from tests.stories.conftest import world  # noqa: F401 - a fixture
from tests.stories.world import until
from tests.vendors.simulators import serving
from tests.who import by


@pytest.fixture
def shop(world, monkeypatch):  # noqa: F811 - the fixture above
    """``shop(*sources)``: a shop that the platform reads through these sources."""
    telemetry = Telemetry()
    alarms, made = Alarms(telemetry), world()
    vendors = (
        sentry.SimulatedSentry(),
        datadog.SimulatedDatadog(telemetry, alarms),
        cloudwatch.SimulatedCloudWatch(telemetry, alarms),
    )
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
            made.rt.sources = [registry.CONNECTORS[name].build(settings) for name in names]
            return opened

        yield read_by
        opened.collector.close()


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
    assert "Datadog is unavailable" in asked_about(target).reason


def test_a_forged_event_where_nothing_but_sentry_is_connected_ends_in_a_question(shop):
    target = shop("sentry")
    target.report()
    target.round()
    assert "No connected source that only the team can write to" in asked_about(target).reason


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
    target.serve()
    target.report(times=20, every=2)
    target.round()
    issue = asked_about(target)
    question = rows(Approval, Approval.issue_id == issue.id)[0]
    approvals.reject(question.id, actor=by("ada"), reason="nobody saw it fail", key="k1")
    until(lambda: target.world.get(issue.id).status is Status.ESCALATED)
    issues.retry(issue.id, actor=by("ada"), key="k2")
    until(lambda: target.world.get(issue.id).status is Status.AWAITING_APPROVAL)
    again = rows(Approval, Approval.issue_id == issue.id, Approval.state == "pending")[0]
    approvals.approve(again.id, actor=by("ada"), patch_hash=again.patch_hash, key="k3")
    assert until(lambda: target.world.get(issue.id).status in RESTS and target.world.get(issue.id))
    until(lambda: target.world.get(issue.id).status is Status.RESOLVED)
    assert not rows(Deployment, Deployment.environment == "production")[0].automatic


# --- real crashes ship without a click, as before --------------------------------------------------


def crash_with_metrics(shop: Shop) -> None:
    shop.serve(ago=600, until=60)
    shop.serve(ago=60, failing=4)
    shop.report(times=30, every=2)


def crash_with_logs(shop: Shop) -> None:
    """A worker's crash: no request fails."""
    shop.serve()
    for ago in range(1, 30, 5):
        shop.error("pricing", ago)
    shop.report(times=6)


def crash_over_a_background(shop: Shop) -> None:
    shop.serve(ago=850, until=60, failing=100)
    shop.serve(ago=60, failing=3)
    shop.report(times=20, every=3)


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
