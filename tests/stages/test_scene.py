"""The scene of a release: the errors of production count, whatever a source calls it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import runtime
from core.db import store
from core.models import Kind, Signal, now
from core.runtime import Runtime
from core.stages.deliver import scene
from core.stages.deliver.scene import Release
from tests import factories, screens

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("named", "counts"), [("production", True), ("prod", True), ("Production", True), ("staging", False)]
)
def test_an_error_counts_by_any_name_of_its_environment(tmp_path, named, counts):
    rt = runtime.use(Runtime(screens.open_console(tmp_path)))
    at = now()
    with store.write() as session:
        issue = factories.issue(session, service="cart", environment="production")
        other = factories.issue(session, service="cart", fingerprint="another")
        change = factories.change_set(session, issue)
        row = factories.deployment(session, change, ready_at=at - 5 * MINUTE)
        error = {"kind": Kind.EXCEPTION, "at": at - MINUTE, "service": "cart", "title": "KeyError: tier"}
        session.add(Signal(source="datadog", vendor_id="e1", environment=named, issue_id=other.id, **error))
    with store.read() as session:
        built = scene.build(session, rt, Release(issue, change, row, frozenset({"cart"})), at)
    assert any(fault.issue == other.id for fault in built.faults) is counts
