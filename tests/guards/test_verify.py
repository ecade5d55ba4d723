"""The watch over a deployment at each of its borders, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from freezegun import freeze_time
from sqlmodel import select

from core import runtime, store
from core.journal import Entry
from core.models import ChangeSet, Deployment, Issue, Notification, ServiceHealth, Status
from core.runtime import Runtime
from core.settings import Watch
from core.stages import verify
from core.vendors.base import Deployed, VendorError
from tests import factories, scenes

READY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RULES = Watch(seconds=600, every=30, minimum_requests=20, error_rate_margin=0.01, latency_factor=1.5)
SICK = {"cart": ServiceHealth(requests=1000, errors=100, p95_ms=100, samples=5)}


def health(errors=0.0, requests=1000.0, p95=100.0, samples=5) -> ServiceHealth:
    return ServiceHealth(requests=requests, errors=errors, p95_ms=p95, samples=samples)


# --- what speaks against it ------------------------------------------------------------------------

ROSE, GOES_ON, SLOWER = "the error rate rose", "the error it was made for goes on", "the 95th percentile rose"


@pytest.mark.parametrize(
    ("before", "after", "over", "found"),
    [
        (health(100), health(110), False, [GOES_ON]),  # 10 % -> 11 %: within the margin
        (health(100), health(111), False, [ROSE, GOES_ON]),
        (health(0), health(10), True, []),  # 0 % -> 1 %
        (health(0), health(11), True, [ROSE]),
        (health(0), health(5, 100), True, [ROSE]),
        (health(0), health(4, 100), True, []),  # too few errors
        (health(100), health(14, 100), True, [GOES_ON]),  # 4 more errors than 10 % of 100
        (health(100), health(15, 100), True, [ROSE, GOES_ON]),  # 5 more
        (health(100), health(51), True, [GOES_ON]),  # more than half of what it was
        (health(100), health(50), True, []),
        (health(100), health(4, 10), True, []),
        (health(100), health(5, 40), True, [GOES_ON]),
        (health(10), health(10), True, []),  # 1 % before: no rate to be cured
        (health(11), health(11), True, [GOES_ON]),
        (health(0), health(0, 0), True, []),
        (health(0, p95=100), health(p95=150), True, []),
        (health(0, p95=100), health(p95=151), True, [SLOWER]),
        (health(0, p95=100), health(p95=151, samples=3), False, [SLOWER]),
        (health(0, p95=100), health(p95=151, samples=2), False, []),
        (health(0, p95=100), health(p95=151, samples=2), True, [SLOWER]),
    ],
)
def test_what_speaks_against_it(before, after, over, found):
    says = verify.judge("cart", {"cart": before}, {"cart": after}, RULES, over)
    assert [any(part in said for said in says) for part in found] == [True] * len(found)
    assert len(says) == len(found)


def test_a_watch_is_judged_as_over_unless_it_is_said():
    after = {"cart": health(p95=151, samples=1)}
    assert verify.judge("cart", {"cart": health(p95=100)}, after, RULES)


def test_harm_is_looked_for_in_every_service_and_a_cure_in_one():
    before = {"cart": health(100), "mail": health(100)}
    after = {"cart": health(0), "mail": health(100), "search": health(90), "pay": health(p95=900)}
    says = verify.judge("cart", before, after, RULES)
    assert says == ["search: the error rate rose from 0.0% to 9.0%"]
    assert verify.judge("nothing", {}, {}, RULES) == []


def test_harm_and_a_cure_are_told_with_their_figures():
    says = verify.judge("cart", {"cart": health(100)}, {"cart": health(200, p95=400)}, RULES)
    assert says == [
        "cart: the error rate rose from 10.0% to 20.0%",
        "cart: the 95th percentile rose from 100 to 400 ms",
        "cart: the error it was made for goes on (10.0% before, 20.0% after)",
    ]


# --- the watch -------------------------------------------------------------------------------------


class Metrics:
    """A source of health that always says the same."""

    def __init__(self, **after):
        self.after, self.asked = after, []

    def health(self, services, since, until):
        self.asked.append((services, since, until))
        if fault := self.after.get("fault"):
            raise fault
        return self.after


@pytest.fixture
def deployed(console):
    """(issue, change, deployment) of a release to production that is being watched; older and other ones lie about."""
    console.platform_file.write_text(
        console.platform_file.read_text()
        + '[repositories.other]\nremote = "https://git.example/other.git"\n[services.mail]\nrepository = "other"\n'
        + "[watch]\nseconds = 600\nevery = 30\nminimum_requests = 20\n"
    )
    with store.write() as session:
        issue = scenes.story(session, Status.TESTING, service="cart")
        change = session.exec(select(ChangeSet)).one()
        row = factories.deployment(session, change, status="failed", ready_at=READY - timedelta(hours=9))
        row = factories.deployment(
            session, change, status="watching", before={"cart": SICK["cart"].model_dump()}, after={},
            ready_at=READY, ended_at=None,
        )  # fmt: skip
        factories.deployment(session, change, environment="preview", ready_at=READY - timedelta(hours=9))
        scenes.story(session, Status.WATCHING, service="cart")
    return issue.id, change.id, row.id


def watched(console, deployed, seconds: float, source) -> tuple[dict, Entry, Deployment]:
    runtime.use(Runtime(console, health=source))
    entry = Entry()
    with freeze_time(READY + timedelta(seconds=seconds)):
        state = verify.watch(runtime.current(), deployed[0], 1, 1, entry, deployed[1])
    with store.read() as session:
        return state, entry, session.get_one(Deployment, deployed[2])


FINE, HARM, FEW = Metrics(cart=health()), Metrics(cart=health(200)), Metrics(cart=health(requests=19))


@pytest.mark.parametrize(
    ("seconds", "source", "state", "says"),
    [
        (0, FINE, "watching", "0 of 600 s watched: 1000 requests, 0.0% errors"),
        (599, FINE, "watching", "599 of 600 s watched"),
        (600, FINE, "healthy", "healthy for 600 s: 1000 requests, 0.0% errors"),
        (1, HARM, "failed", "the error rate rose from 10.0% to 20.0%; cart: the error it was made for"),
        (600, HARM, "failed", "the error rate rose"),
        (599, FEW, "watching", "599 of 600 s watched"),
        (600, FEW, "watching", "too few requests to judge (19)"),
        (1199, FEW, "watching", "too few requests to judge (19)"),
        (1200, FEW, "failed", "saw too little to call it healthy (19 requests)"),
        (600, Metrics(cart=health(requests=20)), "healthy", "20 requests"),
        (600, Metrics(cart=health(19, 19)), "watching", "too few requests to judge"),  # all fail: still too few
        (600, Metrics(cart=health(20, 20)), "failed", "the error rate rose"),
        (600, Metrics(cart=health(requests=10), search=health(requests=10)), "healthy", "20 requests"),
        (0, Metrics(), "watching", "0 requests, no errors"),
        (0, None, "watching", "no source of metrics is connected"),
        (600, None, "watching", "no source of metrics is connected"),
        (1200, None, "failed", "no source of metrics is connected"),
        (1200, Metrics(fault=VendorError("datadog", "is down")), "failed", "(0 requests); datadog: is down"),
        (600, Metrics(cart=health(p95=151, samples=1)), "failed", "the 95th percentile rose"),
        (599, Metrics(cart=health(p95=151, samples=1)), "watching", "599 of 600"),
    ],
)
def test_the_watch(console, deployed, seconds, source, state, says):
    found, entry, row = watched(console, deployed, seconds, source)
    assert found["state"] == state and says in entry.says
    assert entry.result == {"watching": "waiting", "healthy": "ok", "failed": "failed"}[state]
    assert (row.ended_at is not None) is (state == "healthy")
    if state == "watching":
        assert found == {"state": "watching", "seconds": 30}
    else:
        assert found["says"] == entry.says


def test_the_watch_asks_for_the_repositorys_services_since_the_deployment(console, deployed):
    source = Metrics(cart=health(3))
    _, entry, row = watched(console, deployed, 90.04, source)
    [(services, since, until)] = source.asked
    assert sorted(services) == ["account", "cart", "catalog", "checkout", "payment", "pricing", "search"]
    assert (since, until) == (READY, READY + timedelta(seconds=90.04))
    assert entry.detail == {"age_seconds": 90.0, "requests": 1000, "errors": 3}
    assert row.after == {"cart": health(3).model_dump()}


def test_a_short_watch_looks_again_at_its_end(console, deployed):
    text = console.platform_file.read_text().replace("seconds = 600", "seconds = 20", 1)
    console.platform_file.write_text(text)
    assert watched(console, deployed, 1, FINE)[0] == {"state": "watching", "seconds": 20}


# --- the way back ----------------------------------------------------------------------------------


class Host:
    name = "vercel"

    def __init__(self, live: str | None):
        self.live, self.asked = live, []

    def with_key(self, project, key):
        return []

    def production(self, project):
        return self.live and Deployed(self.live, "https://x", "READY")

    def rollback(self, project, to):
        self.asked.append((project, to))


def rolled_back(console, deployed, live: str | None, **values) -> tuple[dict, Host, Entry]:
    with store.write() as session:
        session.get_one(Deployment, deployed[2]).sqlmodel_update(values)
    host, entry = Host(live), Entry()
    runtime.use(Runtime(console, deployer=host))
    return verify.roll_back(runtime.current(), deployed[0], 1, 1, entry, deployed[1], "worse" * 500), host, entry


def test_production_returns_to_what_it_served(console, deployed):
    done, host, entry = rolled_back(console, deployed, "dpl_9d03")
    assert done == {"ok": True, "says": "rolled back to dpl_4f1c"} and entry.says == done["says"]
    assert host.asked == [("", "dpl_4f1c")]
    with store.read() as session:
        row, change = session.get_one(Deployment, deployed[2]), session.get_one(ChangeSet, deployed[1])
        issue, told = session.get_one(Issue, deployed[0]), session.exec(select(Notification)).all()
    assert (row.status, change.status, issue.status) == ("rolled_back", "rolled_back", Status.ROLLING_BACK)
    assert row.note == ("worse" * 500)[:2000] and row.ended_at is not None
    assert 0 <= row.rollback_seconds < 60
    assert {m.event for m in told if m.issue_id == deployed[0]} == {"rolled_back"}


@pytest.mark.parametrize(
    ("live", "says"),
    [
        ("dpl_4f1c", "production already serves dpl_4f1c"),
        ("dpl_new", "production was left alone: it serves the newer deployment dpl_new"),
    ],
)
def test_production_that_serves_something_else_is_left_alone(console, deployed, live, says):
    done, host, _ = rolled_back(console, deployed, live)
    assert done["says"] == says and host.asked == []


def test_a_project_without_production_is_rolled_back_all_the_same(console, deployed):
    assert rolled_back(console, deployed, None)[1].asked == [("", "dpl_4f1c")]


def test_without_an_earlier_deployment_there_is_no_way_back(console, deployed):
    with pytest.raises(VendorError, match="no earlier deployment to return to") as fault:
        rolled_back(console, deployed, "dpl_9d03", previous_vendor_id="")
    assert fault.value.permanent
    with store.read() as session:
        assert session.get_one(Deployment, deployed[2]).status == "watching"


def test_what_never_reached_production_needs_no_way_back(console, deployed):
    done, host, _ = rolled_back(console, deployed, "dpl_9d03", vendor_id="")
    assert done == {"ok": True, "says": "nothing had reached production"} and host.asked == []


def test_a_change_without_a_deployment_needs_no_way_back(console, deployed):
    with store.write() as session:
        change = session.get_one(ChangeSet, deployed[1]).model_dump(exclude={"id"})
        session.add(ChangeSet(**{**change, "attempt": 9}))
        session.flush()
        number = session.exec(select(ChangeSet.id).where(ChangeSet.attempt == 9)).one()
    done, host, _ = rolled_back(console, (deployed[0], number, deployed[2]), "dpl_9d03")
    assert done["says"] == "nothing had reached production" and host.asked == []
