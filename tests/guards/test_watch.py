"""The watch of a release: when it confirms, rolls back, asks a person or ends as superseded; and the rollback."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select, update

from core.db import store
from core.models import Cause, ChangeSet, Issue, Status
from core.ops.stage_log import Entry
from core.stages.deliver import live
from core.stages.results import Rollback, WatchResult
from core.stages.watch import watch
from core.vendors.base import Deployed, VendorError
from tests import factories
from tests.guards.watching import (
    BEFORE,
    LIVE,
    READY,
    STEP,
    Host,
    Metrics,
    another,
    every,
    read_until,
    real_clock,
    release,
)

ELSEWHERE = {"crash": None, "fingerprint": "new-fault", "release": None}  # not in a file that the release changed


# --- cured ------------------------------------------------------------------------------------------


def test_a_fix_under_traffic_is_confirmed_early(console):
    watched = release(console)
    found, entry = watched.look(120)
    assert found.state == "healthy" and entry.result == "ok" and entry.message == found.message
    assert entry.detail == {"age_seconds": 120.0, "state": "verified"}
    assert watched.row.status == "watching", "the last stage records that it is verified"
    assert watched.row.note == found.message
    assert found.message.startswith(
        "verified after 120 s: the issue's own error (own-fault): 0 errors since the release"
    )
    assert watched.row.ended_at == READY + timedelta(seconds=120)
    assert watched.row.judged["state"] == "verified"
    assert watched.row.after["cart"]["requests"] == 1200


@pytest.mark.parametrize(("second", "state"), [(99, "watching"), (100, "healthy")])
def test_nothing_is_confirmed_before_the_earliest_moment(console, second, state):
    assert release(console, "earliest = 100\n").look(second)[0].state == state


def test_a_clock_that_jumps_ahead_confirms_nothing_early(console, monkeypatch):
    """The database's clock is set 600 s ahead between the first two looks."""
    watched = release(console)
    real_clock(monkeypatch, 20, 30, 59, 70)
    assert [watched.look(second)[0].state for second in (20, 630, 659)] == ["watching"] * 3
    found, _ = watched.look(670)
    assert found.state == "healthy"


def test_a_clock_that_is_set_back_is_no_longer_ahead(console, monkeypatch):
    watched = release(console)
    real_clock(monkeypatch, 20, 30, 120)
    assert [watched.look(second)[0].state for second in (20, 630, 120)] == ["watching", "watching", "healthy"]


def test_a_persisting_fault_is_rolled_back_by_its_own_fingerprint(console):
    watched = release(console)
    watched.errors(every(5, 1, 120), release="9d03e7c")
    found, entry = watched.look(120)
    assert found.state == "failed" and entry.result == "failed"
    assert "the issue's own error (own-fault): " in found.message and "errors since the release" in found.message
    assert "goes on" not in found.message


def test_the_copy_of_the_bug_that_another_repository_runs_does_not_fail_the_release(console):
    watched = release(console)
    watched.errors(every(5, -600, 120), service="mail", fingerprint="own-fault in mail", release=None)
    assert watched.look(120)[0].state == "healthy"


def test_errors_of_the_replaced_release_do_not_count_against_the_new_one(console):
    watched = release(console)
    watched.errors(every(5, 1, 60), release="4f1c2ab")
    assert watched.look(150)[0].state == "healthy"


def test_two_sources_that_report_one_fault_are_counted_once(console):
    watched = release(console)
    watched.errors(
        every(5, -600, 0), source="newrelic", fingerprint="own-fault-as-newrelic-names-it", release="4f1c2ab"
    )
    watched.look(120)
    [count] = watched.row.judged["counts"]
    assert count["before"] == 120


# --- not exercised ----------------------------------------------------------------------------------


RARE = [-3000.0, -1500.0]


@pytest.mark.parametrize(
    ("second", "asked"),
    [(120, 0), (600, 0), (1199, 0), (1200, 2), (5000, 2)],  # twice the watch time is the bound
)
def test_an_unexercised_release_is_never_a_success(console, second, asked):
    watched = release(console, reports=RARE)
    found, entry = watched.look(second)
    assert found == WatchResult("watching", 30, asks=bool(asked)) and entry.result == "waiting"
    assert watched.row.ended_at is None and len(watched.notified("watch_unsure")) == asked
    assert all("not exercised" in message.body for message in watched.notified("watch_unsure"))


def test_too_little_traffic_is_reported(console):
    watched = release(console, "minimum_requests = 100000\n")
    assert "not enough traffic: " in watched.look(50)[1].message


# --- missing data -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("health", "says"),
    [
        (Metrics(silent=True), "no metrics of the released services"),
        (Metrics(fault="is down"), "datadog: is down"),
        (None, "no source of metrics is connected"),
    ],
)
def test_without_metrics_nothing_is_confirmed_and_a_person_is_asked(console, health, says):
    watched = release(console)
    watched.health = health
    assert watched.look(120)[0].state == "watching"
    found, entry = watched.look(1300)
    assert found.state == "watching" and says in entry.message
    assert [says in message.body for message in watched.notified("watch_unsure")] == [True, True]


def test_unread_reports_are_not_a_sign_of_a_fix(console):
    watched = release(console)
    with store.write() as session:
        session.get_one(type(watched.issue), watched.issue_id).counted_by = "sentry"
    read_until("sentry", 5)
    assert watched.look(300)[0].state == "watching"
    read_until("sentry", 299)
    assert watched.look(300)[0].state == "healthy"


def test_nothing_is_confirmed_while_the_served_deployment_is_unknown(console):
    watched = release(console)
    watched.host = Host(fault="is down")
    found, entry = watched.look(300)
    assert found.state == "watching" and "vercel: is down" in entry.message
    assert watched.look(700)[0].state == "watching" and "vercel: is down" in watched.notified("watch_unsure")[0].body
    watched.host = Host(live=None)
    assert watched.look(700)[0].state == "watching"
    watched.host = Host()
    assert watched.look(730)[0].state == "healthy"


def test_harm_is_found_while_the_deployer_does_not_respond(console):
    watched = release(console)
    watched.host = Host(fault="is down")
    watched.errors(every(5, 1, 120), release="9d03e7c")
    assert watched.look(120)[0].state == "failed"


# --- harm --------------------------------------------------------------------------------------------


def test_a_new_fault_in_a_changed_file_is_harm_and_is_named_with_its_count(console):
    watched = release(console)
    watched.errors(every(5, 1, 120), another(), fingerprint="new-fault", release="9d03e7c")
    found, _ = watched.look(120)
    assert found.state == "failed" and "new-fault in cart: " in found.message and "new" in found.message


def test_a_new_fault_out_of_the_releases_reach_is_not_harm(console):
    watched = release(console)
    watched.errors(every(5, 1, 120), another("mail"), service="mail", **ELSEWHERE)
    assert watched.look(120)[0].state == "healthy"


def test_earlier_errors_of_another_fault_cause_no_rollback(console):
    watched = release(console)
    watched.health = Metrics(lambda service, at: 6.0 if service == "cart" else 0.0)
    watched.errors(every(5, -900, 300), another(), **ELSEWHERE)
    for second in (30, 60, 90, 120, 300):
        assert watched.look(second)[0].state != "failed", second


def test_earlier_errors_of_another_fault_in_the_changed_file_cause_no_rollback(console):
    watched = release(console)
    watched.errors(every(5, -300, 300), another(), fingerprint="other-fault", release=None)
    for second in (30, 60, 90, 120, 300):
        assert watched.look(second)[0].state != "failed", second


def test_errors_that_began_with_the_release_are_harm_even_without_a_report(console):
    watched = release(console)
    watched.health = Metrics(lambda service, at: 60.0 if service == "cart" and at >= 0 else 0.0)
    found, entry = watched.look(90)
    assert found.state == "watching" and "cart: 20.0% of" in entry.message  # its reports may still arrive
    found, _ = watched.look(120)
    assert found.state == "failed" and "cart: 20.0% of" in found.message


def test_errors_at_a_single_look_are_not_harm(console):
    watched = release(console)
    watched.health = Metrics(lambda service, at: 60.0 if service == "cart" and 0 <= at < 90 else 0.0)
    watched.look(90)
    watched.errors(every(0.5, 0, 90), another(), **ELSEWHERE, source="newrelic", attributes={})
    with store.write() as session:
        session.exec(update(Issue).where(Issue.fingerprint == "other-fault").values(cause=Cause.UPSTREAM))
    assert watched.look(150)[0].state != "failed"


# --- unrelated to the release -------------------------------------------------------------------------


def failing(watched, begin: float, cause: Cause | None, **values) -> None:
    """A fifth of the requests to the cart fails from ``begin`` on, with a reported issue of this cause."""
    watched.health = Metrics(lambda service, at: 60.0 if service == "cart" and at >= begin else 0.0)
    watched.errors(every(0.5, begin, 400), number := another(), **{**ELSEWHERE, **values})
    with store.write() as session:
        session.get_one(Issue, number).cause = cause


@pytest.mark.parametrize(
    ("cause", "rolled_back"),
    [
        (Cause.UPSTREAM, False),
        (Cause.CREDENTIAL, False),
        (Cause.ENVIRONMENT, False),
        (Cause.CODE, True),
        (Cause.DATA, True),
        (Cause.UNKNOWN, True),
    ],
)
def test_a_fault_during_the_watch_counts_unless_its_cause_is_external(console, cause, rolled_back):
    watched = release(console)
    failing(watched, 10, cause)
    found = [watched.look(second)[0].state for second in (60, 90, 120, 150)]
    assert ("failed" in found) is rolled_back, found


def test_a_fault_with_an_external_cause_is_harm_in_a_changed_file(console):
    watched = release(console)
    failing(watched, 10, Cause.UPSTREAM, fingerprint="new-fault", crash=factories.crash(), release="9d03e7c")
    assert watched.look(120)[0].state == "failed"


def test_a_new_fault_counts_once_it_is_analysed_or_has_waited_for_it(console):
    watched = release(console)
    failing(watched, 31, None)
    assert watched.look(90)[0].state == "watching"
    assert watched.look(120)[0].state == "failed"  # not analysed within a minute


def test_ungrouped_errors_do_not_count_against_a_release(console):
    watched = release(console)
    watched.health = Metrics(lambda service, at: 60.0 if service == "cart" and at >= 30 else 0.0)
    watched.errors(every(0.5, 30, 90), 0, set_aside=None, **ELSEWHERE)
    assert [watched.look(second)[0].state for second in (60, 90)] == ["watching", "watching"]
    assert watched.row.judged["rates"] == []


@pytest.mark.parametrize(
    ("served", "begin", "state"),
    [(None, 0, "failed"), (900, 0, "failed"), (120, 0, "failed"), (120, -120, "watching"), (30, -30, "watching"),
     (30, 0, "watching")],
)  # fmt: skip
def test_faults_of_the_replaced_deployment_do_not_count_against_a_release(console, served, begin, state):
    """It had served for this many seconds, and a fifth of the requests fails from ``begin`` on."""
    watched = release(console)
    watched.health = Metrics(lambda service, at: 60.0 if service == "cart" and at >= begin else 0.0)
    if served:
        watched.set(judged={"replaced_since": (READY - timedelta(seconds=served)).isoformat()})
    watched.look(90)
    assert watched.look(120)[0].state == state


def test_an_ungrouped_error_is_left_for_the_next_look(console):
    watched = release(console)
    watched.errors(every(5, 1, 120), 0, set_aside=None, fingerprint="", release="9d03e7c")
    assert watched.look(120)[0].state == "healthy"


# --- success checks ----------------------------------------------------------------------------------


CHECK = '[services.cart.checks.basket]\nurl = "https://shop.example/cart"\ncontains = "Total"\n'


def test_a_check_that_passed_before_and_fails_at_two_looks_is_harm(console):
    watched = release(console, CHECK)
    watched.set(judged={"before": {"cart: basket": ""}})
    asked = []
    watched.probe = lambda url, **expected: asked.append((url, expected)) or "it returned 500"
    found, entry = watched.look(120)
    assert found.state == "watching" and "cart: basket: it returned 500" in entry.message
    found, _ = watched.look(150)
    assert found.state == "failed" and found.message == "cart: basket: it returned 500"
    assert asked == [("https://shop.example/cart", {"status": 200, "contains": "Total"})] * 2


def test_a_check_that_failed_once_and_passes_again_is_not_harm(console):
    watched = release(console, CHECK)
    watched.set(judged={"before": {"cart: basket": ""}, "checks": {"cart: basket": "it returned 500"}})
    assert watched.look(120)[0].state == "healthy"


def test_a_check_that_failed_before_the_release_does_not_count_against_it(console):
    watched = release(console, CHECK)
    watched.set(judged={"before": {"cart: basket": "it returned 500"}})
    watched.probe = lambda url, **_: "it returned 500"
    watched.look(90)
    assert watched.look(120)[0].state == "healthy"


def test_there_is_no_success_while_a_check_without_a_history_fails(console):
    watched = release(console, CHECK)
    watched.probe = lambda url, **_: "it returned 500"
    watched.look(90)
    assert watched.look(120)[0].state == "watching" and not watched.notified("watch_unsure")
    assert watched.look(600)[0].state == "watching"
    assert "cart: basket: it returned 500" in watched.notified("watch_unsure")[0].body


@pytest.mark.parametrize(("at_most", "state"), [(60, "healthy"), (40, "watching")])
def test_a_metric_with_a_limit_is_a_check(console, at_most, state):
    watched = release(console, f'[services.cart.checks.quick]\nmetric = "p95_ms"\nat_most = {at_most}\n')
    watched.set(judged={"before": {"cart: quick": ""}})
    assert watched.look(120)[0].state == state
    assert watched.look(150)[0].state == {"healthy": "healthy", "watching": "failed"}[state]


# --- superseded --------------------------------------------------------------------------------------


def test_another_deployment_in_production_ends_the_watch_without_a_rollback(console):
    watched = release(console)
    watched.host = Host("dpl_team", sha="0123456789abcdef")
    watched.errors(every(5, 1, 120))  # not from this deployment
    found, entry = watched.look(120)
    assert (found.state, found.ok, found.event) == ("superseded", False, "superseded")
    assert "production serves dpl_team (0123456789)" in found.message and "it is unknown whether" in found.message
    assert watched.row.status == "superseded" and watched.row.ended_at is not None
    assert watched.host.asked == [] and entry.result == "failed"


@pytest.mark.parametrize(
    ("contained", "bad", "ok", "again"),
    [
        (True, False, True, False),
        (True, True, False, False),
        (False, False, False, True),
        (False, True, False, False),
        (None, False, False, False),
        (None, True, False, False),
    ],
)
def test_a_superseded_fix_counts_when_production_contains_it(console, monkeypatch, contained, bad, ok, again):
    """A missing fix is released again, unless the last look found it harmful."""
    watched = release(console)
    watched.host = Host("dpl_team")
    monkeypatch.setattr(live, "contains", lambda *_given: contained)
    if bad:
        watched.errors(every(5, 1, 120), release="9d03e7c")
    found, entry = watched.look(120)
    says = found.message
    assert found == WatchResult("superseded", message=says, ok=ok, again=again, event="superseded")
    assert ("; the last look found: " in says) is bad
    assert (entry.result, entry.message) == ("ok" if ok else "failed", says)
    assert (watched.row.status, watched.row.note) == ("superseded", says)
    assert watched.row.ended_at == READY + timedelta(seconds=120)


def test_the_age_of_a_watch_is_rounded_to_tenths(console):
    _, entry = release(console).look(30.16)
    assert entry.detail == {"age_seconds": 30.2, "state": "watching"} and entry.message.startswith("30 s watched: ")


@pytest.mark.parametrize("live", ["dpl_team", BEFORE])
def test_a_release_that_production_does_not_serve_is_never_confirmed(console, live):
    watched = release(console)
    watched.host = Host(live)
    watched.set(kept_by="approver")
    assert watched.look(300)[0].state == "superseded" and not watched.notified("watch_unsure")


# --- a person is asked -------------------------------------------------------------------------------


def test_a_person_is_asked_once_a_day_while_the_watch_goes_on(console):
    watched = release(console, reports=RARE)
    for second in (1200, 1230, 1260, 1290):
        assert watched.look(second)[0].state == "watching"
    assert [(m.channel, m.repeats) for m in watched.notified("watch_unsure")] == [("slack", 0), ("email", 0)]
    watched.look(1830)
    assert len(watched.notified("watch_unsure")) == 4
    assert watched.notified("watch_unsure")[0].body.startswith("Keep the deployment of cart, or roll it back: ")


def test_a_kept_release_is_confirmed_at_the_next_look(console):
    watched = release(console, reports=RARE)
    watched.set(kept_by="approver")
    found, _ = watched.look(90)
    assert found.state == "healthy" and found.message.startswith("kept by approver after 90 s: ")


@pytest.mark.parametrize("host", [Host(fault="is down"), Host(live=None)], ids=["fault", "nothing live"])
def test_a_kept_release_is_not_confirmed_while_the_served_deployment_is_unknown(console, host):
    watched = release(console)
    watched.set(kept_by="approver")
    watched.host = host
    assert watched.look(120)[0].state == "watching" and watched.row.ended_at is None
    watched.host = Host()
    assert watched.look(150)[0].message.startswith("kept by approver after 150 s: ")


def test_a_kept_release_is_rolled_back_for_harm(console):
    watched = release(console)
    watched.set(kept_by="approver")
    watched.errors(every(5, 1, 120), another(), fingerprint="new-fault", release="9d03e7c")
    assert watched.look(120)[0].state == "failed"


def test_keeping_a_release_answers_whether_it_fixes_the_issue(console):
    watched = release(console)
    watched.set(kept_by="approver")
    watched.errors(every(5, 1, 120), release="9d03e7c")
    assert watched.look(120)[0].state == "healthy"


def test_a_short_watch_looks_again_at_its_end(console):
    watched = release(console)
    console.platform_file.write_text(console.platform_file.read_text().replace("seconds = 600", "seconds = 20"))
    assert watched.look(1)[0] == WatchResult("watching", 20)


def test_the_points_of_every_service_are_read_and_later_ones_replace_earlier_ones(console):
    watched = release(console)
    watched.look(90)
    watched.look(120)
    (services, since, until), (_, again, _) = watched.health.asked
    assert "mail" in services and "cart" in services, "services of other repositories are the control"
    assert (since, until) == (READY - timedelta(hours=1), READY + timedelta(seconds=90))
    assert again == READY + timedelta(seconds=90 - STEP) - timedelta(minutes=2)


# --- rollback ----------------------------------------------------------------------------------------


def rolled_back(watched, host: Host, **values):
    watched.set(**values)
    watched.host, entry = host, Entry()
    return watch.roll_back(watched.context(entry), watched.change_id, "worse" * 500), entry


def test_production_returns_to_the_previous_deployment(console):
    watched = release(console)
    done, entry = rolled_back(watched, host := Host(), alarm="the vendor did not answer")
    assert done == Rollback(True, f"rolled back to {BEFORE}", event="rolled_back")
    assert entry.message == done.message and host.asked == [("shop", BEFORE)] and host.live == BEFORE
    row = watched.row
    assert (row.status, row.note) == ("rolled_back", ("worse" * 500)[:2000])
    assert row.ended_at is not None and 0 <= row.rollback_seconds < 60
    assert watched.issue.status is Status.ROLLING_BACK and row.alarm == ""
    with store.read() as session:
        assert session.get_one(ChangeSet, watched.change_id).status == "rolled_back"
    assert {m.channel for m in watched.notified("rolled_back")} == {"slack", "email"}


@pytest.mark.parametrize(
    ("live", "status", "says"),
    [
        (BEFORE, "rolled_back", f"production already serves {BEFORE}"),
        ("dpl_new", "superseded", "production was left unchanged: it serves the newer deployment dpl_new"),
    ],
)
def test_the_row_records_the_state_at_the_vendor(console, live, status, says):
    watched = release(console)
    done, _ = rolled_back(watched, host := Host(live))
    assert (done.message, done.event, watched.row.status) == (says, status, status)
    assert host.asked == [] and bool(watched.notified("rolled_back")) is (status == "rolled_back")


def test_a_rollback_without_an_effect_is_not_recorded(console):
    watched = release(console)
    with pytest.raises(VendorError, match=f"production serves {LIVE} after the rollback to {BEFORE}") as fault:
        rolled_back(watched, Host(stuck=True))
    assert not fault.value.permanent
    assert (watched.row.status, watched.row.rollback_seconds) == ("watching", None)
    assert not watched.notified("rolled_back")


def test_a_project_without_production_is_rolled_back(console):
    watched = release(console)
    rolled_back(watched, host := Host(None))
    assert host.asked == [("shop", BEFORE)]


def test_without_an_earlier_deployment_there_is_no_rollback(console):
    watched = release(console)
    with pytest.raises(VendorError, match="no earlier deployment to roll back to") as fault:
        rolled_back(watched, Host(), previous_vendor_id="")
    assert fault.value.permanent and watched.row.status == "watching"


def test_a_deployment_that_never_reached_production_needs_no_rollback(console):
    watched = release(console)
    done, _ = rolled_back(watched, host := Host(), vendor_id="")
    assert done.message == "nothing had reached production" and host.asked == []


def test_a_deployment_with_a_lost_response_is_rolled_back(console):
    watched = release(console)
    host = Host()
    host.with_key = lambda project, key: [Deployed(LIVE, "https://shop.example", "READY", "")]
    done, _ = rolled_back(watched, host, vendor_id="")
    assert done == Rollback(True, f"rolled back to {BEFORE}", event="rolled_back") and host.live == BEFORE


def test_a_deployment_that_may_still_be_promoted_is_guarded(console):
    watched = release(console)
    host = Host(BEFORE)
    host.with_key = lambda project, key: [Deployed(LIVE, "https://shop.example", "READY", "")]
    done, _ = rolled_back(watched, host)
    assert done.late is True and done.event == "rolled_back"


def test_a_change_without_a_deployment_needs_no_rollback(console):
    watched = release(console)
    with store.write() as session:
        change = session.get_one(ChangeSet, watched.change_id).model_dump(exclude={"id"})
        session.add(ChangeSet(**{**change, "attempt": 9}))
        session.flush()
        watched.change_id = session.exec(select(ChangeSet.id).where(ChangeSet.attempt == 9)).one()
    watched.host = host = Host()
    done = watch.roll_back(watched.context(Entry()), watched.change_id, "worse")
    assert done.message == "nothing had reached production" and host.asked == []
