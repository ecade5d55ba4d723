"""Rolling Releases and the rehearsal of a rollback, against the simulated Vercel, with sites that really serve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette

from core.demo.deployments import Deployments, stop
from core.demo.telemetry import Telemetry
from core.demo.vendors import vercel as simulator
from core.policy.services import Repository
from core.vendors import vercel as module
from core.vendors.base import VendorError
from core.vendors.delivery.types import ReleaseOrder, Stepwise
from core.vendors.delivery.vercel import VercelDelivery
from core.vendors.http import Http
from core.vendors.vercel import Vercel, rehearsal_alias
from core.vendors.vercel_rolling import share_of, stages_of
from tests.vendors.loopback import serving

PROJECT, STEPS = simulator.PROJECT, (10, 50)
STAGES = [{"targetPercentage": share} for share in (*STEPS, 100)]
SETTINGS = {"enabled": True, "advancementType": "manual-approval", "stages": STAGES}


class Shop:
    """Production serves "one"; ``ship`` builds another page for production."""

    def __init__(self, deployments: Deployments, client: Vercel):
        self.deployments, self.client = deployments, client
        self.way = VercelDelivery(client, Repository(remote="/srv/shop.git", vercel_project=PROJECT, steps=[10, 50]))
        self.old = self.ship("one")

    def ship(self, text: str, target: str = "production") -> str:
        made = self.deployments.create("f" * 40, "", target, {}, {"index.html": text.encode()})
        made.files = {f".vercel/output/static/{name}": content for name, content in (made.files or {}).items()}
        while made.state == "BUILDING":
            pass
        return made.id

    def order(self, new: str) -> ReleaseOrder:
        return ReleaseOrder("k", "f" * 40, preview=new, vendor_id=new, previous=self.old, steps=STEPS)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Iterator[Shop]:
    monkeypatch.setattr(module, "POLL", 0.01)
    monkeypatch.setattr(simulator, "ALIAS_SECONDS", 0.01)
    deployments = Deployments(tmp_path, None, Telemetry(), {})
    vendor = simulator.SimulatedVercel(deployments, prefix="")
    with serving(Starlette(routes=vendor.routes)) as address:
        http = Http("vercel", address, {"Authorization": f"Bearer {simulator.TOKEN}"})
        made = Shop(deployments, Vercel(http, simulator.TEAM))
        http.request("PATCH", f"/v1/projects/{PROJECT}/rolling-release/config", json=SETTINGS)
        yield made
    deployments.close()


def served(shop: Shop) -> Counter:
    return Counter(shop.deployments.serving().id for _ in range(400))


def test_a_release_gets_each_share_when_it_is_asked_for_and_all_at_the_end(shop):
    assert isinstance(shop.way, Stepwise)
    new = shop.ship("two")
    order = shop.order(new)
    shop.way.accepts(order)
    assert shop.way.share(order) == 10, "Vercel starts it by itself"
    assert shop.way.production().vendor_id == shop.old and 5 < served(shop)[new] < 100
    assert shop.way.shift(order, 10) == 10, "what is reached is left alone"
    assert shop.way.shift(order, 50) == 50 and 130 < served(shop)[new] < 270
    assert shop.way.shift(order, 100) == 100 == shop.way.share(order)
    assert shop.way.serve(shop.way.production()).vendor_id == new and served(shop)[new] == 400


def test_a_release_that_vercel_did_not_start_is_started(shop):
    shop.deployments.auto_assign = False
    new = shop.ship("two")
    assert shop.way.share(shop.order(new)) == 0
    assert shop.way.shift(shop.order(new), 10) == 10


def test_a_rollback_at_a_share_aborts_it_and_it_is_not_started_again(shop):
    new = shop.ship("two")
    order = shop.order(new)
    assert shop.way.rollback(order).vendor_id == shop.old
    assert shop.way.share(order) == 0 and served(shop)[shop.old] == 400
    with pytest.raises(VendorError, match="was aborted") as caught:
        shop.way.shift(order, 50)
    assert caught.value.permanent


def test_a_rollback_after_all_shares_moves_production_back(shop):
    order = shop.order(shop.ship("two"))
    shop.way.shift(order, 100)
    assert shop.way.rollback(order).vendor_id == shop.old and served(shop)[shop.old] == 400


def test_other_stages_are_refused_with_the_command_that_sets_them(shop):
    shop.client.http.request("DELETE", f"/v1/projects/{PROJECT}/rolling-release/config")
    with pytest.raises(VendorError, match="vercel rolling-release configure --cfg=") as caught:
        shop.way.accepts(shop.order("dpl_1"))
    assert caught.value.permanent and '"targetPercentage": 50' in caught.value.message


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"rollingRelease": None}, []),
        ({"rollingRelease": SETTINGS}, [10, 50]),
        ({"rollingRelease": {"stages": [{"targetPercentage": 20, "requireApproval": True}]}}, [20]),
    ],
)
def test_the_stages_of_a_project(config, found):
    assert stages_of(config) == found


@pytest.mark.parametrize("more", [{"advancementType": "automatic"}, {}])
def test_a_stage_that_ends_by_time_is_refused(more):
    with pytest.raises(VendorError, match="by time") as caught:
        stages_of({"rollingRelease": {"stages": [{"targetPercentage": 10, "duration": 5}]} | more})
    assert caught.value.permanent


def release(state: str, canary: str = "new", share: int | None = 10) -> dict:
    stage = share and {"index": 0, "targetPercentage": share}
    return {"state": state, "canaryDeployment": {"id": canary}, "activeStage": stage}


@pytest.mark.parametrize(
    ("found", "share"),
    [
        ({}, 0),
        (release("ACTIVE"), 10),
        (release("COMPLETE", share=None), 100),
        (release("ABORTED"), 0),
        (release("ACTIVE", "another"), 0),
        (release("COMPLETE", "another", None), 0),
    ],
)
def test_the_share_of_a_deployment(found, share):
    assert share_of(found, "new") == share


# --- the rehearsal --------------------------------------------------------------------------------


def test_a_rollback_is_rehearsed_on_an_alias_of_the_platforms_own(shop):
    preview = shop.ship("two", "preview")
    assert shop.way.rehearse(shop.order(preview)).done
    alias = rehearsal_alias(PROJECT, {"teamId": simulator.TEAM})
    rows = shop.client.http.get(f"/v2/deployments/{shop.old}/aliases").json()["aliases"]
    assert [row["alias"] for row in rows] == [simulator.DOMAIN, alias], "it is back at the old one"
    assert shop.way.rehearse(shop.order(preview)).done, "a second rehearsal finds the alias there"
    assert shop.way.production().vendor_id == shop.old


def test_an_old_deployment_that_is_gone_or_broken_fails_the_rehearsal(shop):
    preview = shop.ship("two", "preview")
    order = shop.order(preview)
    shop.deployments.all[shop.old].state = "ERROR"
    with pytest.raises(VendorError, match="not a ready production deployment") as caught:
        shop.way.rehearse(order)
    assert caught.value.permanent
    stop(shop.deployments.all.pop(shop.old))
    with pytest.raises(VendorError) as caught:
        shop.way.rehearse(order)
    assert caught.value.permanent and caught.value.status == 404


def test_an_alias_that_does_not_move_fails_the_rehearsal(shop, monkeypatch):
    monkeypatch.setattr(module, "ALIAS_SECONDS", 0.05)
    monkeypatch.setattr(Vercel, "_aliases", lambda self, vendor_id: set())
    with pytest.raises(VendorError, match="did not move to") as caught:
        shop.way.rehearse(shop.order(shop.ship("two", "preview")))
    assert caught.value.permanent


def test_the_alias_is_a_name_and_each_project_has_its_own():
    names = {rehearsal_alias(project, {"slug": team}) for project in ("shop", "Shop-2") for team in ("a", "b")}
    assert len(names) == 4 and all(name.endswith(".vercel.app") and name == name.lower() for name in names)


def test_the_self_check_says_that_the_stages_differ(shop):
    assert shop.way.check().ok
    shop.client.http.request("DELETE", f"/v1/projects/{PROJECT}/rolling-release/config")
    found = shop.way.check()
    assert not found.ok and "has the stages [] and not [10, 50]" in found.message and "steps" in found.fix
