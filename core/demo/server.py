"""The demo's world in one process: the shop's deployments, its visitors, its upstreams, and the vendors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from core.demo.telemetry import Telemetry
from core.demo.traffic import drive
from core.demo.vendors import cloudwatch, datadog, github, newrelic, osv, sentry, slack, smtp, vercel

WAITING = 5  # connections in the carrier's queue
RECENT = 20.0  # seconds of traffic in the status


class Carrier:
    """The carrier's rates service on its own port; when it is down, nothing listens there."""

    def __init__(self, port: int = 0):
        self.port, self.server = port, None
        self.up()

    def up(self) -> None:
        if self.server is None:
            self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _Rates)
            self.server.socket.settimeout(1.0)  # a client may be gone before it is served
            self.port = self.server.server_address[1]
            threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def down(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.timeout = 0
            for _ in range(WAITING):  # serve accepted connections; only new ones are refused
                self.server.handle_request()
            self.server.server_close()
            self.server = None


class _Rates(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"cents": 490}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """No log."""


class World:
    def __init__(self, folder: Path, port: int, rate: float):
        self.folder, self.port, self.rate = folder, port, rate
        self.token, self.mailer_key = secrets.token_hex(16), secrets.token_hex(8)
        self.accepted, self.slack, self.broken = {self.mailer_key}, slack.SimulatedSlack(), {}
        self.telemetry, self.carrier, self.repo = Telemetry(), Carrier(), ShopRepo(folder).build()
        self.mail, self.alarms = smtp.MailServer(), Alarms(self.telemetry)
        environment = {
            "SENTRY_DSN": f"http://public@127.0.0.1:{port}/1",
            "CARRIER_URL": f"http://127.0.0.1:{self.carrier.port}",
            "MAILER_URL": f"http://127.0.0.1:{port}/upstream/mailer",
            "MAILER_KEY": self.mailer_key,
        }
        self.deployments = Deployments(folder / "deployments", self.repo, self.telemetry, environment)

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
        )
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
        if fault.name == "carrier-down":
            self.carrier.down()
        elif fault.name == "mailer-key-revoked":
            self.accepted.discard(self.mailer_key)
        else:
            self._deploy(self.repo.ship(fault))
        self.broken[fault.name] = time.time()
        return {"shipped": fault.name, "at": self.broken[fault.name]}

    def _mend(self, fault) -> dict:
        if fault.name == "carrier-down":
            self.carrier.up()
        elif fault.name == "mailer-key-revoked":
            self.accepted.add(self.mailer_key)
        else:
            self._deploy(self.repo.revert(fault))
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
        if request.headers.get("x-key") not in self.accepted:
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
        (self.folder / "sandbox.json").write_text(
            json.dumps({"token": self.token, "port": self.port, "mail_port": self.mail_port, "pid": os.getpid()})
        )
        await drive(self.base, lambda: self.rate)


def environment(folder: Path) -> dict[str, str]:
    """The product's settings that point it at this world."""
    state = json.loads((folder / "sandbox.json").read_text())
    base = f"http://127.0.0.1:{state['port']}"
    return {
        "SANDBOX_URL": base,
        "SANDBOX_TOKEN": state["token"],
        "DATA_DIR": str(folder / "data"),
        "ROUND_SECONDS": "10",
        "PLATFORM_FILE": str(folder / "platform.toml"),
        "DATADOG_URL": f"{base}/datadog",
        "DATADOG_API_KEY": datadog.API_KEY,
        "DATADOG_APP_KEY": datadog.APP_KEY,
        "SENTRY_URL": f"{base}/sentry",
        "SENTRY_TOKEN": sentry.TOKEN,
        "SENTRY_ORG": sentry.ORG,
        "NEWRELIC_URL": f"{base}/newrelic/graphql",
        "NEWRELIC_API_KEY": newrelic.KEY,
        "NEWRELIC_ACCOUNT_ID": str(newrelic.ACCOUNT),
        "AWS_ENDPOINT_URL": f"{base}/aws",
        "AWS_ACCESS_KEY_ID": cloudwatch.KEY,
        "AWS_SECRET_ACCESS_KEY": cloudwatch.SECRET,
        "AWS_REGION": cloudwatch.REGION,
        "CLOUDWATCH_LOG_GROUPS": cloudwatch.GROUP,
        "CLOUDWATCH_NAMESPACE": cloudwatch.NAMESPACE,
        "GITHUB_URL": f"{base}/github",
        "GITHUB_TOKEN": github.TOKEN,
        "VERCEL_URL": f"{base}/vercel",
        "VERCEL_TOKEN": vercel.TOKEN,
        "SLACK_URL": f"{base}/slack/api",
        "SLACK_TOKEN": slack.TOKEN,
        "SLACK_CHANNEL": slack.CHANNEL,
        "SLACK_SIGNING_SECRET": slack.SIGNING_SECRET,
        "OSV_URL": f"{base}/osv",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(state["mail_port"]),
        "SMTP_STARTTLS": "false",
        "SMTP_USER": smtp.USER,
        "SMTP_PASSWORD": smtp.PASSWORD,
        "EMAIL_FROM": smtp.SENDER,
        "EMAIL_TO": smtp.RECEIVER,
    }


def write_environment(folder: Path) -> int:
    """Write them to .env, for a product in another container that shares the folder and the loopback."""
    text = "".join(f"{name}='{value}'\n" for name, value in environment(folder).items())
    (folder / ".env").write_text(text, encoding="utf-8")
    return 0


PLATFORM = """version = 1

[repositories.shop]
remote = "{origin}"
github = "acme/shop"
vercel_project = "shop"
production_url = "http://127.0.0.1:{port}/edge/shop"
folder = "."
source = ["shop"]
tests = "tests"
environment_build = "platform"  # the shop needs nothing besides

{services}
[guards]
minimum_occurrences = 2
deployments_per_hour = 50

[fix.autonomy]
granted = ["*/embedded/sibling"]  # for the demonstration: here no class has the outcomes yet to earn it

[watch]
seconds = 20  # a demonstration decides in seconds, on less evidence than the defaults ask for
earliest = 8
every = 3
minimum_requests = 20
missed_harm = 0.15
cured_share = 0.5
error_rate_margin = 0.05
latency_floor_ms = 500  # this machine builds and tests besides

[metrics]
requests = "shop.requests"
errors = "shop.errors"
p95_ms = "shop.latency.p95"
step = 5

[fix]
allow_limited_runner = true

[slack.people]
{user} = "approver"
"""
SERVICES = {"catalog": "low", "cart": "low", "checkout": "medium", "pricing": "low", "search": "low", "account": "low"}


def write_platform(folder: Path, port: int) -> None:
    services = "".join(
        f'[services.{name}]\nrepository = "shop"\nimpact = "{impact}"\ncritical = {str(name == "checkout").lower()}\n'
        f'upstreams = ["carrier", "mailer"]\n\n'
        for name, impact in SERVICES.items()
    )
    (folder / "platform.toml").write_text(
        PLATFORM.format(origin=(folder / "origin.git").resolve(), port=port, services=services, user=slack.USER)
    )


def serve(folder: Path, port: int, rate: float) -> None:
    """Run until SIGTERM."""
    folder.mkdir(parents=True, exist_ok=True)
    write_platform(folder, port)
    world = World(folder.resolve(), port, rate)
    uvicorn.run(
        Starlette(routes=world.routes(), lifespan=world.lifespan), host="127.0.0.1", port=port, log_level="warning"
    )
