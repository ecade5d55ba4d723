"""The ways to production of the six teams: what each simulated vendor or pipeline does, and what platform.toml says."""

from __future__ import annotations

import secrets
import sys
import threading
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from core.demo.deployments import Deployments
from core.demo.vendors import vercel
from tests.services.cluster import REGISTRY, ServiceCluster
from tests.services.github_pipeline import Pipeline
from tests.services.production import Failed, Production
from tests.services.repository import Repository
from tests.services.vendors import Vendors
from tests.vendors.kubernetes_api import TOKEN


class Way:
    """``toml`` goes into the repository's table and its sub-tables, ``environment`` into the platform's variables."""

    toml, tables = "", ""
    merges = False  # does the team release what lies on main?

    def __init__(self, name: str, vendors: Vendors, production: Any, repository: Repository, folder: Path):
        self.name, self.vendors, self.production = name, vendors, production
        self.repository, self.folder = repository, folder
        self.routes: list[BaseRoute] = []
        self.environment: dict[str, str] = {}

    def begin(self, sha: str) -> None:
        """The team's own first release, by its usual way."""
        self.production.deploy(sha)

    def turn(self) -> None:
        """What the team's pipeline does by itself between two looks."""


class PullRequest(Way):
    """The team's pipeline releases whatever lies on main, and tells GitHub of each deployment."""

    toml = 'delivery = "pull_request"\n'
    merges = True

    def __init__(self, *given):
        super().__init__(*given)
        self.pipeline = Pipeline(self.vendors.hub, self.production.deploy)
        self.routes = list(self.pipeline.routes)

    def begin(self, sha: str) -> None:
        self.pipeline.release(sha)

    def turn(self) -> None:
        if (head := self.repository.head()) != self.production.sha:
            self.pipeline.release(head)


class GitHubActions(Way):
    """A workflow of the repository deploys the commit that it is given."""

    WORKFLOW = "deploy.yml"
    toml = 'delivery = "github_actions"\n'

    def __init__(self, *given):
        super().__init__(*given)
        self.pipeline = Pipeline(self.vendors.hub, self.production.deploy)
        self.routes = list(self.pipeline.routes)
        self.tables = f'[repositories.{self.name}.github_actions]\nworkflow = "{self.WORKFLOW}"\n'

    def begin(self, sha: str) -> None:
        self.pipeline.by_hand(self.WORKFLOW, sha)


class Commands(Way):
    """A deploy tool of the team's own (``deploy_tool.py``) behind three commands."""

    toml = 'delivery = "commands"\n'

    def __init__(self, *given):
        super().__init__(*given)
        self.token, self.keys = secrets.token_hex(12), {}
        self.environment = {"DEPLOY_TOOL_TOKEN": self.token, "DEPLOY_TOOL_DEBUG": "never handed on"}
        self.routes = [Route("/deploy-tool/{what}", self.answer, methods=["POST"])]
        tool = Path(__file__).with_name("deploy_tool.py")
        argv = {
            what: f'["{sys.executable}", "{tool}", "{what}", "{self.vendors.url}"]'
            for what in ("deploy", "status", "rollback")
        }
        lines = "".join(f"{what} = {words}\n" for what, words in argv.items())
        self.tables = f'[repositories.{self.name}.commands]\n{lines}secrets = ["DEPLOY_TOOL_TOKEN"]\n'

    async def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"error": "no such token"}, 401)
        asked, what = await request.json(), request.path_params["what"]
        if what in ("deploy", "rollback") and asked["key"] not in self.keys:
            self.keys[asked["key"]] = "running"
            threading.Thread(target=self._deploy, args=(asked["key"], asked["sha"]), daemon=True).start()
        state = self.keys.get(asked["key"], "absent")
        return JSONResponse({"state": state, "sha": self.production.sha, "url": f"{self.vendors.url}/edge"})

    def _deploy(self, key: str, sha: str) -> None:
        try:
            self.production.deploy(sha)
            self.keys[key] = "live"
        except (Failed, RuntimeError):
            self.keys[key] = "failed"


class Vercel(Way):
    """Vercel builds and serves the monorepo's folder."""

    toml = 'delivery = "vercel"\nvercel_project = "shop"\n'

    def __init__(self, *given):
        super().__init__(*given)
        self.environment = {"VERCEL_URL": f"{self.vendors.url}/vercel", "VERCEL_TOKEN": vercel.TOKEN}
        self.routes = list(vercel.SimulatedVercel(self.production.deployments).routes)


class Kubernetes(Way):
    """A Deployment in the team's cluster; the registry has an image of every commit."""

    toml = 'delivery = "kubernetes"\n'

    def __init__(self, *given):
        super().__init__(*given)
        cluster = ServiceCluster(self.repository.head(), self.production.deploy)
        self.routes = [Mount("/kubernetes", app=cluster.app)]
        self.environment = {"KUBERNETES_API_URL": f"{self.vendors.url}/kubernetes", "KUBERNETES_TOKEN": TOKEN}
        table = f'namespace = "prod"\ndeployment = "shop"\ncontainer = "web"\nimage = "{REGISTRY}:{{sha}}"\n'
        self.tables = f"[repositories.{self.name}.kubernetes]\n{table}"


class OnVercel:
    """The production of a service that Vercel serves; the same to a story as ``Production``."""

    def __init__(self, plain: Production, hears):
        self.plain = plain
        self.deployments = _ServiceDeployments(plain, hears)
        self.served: list[str] = []

    @property
    def sha(self) -> str:
        live = self.deployments.production()
        return live.sha if live else ""

    @property
    def url(self) -> str:
        live = self.deployments.production()
        return f"http://127.0.0.1:{live.port}" if live else "http://127.0.0.1:9"

    def deploy(self, sha: str) -> None:
        made = self.deployments.create(sha, "main", "production", {"by": "team"})
        while made.state == "BUILDING":
            threading.Event().wait(0.1)
        if made.state != "READY":
            raise Failed(" ".join(made.output[-5:]))
        self.deployments.point(made.id)

    def close(self) -> None:
        self.deployments.close()


class _ServiceDeployments(Deployments):
    """Processes of the service in its own environment, in place of the demo's shop."""

    def __init__(self, plain: Production, hears):
        super().__init__(plain.folder, plain.repository, _Ear(hears), {})  # type: ignore[arg-type]
        self.plain = plain

    def _start(self, made) -> None:
        plain = self.plain
        made.argv = lambda: plain._filled(plain.command, made.sha, made.port)
        self.environment = {**plain.environment(made.sha), "PYTHONPATH": f"{self.folder / made.id / plain.subfolder}"}
        super()._start(made)


class _Ear:
    def __init__(self, hears):
        self.hears = hears

    def line(self, text: str, environment: str) -> None:
        if environment == "production":
            self.hears(text.rstrip("\n"))


WAYS = {
    "pull_request": PullRequest,
    "github_actions": GitHubActions,
    "commands": Commands,
    "vercel": Vercel,
    "kubernetes": Kubernetes,
}
