"""The load of hosts: from a vendor to the cause of an issue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col, select

from core import runtime
from core.db import store
from core.models import Cause, now
from core.models.hosts import HostMetric, HostPoint
from core.models.origin import Origin, Writers
from core.signals import host_store
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.stages import analyze, collect
from core.vendors.base import Batch, Check
from tests import screens
from tests.reported import grouped, saved

MINUTE = timedelta(minutes=1)
NO_THREAD = {"exception": {"type": "RuntimeError", "message": "can't start new thread"}, "frames": [
    {"file": "shop/cart.py", "function": "total", "line": 7, "code": "pool.submit(work)"}]}  # fmt: skip


class Hosts:
    """A source with the load of one host: calm, and busy in the last minutes."""

    name, origin = "newrelic", Origin("New Relic", Writers.TEAM)

    def __init__(self, host: str, busy: float = 98.0):
        self.host, self.busy = host, busy

    def collect(self, cursor, until):
        points = [
            HostPoint(
                source=self.name,
                host=self.host,
                name="memory",
                at=until.replace(second=0, microsecond=0) - ago * MINUTE,
                value=self.busy if ago < 12 else 40.0,
            )
            for ago in range(60)
        ]
        yield Batch(hosts=points)

    def check(self):
        return Check(True, "")


def platform_of(tmp_path, hosts: str = ""):
    text = screens.PLATFORM.replace("[services.cart]\n", f"[services.cart]\n{hosts}\n")
    return runtime.use(runtime.Runtime(screens.open_console(tmp_path, platform=text)))


def analyzed(platform):
    (issue,) = grouped(platform)
    return EmbeddedAnalyst().analyze(analyze.gather(platform, issue.id))


@pytest.mark.parametrize(
    ("host", "hosts", "attributes", "cause"),
    [
        ("ip-10-0-0-1", "", {"host": "ip-10-0-0-1"}, Cause.ENVIRONMENT),  # the signal names it
        ("ip-10-0-0-1", "", {"host": "ip-10-0-0-1", "public": True}, Cause.CODE),  # a stranger names it
        ("shop-7", 'hosts = ["shop-*"]', {}, Cause.ENVIRONMENT),  # the policy names it
        ("cart", "", {}, Cause.ENVIRONMENT),  # it has the service's name, as in ECS
        ("mail-7", 'hosts = ["shop-*"]', {"host": "shop-1"}, Cause.CODE),  # the host of another service
    ],
)
def test_pressure_of_the_services_own_host_is_the_environment(tmp_path, host, hosts, attributes, cause):
    platform = platform_of(tmp_path, hosts)
    collect.read(Hosts(host), platform.policy)
    saved("cart", 10, title="RuntimeError: can't start new thread", crash=NO_THREAD, attributes=attributes)
    found = analyzed(platform)
    assert found.cause is cause
    assert (f"ost {host}: memory went from 40 to 98 at the onset" in found.root_cause) == (cause is Cause.ENVIRONMENT)


def test_of_too_many_samples_those_at_the_onset_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(host_store, "ROWS", 30)
    platform = platform_of(tmp_path, 'hosts = ["shop-*"]')
    collect.read(Hosts("shop-7"), platform.policy)
    saved("cart", 10, title="RuntimeError: can't start new thread", crash=NO_THREAD)
    assert analyzed(platform).cause is Cause.ENVIRONMENT


def test_a_calm_host_changes_nothing(tmp_path):
    platform = platform_of(tmp_path)
    collect.read(Hosts("cart", busy=60.0), platform.policy)
    saved("cart", 10, title="RuntimeError: can't start new thread", crash=NO_THREAD)
    assert analyzed(platform).cause is Cause.CODE


def test_a_limit_of_the_policy_counts(tmp_path):
    platform = platform_of(tmp_path)
    platform.policy.infrastructure.memory = 55
    collect.read(Hosts("cart", busy=60.0), platform.policy)
    saved("cart", 10, title="RuntimeError: can't start new thread", crash=NO_THREAD)
    assert analyzed(platform).cause is Cause.ENVIRONMENT


def test_samples_are_stored_once_and_removed_after_two_days(tmp_path):
    platform = platform_of(tmp_path)
    with store.write() as session:
        session.add(HostMetric(source="x", host="old", name="cpu", at=now() - timedelta(days=3), value=1.0))
    collect.read(Hosts("cart", busy=float("nan")), platform.policy)
    for _ in range(2):
        collect.read(Hosts("cart"), platform.policy)
    with store.read() as session:
        rows = session.exec(select(HostMetric).order_by(col(HostMetric.at))).all()
    assert len(rows) in (60, 61) and rows[-1].value == 98.0
