"""The demo's world in one process: the shop's deployments, its visitors, its upstreams, and the vendors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import time
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.demo.alarms import Alarms
from core.demo.deployments import Deployments
from core.demo.desk import SupportDesk
from core.demo.faults import FAULTS
from core.demo.repo import ShopRepo
from core.demo.setup import agents, write_platform
from core.demo.switches import VAT, Switches
from core.demo.telemetry import Telemetry
from core.demo.traffic import drive
from core.demo.vendors import (
    cloudwatch,
    coderabbit,
    datadog,
    github,
    kestra,
    model,
    newrelic,
    osv,
    sentry,
    slack,
    smtp,
    vercel,
)

RECENT = 20.0  # seconds of traffic in the status


class World:
    def __init__(self, folder: Path, port: int, rate: float, agents: bool = False):
        self.folder, self.port, self.rate, self.agents = folder, port, rate, agents
        self.token, self.slack, self.broken = secrets.token_hex(16), slack.SimulatedSlack(), {}
        self.telemetry, self.repo, self.mail = Telemetry(), ShopRepo(folder).build(), smtp.MailServer()
        self.alarms, variables = Alarms(self.telemetry), dict(VAT)
        self.switches = Switches(variables, lambda: self._deploy(self.repo.newest()))
        variables |= {
            "SENTRY_DSN": f"http://public@127.0.0.1:{port}/1",
            "CARRIER_URL": f"http://127.0.0.1:{self.switches.carrier.port}",
            "MAILER_URL": f"http://127.0.0.1:{port}/upstream/mailer",
            "MAILER_KEY": self.switches.mailer_key,
        }
        self.deployments = Deployments(folder / "deployments", self.repo, self.telemetry, variables)

    def routes(self) -> list[Route]:
        hub = github.SimulatedGitHub(self.repo, f"http://127.0.0.1:{self.port}")
        self.telemetry.readers.append(SupportDesk(hub.tickets.file).hear)
        vendors = (
            sentry.SimulatedSentry(),
            datadog.SimulatedDatadog(self.telemetry, self.alarms),
            newrelic.SimulatedNewRelic(self.telemetry, self.alarms),
            cloudwatch.SimulatedCloudWatch(self.telemetry, self.alarms),
            hub,
            vercel.SimulatedVercel(self.deployments),
            self.slack,
            osv.SimulatedOsv(),
            *((model.SimulatedModel(), kestra.simulated()) if self.agents else ()),
        )
        if self.agents:
            coderabbit.SimulatedCodeRabbit(hub).begin()
        own = [
            Route("/_sandbox/status", self.status),
            Route("/_sandbox/break", self.break_, methods=["POST"]),
            Route("/_sandbox/restore", self.restore, methods=["POST"]),
            Route("/_sandbox/messages", self.heard),
            Route("/_sandbox/mails", self.mailed),
            Route("/upstream/mailer/receipts", self.mailer),
            Route("/edge/shop/{path:path}", self.edge),
        ]
        return [route for made in vendors for route in made.routes] + own

    # --- control

    def _refused(self, request: Request) -> Response | None:
        if not secrets.compare_digest(request.headers.get("x-sandbox-token", ""), self.token):
            return JSONResponse({"message": "the sandbox's token is missing"}, 401)
        return None

    async def status(self, request: Request) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        now, live = time.time(), self.deployments.production()
        counts = {metric: self.telemetry.series(metric, now - RECENT, now + 1) for metric in ("requests", "errors")}
        services = {
            service: {metric: sum(v for _, v in counts[metric].get(service, [])) for metric in counts}
            for service in counts["requests"]
        }
        return JSONResponse(
            {
                "faults": {f.name: f.title for f in FAULTS.values()},
                "details": {
                    f.name: {"title": f.title, "kind": f.kind, "service": f.service, "exception": f.exception}
                    for f in FAULTS.values()
                },
                "broken": self.broken,
                "agents": agents(self.agents),
                "services": services,
                "production": live and {"id": live.id, "sha": live.sha, "state": live.state},
            }
        )

    async def break_(self, request: Request) -> Response:
        return await self._change(request, self._ship)

    async def restore(self, request: Request) -> Response:
        return await self._change(request, self._mend)

    async def _change(self, request: Request, work) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        fault = FAULTS.get((await request.json()).get("name"))
        if fault is None:
            return JSONResponse({"message": f"Unknown bug. The bugs are: {', '.join(FAULTS)}"}, 404)
        try:
            return JSONResponse(await asyncio.to_thread(work, fault))
        except (ValueError, RuntimeError) as error:
            return JSONResponse({"message": str(error)}, 409)

    def _ship(self, fault) -> dict:
        switch = self.switches.of.get(fault.name)
        switch[0]() if switch else self._deploy(self.repo.ship(fault))
        self.broken[fault.name] = time.time()
        return {"shipped": fault.name, "at": self.broken[fault.name]}

    def _mend(self, fault) -> dict:
        switch = self.switches.of.get(fault.name)
        switch[1]() if switch else self._deploy(self.repo.revert(fault))
        self.broken.pop(fault.name, None)
        return {"restored": fault.name}

    def _deploy(self, sha: str) -> None:
        """Deploy to production as the team would, and wait until it serves."""
        made = self.deployments.create(sha, "main", "production", {"by": "team"})
        while made.state == "BUILDING":
            time.sleep(0.1)
        if made.state != "READY":
            raise RuntimeError(f"the shop does not start: {' '.join(made.output[-3:])}")
        self.deployments.auto_assign = True
        self.deployments.point(made.id)

    # --- the rest of the world

    async def heard(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse(self.slack.messages[-100:])

    async def mailed(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse(list(self.mail.mails))

    async def mailer(self, request: Request) -> Response:
        if request.headers.get("x-key") not in self.switches.accepted:
            return JSONResponse({"error": "the key was revoked"}, 401)
        return JSONResponse({"sent": True})

    async def edge(self, request: Request) -> Response:
        """The shop's public address: forwards to the deployment of the production alias."""
        live = self.deployments.serving()
        if live is None:
            return JSONResponse({"error": "no deployment"}, 503)
        url = f"http://127.0.0.1:{live.port}/{request.path_params['path']}"
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                answer = await client.get(url, params=dict(request.query_params))
        except httpx.HTTPError:
            return JSONResponse({"error": "the deployment does not respond"}, 502)
        return Response(answer.content, answer.status_code, media_type="application/json")

    def base(self) -> str | None:
        live = self.deployments.serving()
        return f"http://127.0.0.1:{live.port}" if live else None

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette):
        self.mail_port = await self.mail.start()
        visitors = asyncio.create_task(self._begin())
        yield
        visitors.cancel()
        self.mail.close()
        self.deployments.close()

    async def _begin(self) -> None:
        await asyncio.to_thread(self._deploy, self.repo.head())
        state = {"token": self.token, "port": self.port, "mail_port": self.mail_port, "pid": os.getpid()}
        (self.folder / "sandbox.json").write_text(json.dumps(state | {"agents": self.agents}))
        await drive(self.base, lambda: self.rate, lambda: self.switches.partner_sends)


def serve(folder: Path, port: int, rate: float, agents: bool = False) -> None:
    """Run until SIGTERM."""
    folder.mkdir(parents=True, exist_ok=True)
    write_platform(folder, port, agents)
    world = World(folder.resolve(), port, rate, agents)
    uvicorn.run(
        Starlette(routes=world.routes(), lifespan=world.lifespan), host="127.0.0.1", port=port, log_level="warning"
    )
