"""The simulated Vercel is honest: Vercel's own command line deploys, lists, inspects, promotes and rolls back on it."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette

from core.demo.deployments import Deployments
from core.demo.telemetry import Telemetry
from core.demo.vendors import vercel as simulator
from core.vendors.command import run
from core.vendors.http import Http
from core.vendors.vercel import Vercel
from tests.real import need
from tests.stories.world import until
from tests.vendors.loopback import serving


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    """Calls the real program on an app folder of its own: ``cli("list")``."""
    program, folder = need("vercel"), tmp_path_factory.mktemp("vercel")
    site = folder / "app" / ".vercel" / "output" / "static"
    site.mkdir(parents=True)
    (site.parent / "config.json").write_text('{"version": 3}')
    (folder / "app" / ".vercel" / "project.json").write_text(
        json.dumps({"projectId": simulator.PROJECT_ID, "orgId": simulator.TEAM})
    )
    deployments = Deployments(folder / "deployments", None, Telemetry(), {})
    vendor = simulator.SimulatedVercel(deployments, prefix="")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "VERCEL_TELEMETRY_DISABLED": "1", "NO_UPDATE_NOTIFIER": "1"}
    with serving(Starlette(routes=vendor.routes)) as address:

        def call(*words: str) -> str:
            common = ["--api", address, "--token", simulator.TOKEN, "-Q", str(folder / "config"), "--no-color"]
            done = run([program, *words, *common, "--cwd", str(folder / "app")], env=env, timeout=120)
            assert done.ok, done.stderr[-2000:] + done.stdout[-500:]
            return done.stdout

        http = Http("vercel", address, {"Authorization": f"Bearer {simulator.TOKEN}"})
        yield SimpleNamespace(call=call, site=site, deployments=deployments, client=Vercel(http, simulator.TEAM))
    deployments.close()


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def release(cli, text: str) -> str:
    (Path(cli.site) / "index.html").write_text(text)
    cli.call("deploy", "--prebuilt", "--prod", "--yes")
    return list(cli.deployments.all)[-1]


def test_deploy_list_inspect_roll_back_promote(cli):
    first, second = release(cli, "one"), release(cli, "two")
    assert cli.deployments.alias == second
    listed = json.loads(cli.call("list", "--format", "json"))
    assert len(listed["deployments"]) == 2
    assert json.loads(cli.call("inspect", second, "--format", "json"))["id"] == second
    cli.call("rollback", first, "--yes")
    live = cli.client.production(simulator.PROJECT)
    assert (live.vendor_id, page(live.url)) == (first, "one")
    third = release(cli, "three")
    assert cli.deployments.alias == first, "a rollback ends the automatic assignment"
    cli.call("promote", third, "--yes")
    assert page(cli.client.production(simulator.PROJECT).url) == "three"
    assert cli.deployments.auto_assign


def test_a_rolling_release_is_configured_approved_completed_and_aborted(cli):
    stages = [{"targetPercentage": share} for share in (10, 50, 100)]
    config = {"enabled": True, "advancementType": "manual-approval", "stages": stages}
    first = release(cli, "one")
    cli.deployments.point(first)
    cli.deployments.auto_assign = True
    cli.call("rolling-release", "configure", "--cfg", json.dumps(config))
    assert cli.client.rolling.stages(simulator.PROJECT) == [10, 50]
    second = release(cli, "two")
    assert cli.client.rolling.share(simulator.PROJECT, second) == 10
    cli.call("rolling-release", "approve", f"--dpl={second}", "--currentStageIndex=0")
    assert cli.client.rolling.share(simulator.PROJECT, second) == 50
    cli.call("rolling-release", "complete", f"--dpl={second}")
    assert cli.client.production(simulator.PROJECT).vendor_id == second
    third = release(cli, "three")
    cli.call("rolling-release", "abort", f"--dpl={second}")
    until(lambda: cli.client.rolling.share(simulator.PROJECT, third) == 0)
    assert cli.client.production(simulator.PROJECT).vendor_id == second
    cli.client.http.request("DELETE", f"/v1/projects/{simulator.PROJECT}/rolling-release/config")
