"""A platform with two services, its real routes, and a collection cycle on demand."""

from __future__ import annotations

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console import process
from console.server import app as server
from console.server import ingest, quotas
from core import bootstrap
from core.access import ingest_tokens
from core.db import store
from core.inputs import inbox, sources
from core.models import Issue, Metric, Signal
from core.ops import fencing
from core.settings import Settings
from core.stages import recovered
from core.stages.collect import Collector
from core.stages.group import group_new
from tests import blank

PLATFORM = """
[repositories.shop]
remote = "git@example.com:acme/shop.git"
github = "acme/shop"
vercel_project = "shop"

[services.cart]
repository = "shop"
upstreams = ["carrier"]

[services.billing]
repository = "shop"

[inputs.names]
"shop-cart" = "cart"
"""
SECRET = "a-shared-secret-of-some-length"


class World:
    """The routes, tokens, and cycles of one platform."""

    def __init__(self, settings: Settings, client: TestClient):
        self.settings, self.client = settings, client
        self.runtime = bootstrap.build(settings)
        self.collector = Collector()

    def token(self, service: str = "cart") -> str:
        return ingest_tokens.issue(service, by="test")

    def post(self, path: str, token: str = "", **more):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.client.post(path, headers=headers | more.pop("headers", {}), **more)

    def cycle(self) -> dict:
        detail = self.collector.round(self.runtime, inputs_only=True)
        group_new(self.runtime)
        recovered.close()
        return detail

    def polled(self, vendor: str) -> None:
        """The vendor's API is connected, too; the test itself stores what a cycle would read there."""
        made = sources.sources(self.settings, lambda: self.runtime.policy, [vendor])
        self.runtime.sources = [fencing.around(source, ()) for source in made]

    def signals(self) -> list[Signal]:
        with store.read() as session:
            return list(session.exec(select(Signal).order_by(Signal.id)))

    def issues(self) -> list[Issue]:
        with store.read() as session:
            return list(session.exec(select(Issue).order_by(Issue.id)))

    def points(self) -> dict[tuple[str, str], float]:
        """Sums by service and name."""
        found: dict[tuple[str, str], float] = {}
        with store.read() as session:
            for row in session.exec(select(Metric)):
                found[row.service, row.name] = found.get((row.service, row.name), 0.0) + row.value
        return found


@pytest.fixture
def url(tmp_path) -> str:
    """The address of the database; a module may give another."""
    return f"sqlite:///{blank.put(tmp_path / 'platform.db', blank.migrated)}"


@pytest.fixture
def world(tmp_path, url):
    (tmp_path / "platform.toml").write_text(PLATFORM, encoding="utf-8")
    settings = Settings(
        database_url=url,
        platform_file=tmp_path / "platform.toml",
        data_dir=tmp_path,
        sandbox_url="",
        sentry_webhook_secret=SECRET,
        github_webhook_secret=SECRET,
        datadog_webhook_token=SECRET,
        vercel_webhook_secret=SECRET,
    )
    process.configure(settings)
    ingest.strangers.__init__()
    quotas.limiters.clear()
    inbox.refusals.__init__()
    app = Starlette(routes=server.app._user_routes, middleware=server.app._user_middleware)
    with TestClient(app, client=("127.0.0.1", 50000)) as client:
        found = World(settings, client)
        yield found
        found.collector.close()
