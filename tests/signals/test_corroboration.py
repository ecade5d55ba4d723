"""Corroboration of a report as a table, and from the store, with untrusted times and names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.db import store
from core.models import Connector, Issue, Kind, Metric, Signal, now
from core.models.origin import Origin, Writers
from core.policy.reader import Policy
from core.policy.sections import CorroborationRules
from core.policy.services import Repository, Service
from core.signals.analysis.corroboration import Claim, FailureCount, Logged, Span, Witness, count_logs, judge, names_of
from core.stages import corroborate
from core.vendors.cloudwatch import CloudWatch
from core.vendors.datadog import Datadog
from core.vendors.datadog import parse as datadog_log
from core.vendors.github import GitHub
from core.vendors.http import Http
from core.vendors.logline import read_line
from core.vendors.newrelic import NewRelic
from core.vendors.sentry import Sentry

RULES = CorroborationRules()
AT = now().replace(hour=10, minute=9, second=0, microsecond=0)
SPAN = Span(AT - timedelta(minutes=7), AT)
CLAIM = Claim("checkout", SPAN, 5, 0.0, (Sentry.origin,))


def metrics(errors: float, requests: float = 512, before: float = 0, before_of: float = 4000) -> Witness:
    return Witness("Datadog", "metrics", FailureCount(errors, requests), FailureCount(before, before_of))


def logs(errors: float, before: float = 0) -> Witness:
    return Witness("CloudWatch", "logs", FailureCount(errors, 420), FailureCount(before, 3600))


@pytest.mark.parametrize(
    ("occurrences", "elsewhere", "witness", "corroborated"),
    [
        (5, 0, metrics(41), True),
        (5, 0, metrics(5), True),  # as many as reported
        (5, 0, metrics(4), False),
        (2, 0, metrics(2), True),  # fewer reported than the rule requires
        (2, 0, metrics(1), False),
        (500, 0, metrics(49), False),  # a tenth of the reported ones is required
        (500, 0, metrics(50), True),
        (5, 0, metrics(0), False),
        (5, 0, metrics(41, before=41 * 4000 / 512), False),  # the same rate as before
        (500, 0, metrics(81, before=41 * 4000 / 512), False),  # just below twice as many, for any report
        (5, 0, metrics(82, before=41 * 4000 / 512), True),
        (2, 0, metrics(3, before=1 * 4000 / 512), False),  # 1 expected: 3 may be chance
        (2, 0, metrics(4, before=1 * 4000 / 512), True),  # 3 more than expected: three deviations
        (5, 0, metrics(41, before_of=0), False),  # no earlier data to compare with
        (5, 0, metrics(0, requests=0, before_of=0), False),
        (5, 36, metrics(41), False),  # other issues explain all but 5, and 5 are within the deviations of 36
        (5, 18, metrics(41), True),
        (5, 0, logs(5), True),
        (5, 0, logs(4), False),
        (5, 99, logs(5), True),  # log records name their issue
        (5, 0, logs(5, before=30), False),  # 3.5 expected
    ],
)
def test_which_figures_corroborate_a_report(occurrences, elsewhere, witness, corroborated):
    claim = replace(CLAIM, occurrences=occurrences, elsewhere=elsewhere)
    found = judge(claim, [witness], RULES)
    assert found.corroborated is corroborated, found.message
    assert found.source == (f"{witness.title} {witness.kind}" if corroborated else "")


def test_one_source_is_enough():
    assert judge(CLAIM, [metrics(0), logs(0), logs(7)], RULES).source == "CloudWatch logs"


def test_the_sentence_contains_the_figures():
    found = judge(CLAIM, [metrics(41, before=4)], RULES)
    assert found.message == (
        "Datadog metrics: 41 of 512 requests of checkout failed between 10:02 and 10:09 UTC; "
        "0.5 expected at the earlier rate"
    )
    assert judge(CLAIM, [logs(7)], RULES).message == (
        "CloudWatch logs: 7 errors of checkout between 10:02 and 10:09 UTC; none before"
    )


def test_the_sentence_explains_a_refusal():
    broken = [Witness("New Relic", kind, trouble="it did not respond in time") for kind in ("metrics", "logs")]
    claim = replace(CLAIM, reporters=(Sentry.origin, GitHub.origin, Datadog.origin))
    assert judge(claim, [metrics(1, before=8), *broken, logs(0)], RULES).message == (
        "No metric or log of checkout shows these failures between 10:02 and 10:09 UTC; the only report is from "
        "Sentry, which anyone who knows the DSN can write to, and from GitHub, where anyone can open an issue. "
        "Datadog metrics: 1 of 512 requests failed, 1.0 expected; nothing recorded by CloudWatch; New Relic is "
        "unavailable: it did not respond in time"
    )
    assert "No connected source that only the team can write to" in judge(CLAIM, [], RULES).message
    assert "too late" in judge(replace(CLAIM, span=None), [metrics(500)], RULES).message


def test_a_span_over_midnight_names_its_days():
    assert "2026-03-01 23:50 and 2026-03-02" in str(
        Span(AT.replace(year=2026, month=3, day=1, hour=23, minute=50), AT.replace(year=2026, month=3, day=2))
    )


def test_which_records_belong_to_the_report():
    mine = Logged(Kind.EXCEPTION, "a", True, 3)
    line, old_line = Logged(Kind.LOG, "b", False, 2), Logged(Kind.LOG, "c", False, 7)
    other = Logged(Kind.EXCEPTION, "d", False, 40)
    assert count_logs([mine, line, other], [other, old_line, replace(mine, mine=False)]) == (5, 10)
    assert count_logs([other], []) == (0, 0)


def test_who_can_write_what_a_source_returns():
    public = {Sentry: True, GitHub: True, Datadog: False, NewRelic: False, CloudWatch: False}
    assert {kind: kind.origin.writers is Writers.ANYONE for kind in public} == public
    assert all(bool(kind.origin.how) is open_ for kind, open_ in public.items())


def test_an_environment_has_several_names():
    assert names_of("Prod") == names_of("production") != names_of("staging")
    assert names_of("Blue") == {"blue"}


# --- from the store --------------------------------------------------------------------------------


class Team:
    def __init__(self, name: str = "datadog"):
        self.name, self.origin = name, Origin(name.title(), Writers.TEAM)


class Public(Team):
    def __init__(self):
        self.name, self.origin = "sentry", Sentry.origin


@pytest.fixture
def rt(platform):
    platform.sources = [Public(), Team()]
    return platform


def stored_report(source: str = "sentry", service: str = "cart", times: int = 5, ago: float = 30, **values) -> int:
    """An issue that a source reported; ``ago`` in seconds."""
    at = now() - timedelta(seconds=ago)
    with store.write() as session:
        issue = Issue(
            fingerprint="f", title="KeyError: 'x'", service=service, occurrences=times, counted_by=source,
            first_seen=at, last_seen=at, environment=values.get("environment", "production"),
        )  # fmt: skip
        session.add(issue)
        session.flush()
        number = issue.id
    signals(source, service, times, ago, issue_id=number, **values)
    return number


def signals(source: str, service: str = "cart", times: int = 5, ago: float = 30, **values) -> None:
    at = now() - timedelta(seconds=ago)
    given = {"kind": Kind.EXCEPTION, "title": "KeyError: 'x'", "fingerprint": "f", "at": at, "received_at": now()}
    with store.write() as session:
        name = f"{source}-{now().timestamp()}"
        session.add(
            Signal(**{"source": source, "vendor_id": name, "service": service, "count": times, **given, **values})
        )


def measured(
    errors: float, service: str = "cart", ago: float = 30, requests: float = 500, source: str = "datadog"
) -> None:
    at = now() - timedelta(seconds=ago)
    with store.write() as session:
        for name, value in (("requests", requests), ("errors", errors)):
            session.add(Metric(source=source, service=service, name=name, at=at, value=value))


def judged(rt, number: int):
    with store.read() as session:
        return corroborate.judged(rt, session, session.get_one(Issue, number))


def calm(service: str = "cart") -> None:
    measured(0, service, ago=900)


def line(**values) -> dict:
    return {"kind": Kind.LOG, "fingerprint": "line", **values}


@pytest.mark.parametrize(
    ("happened", "corroborated"),
    [
        (lambda: measured(20), True),
        (lambda: measured(20, "search"), False),  # another service's
        (lambda: measured(20, ago=900), False),  # over before the report
        (lambda: measured(20, source="newrelic"), False),  # not connected
        (lambda: signals("datadog", **line()), True),
        (lambda: signals("datadog", **line(level="ERROR")), True),
        (lambda: signals("datadog", **line(level="info", title="Error: x", message="ERROR error Traceback")), False),
        (lambda: signals("datadog", **line(level="warning")), False),
        (lambda: signals("datadog", **line(level="unknown")), False),  # states no level
        (lambda: signals("datadog", **line(environment="staging")), False),
        (lambda: signals("datadog", **line(environment="prod")), True),
        (lambda: signals("datadog", **line(attributes={"public": True})), False),  # a browser's
        (lambda: signals("datadog", **line(attributes={"public": False})), True),
        (lambda: signals("datadog", **line(set_aside="a user's own error (HTTP 404)")), False),
        (lambda: signals("datadog", **line(), service="search"), False),
        (lambda: signals("datadog", **line(), ago=900), False),
        (lambda: signals("github", **line()), False),
        (lambda: signals("platform", **line()), False),
        (lambda: signals("datadog", fingerprint="another"), False),  # another exception
        (lambda: (signals("datadog", **line()), signals("datadog", times=60, ago=900, **line())), False),
        (lambda: signals("datadog", kind=Kind.ALERT), False),
    ],
)
def test_which_stored_data_corroborates(rt, happened, corroborated):
    calm()
    number = stored_report()
    happened()
    assert judged(rt, number).corroborated is corroborated, judged(rt, number).message


def test_a_record_of_the_issue_itself_corroborates_under_any_spelling_of_its_service(rt):
    number = stored_report()
    signals("datadog", "shop-cart", issue_id=number)
    assert judged(rt, number).source == "Datadog logs"


def test_only_production_metrics_count(rt):
    calm()
    number = stored_report(environment="staging")
    measured(20)
    found = judged(rt, number)
    assert not found.corroborated and "metrics:" not in found.message


def test_crashes_of_other_issues_are_not_counted_twice(rt):
    """Sentry knows the crash that takes the service down; the metrics do not corroborate a forged crash next to it."""
    calm()
    stored_report(times=60)
    number = stored_report(times=3)
    measured(62)
    assert "60 explained by other issues" in judged(rt, number).message
    assert not judged(rt, number).corroborated


def test_the_times_of_a_report_are_compared_with_its_arrival(rt):
    """An outage five hours ago does not corroborate an event that claims its time."""
    calm()
    measured(300, ago=5 * 3600)
    number = stored_report(ago=5 * 3600)
    assert "too late" in judged(rt, number).message


def test_an_old_event_does_not_stretch_the_span(rt):
    """One event hours ago and one now: failures in between do not count."""
    measured(0, ago=6 * 3600)
    number = stored_report(times=1, ago=5 * 3600, received_at=now() - timedelta(hours=5))
    measured(300, ago=2 * 3600)
    signals("sentry", times=1, ago=20, issue_id=number)
    with store.write() as session:
        issue = session.get_one(Issue, number)
        issue.last_seen, issue.occurrences = now() - timedelta(seconds=20), 2
    calm()
    assert not judged(rt, number).corroborated


def test_a_long_fault_is_compared_with_the_time_before_it(rt):
    """It has failed since the morning without a pause: the background is the time before the morning."""
    measured(0, ago=3 * 3600 + 900, requests=4000)
    number = stored_report(times=1, ago=3 * 3600, received_at=now() - timedelta(hours=3))
    for minutes in range(170, 0, -10):
        signals("sentry", times=5, ago=minutes * 60, issue_id=number, received_at=now() - timedelta(minutes=minutes))
        measured(5, ago=minutes * 60)
    with store.write() as session:
        issue = session.get_one(Issue, number)
        issue.last_seen, issue.occurrences = now() - timedelta(minutes=10), 86
    found = judged(rt, number)
    assert found.source == "Datadog metrics", found.message


def test_the_policy_can_declare_a_source_public(rt):
    calm()
    number = stored_report()
    measured(20)
    assert judged(rt, number).corroborated
    rt._policy.corroboration.public_sources.append("datadog")
    assert "No connected source that only the team can write to" in judged(rt, number).message


def test_an_unavailable_source_is_named(rt):
    calm()
    number = stored_report()
    with store.write() as session:
        session.add(Connector(name="datadog", error="had an internal error (500)"))
    assert "Datadog is unavailable: had an internal error (500)" in judged(rt, number).message


# --- the policy ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("required", "own", "asks"),
    [(True, None, True), (True, False, False), (False, None, False), (False, True, True)],
)
def test_a_service_can_have_its_own_rules(required, own, asks):
    policy = Policy(
        repositories={"shop": Repository(remote="/srv/shop.git")},
        services={"cart": Service(repository="shop", corroboration=own)},
        corroboration={"required": required},
    )
    assert policy.asks_corroboration("cart") is asks
    assert policy.asks_corroboration("unknown") is required


# --- vendor responses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("2026-03-01 10:02:11,120 ERROR shop.cart: cannot price", "error"),
        ("[ERROR]\t2026-03-01T10:02:11.120Z\t8f1e\tcannot price", "error"),
        ("ERROR:shop.cart:cannot price", "error"),
        ("web[12]: level=ERROR cannot price", "error"),
        ("2026-03-01 10:02:11 INFO GET /cart?x=ERROR 200", "info"),
        ('10.0.0.1 - - [01/Mar/2026:10:02:11 +0000] "GET /ERROR HTTP/1.1" 200 12', ""),
        ('10.0.0.1 - ERROR [01/Mar/2026:10:02:11 +0000] "GET / HTTP/1.1" 200 12', ""),  # a name without a password
        ("GET /ERROR 200", ""),
        ('request "ERROR" was fine', ""),
        ("GET /cart?q=ERROR 200", ""),
    ],
)
def test_a_level_is_read_from_the_header_of_a_line(text, level):
    assert read_line(text).level == level


def test_a_traceback_starts_at_the_beginning_of_a_line():
    assert read_line("Traceback (most recent call last):\n  File ...\nKeyError: 'x'").stack
    assert not read_line('GET "/Traceback (most recent call last):" 200').stack


def test_a_browsers_log_is_public():
    row = {"id": "1", "attributes": {"timestamp": now().isoformat(), "message": "x", "tags": ["source:browser"]}}
    http = Http("datadog", "https://api.datadoghq.com", {}, [])
    assert datadog_log(row, http).attributes["public"] is True
    row["attributes"]["tags"] = ["source:browser", "source:python"]  # the second is set by the sender
    assert datadog_log(row, http).attributes["public"] is True
    row["attributes"]["tags"] = ["source:python"]
    assert datadog_log(row, http).attributes["public"] is False


def test_datadog_metrics_exclude_other_environments():
    asked = Datadog(Http("datadog", "https://api.datadoghq.com", {}, []), scope="!env:staging,!env:dev")._queries()
    assert all("{!env:staging,!env:dev} by {service}" in query for query in asked.values())
