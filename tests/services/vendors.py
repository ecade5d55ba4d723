"""The simulated vendors of one team on one port of loopback, around its repository and what its service emits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.demo.alarms import Alarms
from core.demo.telemetry import Telemetry
from core.demo.vendors import cloudwatch, datadog, github, sentry
from tests.services.machine import free_port
from tests.services.repository import Repository

METRICS = '[metrics]\nrequests = "shop.requests"\nerrors = "shop.errors"\np95_ms = "shop.latency.p95"\nstep = 5\n'


class Vendors:
    def __init__(self, repository: Repository, name: str, live: Callable[[], str]):
        self.port, self.live = free_port(), live
        self.url = f"http://127.0.0.1:{self.port}"
        self.telemetry = Telemetry()
        alarms = Alarms(self.telemetry)
        self.hub = github.SimulatedGitHub(repository, self.url, f"acme/{name}")
        self.routes: list[BaseRoute] = [
            *sentry.SimulatedSentry().routes,
            *datadog.SimulatedDatadog(self.telemetry, alarms).routes,
            *cloudwatch.SimulatedCloudWatch(self.telemetry, alarms, f"/ecs/{name}").routes,
            *self.hub.routes,
            Route("/edge/{path:path}", self.edge, methods=["GET", "POST", "PUT"]),
        ]

    async def edge(self, request: Request) -> Response:
        """The service's public address: whatever release serves now."""
        async with httpx.AsyncClient(timeout=20) as client:
            try:
                told = await client.request(
                    request.method,
                    f"{self.live()}/{request.path_params['path']}",
                    params=request.query_params,
                    content=await request.body(),
                    headers={"content-type": request.headers.get("content-type", "application/json")},
                )
            except httpx.HTTPError:
                return JSONResponse({"error": "no release answers"}, 502)
        return Response(told.content, told.status_code, media_type=told.headers.get("content-type"))

    @contextmanager
    def serving(self, more: Sequence[BaseRoute] = ()) -> Iterator[Vendors]:
        app = Starlette(routes=[*more, *self.routes])  # a pipeline's own routes stand before GitHub's
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.05)
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(10)

    # --- what the customer's .env says of each

    def github(self) -> dict[str, str]:
        return {"GITHUB_URL": f"{self.url}/github", "GITHUB_TOKEN": github.TOKEN}

    def sentry(self) -> dict[str, str]:
        return {"SENTRY_URL": f"{self.url}/sentry", "SENTRY_TOKEN": sentry.TOKEN, "SENTRY_ORG": sentry.ORG}

    def datadog(self) -> dict[str, str]:
        keys = {"DATADOG_API_KEY": datadog.API_KEY, "DATADOG_APP_KEY": datadog.APP_KEY}
        return {"DATADOG_URL": f"{self.url}/datadog", **keys}

    def cloudwatch(self) -> dict[str, str]:
        keys = {"AWS_ACCESS_KEY_ID": cloudwatch.KEY, "AWS_SECRET_ACCESS_KEY": cloudwatch.SECRET}
        where = {"AWS_ENDPOINT_URL": f"{self.url}/aws", "AWS_REGION": cloudwatch.REGION}
        names = {"CLOUDWATCH_LOG_GROUPS": f"/ecs/{self.hub.short}", "CLOUDWATCH_NAMESPACE": cloudwatch.NAMESPACE}
        return keys | where | names

    def merge(self) -> list[int]:
        """Merge every open pull request, as a person does on GitHub's page; returns their numbers."""
        pulls = f"{self.hub.base}/pulls"
        with httpx.Client(headers={"Authorization": f"Bearer {github.TOKEN}"}, timeout=60) as client:
            numbers = [pull["number"] for pull in client.get(pulls).json() if pull["state"] == "open"]
            return [n for n in numbers if client.put(f"{pulls}/{n}/merge", json={}).status_code == 200]
