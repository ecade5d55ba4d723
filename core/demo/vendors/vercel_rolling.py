"""Vercel's Rolling Releases: the settings of the project, and the newest release with its stages.

A production deployment that is ready starts one by itself where they are on. The rest of the traffic goes to the
deployment of the production alias until the release is complete; a rollback aborts it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.demo.deployments import DemoDeployment, Deployments

FINAL = 100


class RollingFault(Exception):
    """A request that Vercel would refuse as malformed."""


class SimulatedRolling:
    def __init__(self, deployments: Deployments, detail: Callable[[DemoDeployment], dict]):
        self.deployments, self.detail = deployments, detail
        self.stages: list[int] = []
        self.now: dict | None = None  # canary, base, state, index, started
        deployments.rolls = self

    def table(self) -> tuple:
        base = "/v1/projects/{project}/rolling-release"
        return (
            (f"{base}/config", self.config, "GET"),
            (f"{base}/config", self.configure, "PATCH"),
            (f"{base}/config", self.disable, "DELETE"),
            (base, self.newest, "GET"),
            (f"{base}/start", self.start, "POST"),
            (f"{base}/approve-stage", self.approve, "POST"),
            (f"{base}/complete", self.complete, "POST"),
        )

    # --- for the deployments

    def begin(self, made: DemoDeployment) -> bool:
        """Roll a production deployment out; False where Rolling Releases are off, or nothing serves production yet."""
        base = self.deployments.alias
        if not self.stages or not base or base == made.id:
            return False
        if not (self.active() and self.now and self.now["canary"] == made.id):
            self.now = {
                "canary": made.id,
                "base": base,
                "state": "ACTIVE",
                "index": 0,
                "started": int(time.time() * 1000),
            }
        return True

    def active(self) -> bool:
        return self.now is not None and self.now["state"] == "ACTIVE"

    def abort(self) -> None:
        if self.now and self.active():
            self.now["state"] = "ABORTED"

    def picked(self) -> str:
        """The deployment that serves one request."""
        if self.now and self.active() and random.random() * FINAL < self.stages[self.now["index"]]:
            return self.now["canary"]
        return self.deployments.alias

    # --- the API

    async def config(self, request: Request) -> Response:
        return JSONResponse({"rollingRelease": self._config()})

    def _config(self) -> dict | None:
        rows = [{"targetPercentage": share, "requireApproval": share < FINAL} for share in self.stages]
        return {"target": "production", "advancementType": "manual-approval", "stages": rows} if rows else None

    async def configure(self, request: Request) -> Response:
        body = await request.json()
        if body.get("advancementType") != "manual-approval" and body.get("enabled", True):
            raise RollingFault("Only manual approval is simulated")
        self.stages = (
            [int(row["targetPercentage"]) for row in body.get("stages", ())] if body.get("enabled", True) else []
        )
        return await self.config(request)

    async def disable(self, request: Request) -> Response:
        self.stages = []
        return await self.config(request)

    async def newest(self, request: Request) -> Response:
        return JSONResponse({"rollingRelease": self._shown()})

    async def start(self, request: Request) -> Response:
        made = self.deployments.all.get((await request.json())["canaryDeploymentId"])
        if made is None or made.target != "production" or made.state != "READY" or not self.begin(made):
            raise RollingFault("A rolling release cannot start for this deployment")
        return JSONResponse({"rollingRelease": self._shown()})

    async def approve(self, request: Request) -> Response:
        body = await request.json()
        now = self._mine(body)
        if body["nextStageIndex"] != now["index"] + 1:
            raise RollingFault(f"The next stage is {now['index'] + 1}")
        now["index"] += 1
        if self.stages[now["index"]] >= FINAL:
            self._complete(now)
        return JSONResponse({"rollingRelease": self._shown()})

    async def complete(self, request: Request) -> Response:
        self._complete(self._mine(await request.json()))
        return JSONResponse({"rollingRelease": self._shown()})

    def _mine(self, body: dict) -> dict:
        if not self.now or not self.active() or self.now["canary"] != body.get("canaryDeploymentId"):
            raise RollingFault("No rolling release of this deployment is active")
        return self.now

    def _complete(self, now: dict) -> None:
        now["state"], now["index"] = "COMPLETE", len(self.stages) - 1
        self.deployments.point(now["canary"])

    def _shown(self) -> dict | None:
        if self.now is None:
            return None
        rows = [self._stage(number) for number in range(len(self.stages))]
        index, active = self.now["index"], self.active()
        return {
            "state": self.now["state"],
            "substate": None,
            "currentDeployment": self._deployment("base"),
            "canaryDeployment": self._deployment("canary"),
            "queuedDeploymentId": None,
            "advancementType": "manual-approval",
            "stages": rows,
            "activeStage": rows[index] if active else None,
            "nextStage": rows[index + 1] if active and index + 1 < len(rows) else None,
            "startedAt": self.now["started"],
            "updatedAt": int(time.time() * 1000),
        }

    def _stage(self, number: int) -> dict:
        share, last = self.stages[number], number == len(self.stages) - 1
        more = {"isFinalStage": last, "requireApproval": not last, "duration": None}
        return {"index": number, "targetPercentage": share, **more}

    def _deployment(self, part: str) -> dict:
        shown = self.detail(self.deployments.all[(self.now or {})[part]])
        kept = {name: shown[name] for name in ("name", "createdAt", "id", "readyState", "target", "url")}
        return {**kept, "readyStateAt": shown["ready"], "source": "git"}
