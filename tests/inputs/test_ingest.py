"""Events, log lines and Alertmanager over the real routes, up to the issue."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from core.db import store
from core.models import Issue, Status, now

TRACEBACK = """\
2026-01-05 08:00:00,123 ERROR shop.cart No price
Traceback (most recent call last):
  File "/app/shop/web.py", line 88, in post_cart
    return total(cart, prices)
  File "/app/shop/cart.py", line 44, in total
    price = prices[line.article]
KeyError: 'GONE'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/shop/web.py", line 90, in post_cart
    return fallback(cart)
ValueError: no cart
2026-01-05 08:00:01,123 INFO shop.cart Next
"""


def test_an_event_becomes_an_issue(world):
    stack = TRACEBACK.split("\n", 1)[1].rsplit("\n", 2)[0]
    event = {"type": "ValueError", "message": "no cart", "stacktrace": stack, "release": "4f1c2ab", "id": "e-1"}
    token = world.token()
    for _ in range(2):
        answer = world.post("/ingest/events", token, json=event)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    world.cycle()
    (signal,) = world.signals()
    assert (signal.service, signal.release, signal.kind, signal.vendor_id) == (
        "cart",
        "4f1c2ab",
        "exception",
        "cart:e-1",
    )
    (issue,) = world.issues()
    assert "caused by KeyError" in issue.because


def test_events_that_repeat_neither_id_nor_time_are_events_of_their_own(world):
    token, at = world.token(), {"time": "2026-01-05T08:00:00Z"}
    for event in ({}, {}, {}, at, at, {"id": "e-1"}, {"id": "e-1"}):
        world.post("/ingest/events", token, json={"type": "ValueError", "message": "no cart", **event})
    world.cycle()
    assert len(world.signals()) == 5


def test_a_retry_of_an_event_from_a_fast_clock_is_the_same_event(world):
    token = world.token()
    ahead = {"type": "ValueError", "message": "no cart", "time": (now() + timedelta(hours=1)).isoformat()}
    for _ in range(2):
        world.post("/ingest/events", token, json=ahead)
    world.cycle()
    (signal,) = world.signals()
    assert signal.at < now() + timedelta(minutes=11)


def test_lines_become_one_issue_whatever_requests_they_come_in(world):
    token = world.token()
    text = TRACEBACK.splitlines(keepends=True)
    for part in (text[:4], text[4:9], text[9:]):
        assert world.post("/ingest/lines?stream=web-1", token, content="".join(part)).status_code == 202
        world.cycle()
    (signal,) = world.signals()
    assert signal.kind == "exception" and "ValueError" in signal.message
    (issue,) = world.issues()
    assert "caused by KeyError" in issue.because


def alert(status="firing", service="cart", **more):
    return {
        "version": "4", "groupKey": '{}:{alertname="HighErrorRate"}', "status": status, "receiver": "platform",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager",
        "alerts": [{
            "status": status,
            "labels": {"alertname": "HighErrorRate", "job": service, "severity": "critical"},
            "annotations": {"summary": "Many requests fail"},
            "startsAt": "2026-01-05T08:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus/graph?g0.expr=x",
            "fingerprint": "c0ffee",
            **more,
        }],
    }  # fmt: skip


def test_an_alert_becomes_an_issue(world):
    token = world.token("*")
    assert world.client.post("/hooks/alertmanager", json=alert(service="shop-cart"), auth=("any", token)).json() == {
        "status": "accepted", "says": "", "accepted": 1, "refused": 0,
    }  # fmt: skip
    world.cycle()
    (issue,) = world.issues()
    assert (issue.service, issue.kind, issue.title) == ("cart", "alert", "HighErrorRate: Many requests fail")


def state_of(world) -> list[tuple[str, str]]:
    return [(issue.status, issue.reason) for issue in world.issues()]


def test_a_resolved_alert_closes_what_it_opened_and_a_new_one_opens_it_again(world):
    token = world.token("*")

    def tell(**values):
        assert world.post("/hooks/alertmanager", token, json=alert(**values)).status_code == 200
        world.cycle()

    tell()
    assert [status for status, _ in state_of(world)] == ["new"]
    tell(status="resolved", endsAt="2026-01-05T08:05:00Z")
    assert [status for status, _ in state_of(world)] == ["dismissed"]
    tell(startsAt="2026-01-05T09:00:00Z")
    assert state_of(world) == [("new", "The error returned.")]


def test_an_escalated_alert_is_resolved_by_its_end_unless_a_person_has_it(world):
    token = world.token()
    for fingerprint, name, person in (("a", "Errors", None), ("b", "Disk", "ada")):
        labels, annotations = {"alertname": name, "severity": "warning"}, {"summary": f"{name} above the limit"}
        world.post(
            "/hooks/alertmanager", token, json=alert(fingerprint=fingerprint, labels=labels, annotations=annotations)
        )
        world.cycle()
        with store.write() as session:
            issue = session.exec(select(Issue).where(Issue.title.startswith(name))).one()
            issue.status, issue.run, issue.assignee = Status.ESCALATED, 1, person
        world.post("/hooks/alertmanager", token, json=alert("resolved", fingerprint=fingerprint, labels=labels))
    world.cycle()
    assert [status for status, _ in state_of(world)] == ["resolved", "escalated"]


def test_an_alert_of_another_service_than_the_tokens_is_refused(world):
    answer = world.post("/hooks/alertmanager", world.token("billing"), json=alert())
    assert answer.status_code == 422 and "'billing'" in answer.json()["says"]
    world.cycle()
    assert world.signals() == []
