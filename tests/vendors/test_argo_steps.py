"""A Rollout of Argo that gives the new image a share of the traffic, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.vendors.base import VendorError
from core.vendors.delivery import kubernetes
from core.vendors.delivery.argo import shares_of, weight_of
from core.vendors.delivery.types import Stepwise
from tests.vendors.kubernetes_api import KubernetesApi, fault
from tests.vendors.loopback import serving
from tests.vendors.test_kubernetes import BEFORE, IMAGE, ORDER, finished, patches, way

STEPS = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}, {"setWeight": 100}]
STEPPED = replace(ORDER, steps=(10, 50))
MADE = replace(STEPPED, vendor_id=IMAGE)
STATUS = "/apis/argoproj.io/v1alpha1/namespaces/prod/rollouts/shop/status"


@pytest.fixture
def api() -> KubernetesApi:
    return KubernetesApi(BEFORE, steps=STEPS)


@pytest.fixture
def url(api, monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(kubernetes, "POLL", 0.0)
    with serving(api.app) as address:
        yield address


def reached(made, share: int) -> int:
    """What it serves when the controller has had its turns."""
    return max(made.shift(MADE, share) for _ in range(6))


def test_a_release_pauses_at_its_first_share_and_is_taken_on_by_name(api, url):
    made = way(url, "argo")
    assert isinstance(made, Stepwise)
    assert finished(made, STEPPED).state == "READY" and made.share(MADE) == 10
    assert reached(made, 10) == 10 and len(patches(api)) == 1, "a share that is reached is left alone"
    assert reached(made, 50) == 50 and reached(made, 100) == 100
    assert patches(api)[1:] == [(STATUS, [{"op": "remove", "path": "/status/pauseConditions"}])] * 2
    assert made.status(MADE, made.production()).state == "READY" and made.share(MADE) == 100


def test_without_steps_in_the_policy_no_pause_is_waited_for(url):
    assert (
        finished(way(url, "argo")).state == "READY" and way(url, "argo").share(replace(ORDER, vendor_id=IMAGE)) == 100
    )


def test_a_rollback_at_a_share_aborts_it(api, url):
    made = way(url, "argo")
    finished(made, STEPPED)
    api.objects["rollouts", "shop"]["spec"]["strategy"]["canary"]["steps"] = []  # a rollback skips them
    assert made.rollback(MADE).vendor_id == BEFORE
    assert (STATUS, [{"op": "add", "path": "/status/abort", "value": True}]) in patches(api)
    assert made.share(MADE) == 0


@pytest.mark.parametrize("status", [{"abort": True, "phase": "Degraded"}, {"phase": "Degraded", "message": "pods die"}])
def test_an_aborted_or_degraded_release_gets_no_more_traffic(api, url, status):
    made = way(url, "argo")
    finished(made, STEPPED)
    found = api.objects["rollouts", "shop"]
    found["promoted"] = True  # the controller leaves the status alone
    found["status"] = {"observedGeneration": str(found["metadata"]["generation"])} | status
    api._turn = lambda *_: None
    count = len(patches(api))
    with pytest.raises(VendorError) as caught:
        made.shift(MADE, 50)
    assert caught.value.permanent and len(patches(api)) == count


def test_other_steps_than_the_policys_are_refused_before_the_release(url):
    made = way(url, "argo")
    made.accepts(STEPPED)
    with pytest.raises(VendorError, match=r"at the weights \[10, 50\] and not at \[20\]") as caught:
        made.accepts(replace(ORDER, steps=(20,)))
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("steps", "shares"),
    [
        (STEPS, [10, 50]),
        ([{"setWeight": 10}, {"pause": {"duration": "5m"}}, {"setWeight": 50}, {"pause": {}}], [50]),
        ([{"pause": {}}, {"setWeight": 100}, {"pause": {}}], [0]),
        ([], []),
    ],
)
def test_the_shares_at_which_it_waits(steps, shares):
    assert shares_of(steps) == shares


def rollout(phase: str, index: int | None = None, observed: str = "1", **more) -> dict:
    return {"metadata": {"generation": 1}, "spec": {"strategy": {"canary": {"steps": STEPS}}},
            "status": {"observedGeneration": observed, "phase": phase, "currentStepIndex": index} | more}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "weight"),
    [
        (rollout("Healthy", 5), 100),
        (rollout("Paused", 1), 10),
        (rollout("Paused", 3), 50),
        (rollout("Progressing", 2), 10),  # it moves on, and has not reached the next weight
        (rollout("Progressing", None), 0),
        (rollout("Paused", 1, observed="0"), 0),
        (rollout("Paused", 1, abort=True), 0),
        (rollout("Degraded", 3), 0),
    ],
)
def test_the_weight_of_now(found, weight):
    assert weight_of(found) == weight


# --- the rehearsal of a rollback ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["deployment", "argo"])
def test_an_undo_is_rehearsed_as_a_dry_run(api, url, kind):
    before = [found["spec"]["template"] for found in api.objects.values()]
    assert way(url, kind).rehearse(ORDER).done
    ((path, _),) = patches(api)
    assert path.endswith("/shop")
    assert [found["spec"]["template"] for found in api.objects.values()] == before


@pytest.mark.parametrize("kind", ["deployment", "argo"])
def test_a_server_that_refuses_the_undo_fails_the_rehearsal(api, url, kind):
    api.faults["PATCH"] = fault(403, "Forbidden", "admission: the image is not allowed")
    with pytest.raises(VendorError, match="the image is not allowed") as caught:
        way(url, kind).rehearse(ORDER)
    assert caught.value.permanent


def test_production_that_serves_another_image_fails_the_rehearsal(url):
    with pytest.raises(VendorError, match="and not for registry.example/shop:other") as caught:
        way(url).rehearse(replace(ORDER, previous="registry.example/shop:other"))
    assert caught.value.permanent


def test_the_self_check_says_that_the_steps_differ(url):
    made = way(url, "argo")
    assert made.check().ok
    made.steps = (20,)
    found = made.check()
    assert not found.ok and "and not at [20]" in found.message and "steps" in found.fix
