"""The scene of a release: the errors of production count, whatever a source calls it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import runtime
from core.db import store
from core.models import Kind, Signal, Status, now
from core.runtime import Runtime
from core.stages.deliver import scene
from core.stages.deliver.scene import Release
from tests import factories, screens

MINUTE = timedelta(minutes=1)


def released(session, **values):
    """(an issue, another one of its service, the first one's change, the change's release)."""
    issue = factories.issue(session, service="cart", environment="production")
    other = factories.issue(session, service="cart", fingerprint="another")
    change = factories.change_set(session, issue)
    return issue, other, change, factories.deployment(session, change, **values)


@pytest.mark.parametrize(
    ("named", "counts"), [("production", True), ("prod", True), ("Production", True), ("staging", False)]
)
def test_an_error_counts_by_any_name_of_its_environment(tmp_path, named, counts):
    rt = runtime.use(Runtime(screens.open_console(tmp_path)))
    at = now()
    with store.write() as session:
        issue, other, change, row = released(session, ready_at=at - 5 * MINUTE)
        error = {"kind": Kind.EXCEPTION, "at": at - MINUTE, "service": "cart", "title": "KeyError: tier"}
        session.add(Signal(source="datadog", vendor_id="e1", environment=named, issue_id=other.id, **error))
    with store.read() as session:
        built = scene.build(session, rt, Release(issue, change, row, frozenset({"cart"})), at)
    assert any(fault.issue == other.id for fault in built.faults) is counts


@pytest.mark.parametrize(
    ("minutes", "status", "own", "slow"),
    [
        (8, Status.FIXING, False, {"search": -180.0}),
        (8, Status.ESCALATED, False, {"search": -180.0}),  # nobody has cured it yet
        (8, Status.RESOLVED, False, {}),
        (3, Status.FIXING, False, {}),  # since the release
        (8, Status.FIXING, True, {}),  # the slowdown that the release is to cure
    ],
)
def test_another_open_issue_had_made_a_service_slow(tmp_path, minutes, status, own, slow):
    rt = runtime.use(Runtime(screens.open_console(tmp_path)))
    at = now()
    with store.write() as session:
        issue = factories.issue(session, service="search", environment="production")
        other = issue if own else factories.issue(session, service="search", fingerprint="another")
        other.status = status
        change = factories.change_set(session, issue)
        row = factories.deployment(session, change, ready_at=at - 5 * MINUTE)
        report = {"kind": Kind.METRIC, "at": at - minutes * MINUTE, "service": "search", "title": "Latency rose"}
        figures = {"metric": "p95_ms", "before": 1.0, "after": 263.0}
        session.add(Signal(source="detector", vendor_id="d1", issue_id=other.id, attributes=figures, **report))
    with store.read() as session:
        built = scene.build(session, rt, Release(issue, change, row, frozenset({"search"})), at)
    assert built.slow == slow


@pytest.mark.parametrize(
    ("seconds", "named", "older"),
    [
        (1, "head", False),  # it served a moment before it was found ready
        (1, "base", True),
        (1, None, True),
        (90, "head", True),  # an earlier release of the same commit
    ],
)
def test_an_error_that_names_the_release_is_no_older_than_it(tmp_path, seconds, named, older):
    rt = runtime.use(Runtime(screens.open_console(tmp_path)))
    at = now()
    with store.write() as session:
        issue, other, change, row = released(session, ready_at=at - MINUTE, sha="4f1c2ab" * 5)
        change.base_sha = "9d3e5fa" * 5
        release = {"head": row.sha, "base": change.base_sha, None: None}[named]
        error = {"kind": Kind.EXCEPTION, "service": "cart", "title": "AttributeError: title", "release": release}
        early = at - MINUTE - timedelta(seconds=seconds)
        session.add(Signal(source="datadog", vendor_id="e1", issue_id=other.id, at=early, **error))
    with store.read() as session:
        built = scene.build(session, rt, Release(issue, change, row, frozenset({"cart"})), at)
    (fault,) = built.faults
    assert fault.older is older
