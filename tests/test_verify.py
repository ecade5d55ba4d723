"""What a watch holds against a deployment, as a table; the watch itself is in stories/test_flow.py."""

from types import SimpleNamespace

import pytest

from core.health import summarize
from core.models import ServiceHealth
from core.settings import Watch
from core.stages.verify import judge

BEFORE = {"cart": ServiceHealth(requests=500, errors=50, p95_ms=20, samples=5), "search": ServiceHealth(requests=500)}


def after(errors=0.0, p95=20.0, samples=5, requests=500.0):
    return {"cart": ServiceHealth(requests=requests, errors=errors, p95_ms=p95, samples=samples)}


@pytest.mark.parametrize(
    ("state", "over", "says"),
    [
        (after(), True, ""),
        (after(errors=80), False, "rose from 10.0% to 16.0%"),
        (after(errors=4, requests=10), False, ""),  # too few to tell
        (after(errors=45), True, "goes on (10.0% before, 9.0% after)"),
        (after(p95=69), True, ""),  # within the noise of small figures
        (after(p95=120), True, "rose from 20 to 120 ms"),
        (after(p95=120, samples=3), False, "rose from 20 to 120 ms"),
        (after(p95=120, samples=2), False, ""),  # a slow moment, so far
        (after(p95=120, samples=2), True, "rose from 20 to 120 ms"),
        ({"search": ServiceHealth(requests=100, errors=8)}, False, "search: the error rate rose from 0.0% to 8.0%"),
    ],
)
def test_what_speaks_against_a_deployment(state, over, says):
    found = judge("cart", BEFORE, state, Watch(), over)
    assert (says in found[0]) if says else found == []


@pytest.mark.parametrize(("latencies", "p95"), [([6, 124], 6), ([6, 124, 130], 124), ([6], 6), ([], None)])
def test_one_slow_interval_of_two_is_no_slow_service(latencies, p95):
    assert summarize([SimpleNamespace(name="p95_ms", value=value) for value in latencies]).p95_ms == p95
