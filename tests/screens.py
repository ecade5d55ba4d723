"""A console on a separate database, and a visitor without a browser."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from console import process
from core.access import sessions
from core.db import store
from core.models import now
from core.models.access import Person, Role, SignIn
from core.settings import ROOT, Settings
from tests import blank

# AppTest reads the metadata of every installed package at each visit: 0.15 s that never change.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

PLATFORM = """\
# Services and policy of the shop; the console edits this file and keeps its comments.
version = 1

[repositories.shop]
remote = "https://git.example/shop.git"
vercel_project = "shop"

[guards]
critical_services = ["payment"]  # a person approves before production
deployments_per_hour = 5

[services.checkout]
repository = "shop"
critical = true
impact = "high"

[services.payment]
repository = "shop"
impact = "high"
upstreams = ["api.stripe.com"]

[services.cart]
repository = "shop"

[services.catalog]
repository = "shop"

[services.search]
repository = "shop"
impact = "low"

[services.account]
repository = "shop"

[services.pricing]
repository = "shop"
"""


def open_console(folder: Path, **values) -> Settings:
    """Settings and an empty store for this test."""
    (folder / "platform.toml").write_text(values.pop("platform", PLATFORM), encoding="utf-8")
    (folder / "platform.db").write_bytes(values.pop("database", with_people)())
    return process.configure(
        Settings(
            **{
                "database_url": f"sqlite:///{folder / 'platform.db'}",
                "platform_file": folder / "platform.toml",
                "data_dir": folder,
                "console_engine": False,
                "sandbox_url": "",
                **values,
            }
        )
    )


def open_empty(folder: Path) -> Settings:
    """Settings of a console on an empty platform: people, and no platform.toml."""
    folder.mkdir()
    settings = open_console(folder)
    settings.platform_file.unlink()
    return settings


@cache
def with_people() -> bytes:
    """A database with only people."""
    return blank.made(people)


@cache
def with_workflows() -> bytes:
    """A database with people, and with the tables of waiting workflows."""
    return blank.made(people, blank.workflows)


def people() -> None:
    """One signed-in person per role, named after it; bob is a second approver. They have no passwords."""
    with store.write() as session:
        for name, role in (*((role.value, role) for role in Role), ("bob", Role.APPROVER)):
            session.merge(Person(name=name, role=role))
            session.flush()
            end = now() + timedelta(hours=12)  # the database is kept for the whole run
            session.merge(SignIn(id=sessions.digest(name), person=name, expires_at=end))


def nobody() -> None:
    """Take everybody out, as on a new platform."""
    with store.write() as session:
        for table in (SignIn, Person):
            for row in session.exec(store.select(table)):
                session.delete(row)
            session.flush()


def cookie(name: str, agent: str) -> str:
    """The cookie of a new session of this person in the browser with the User-Agent ``agent``."""
    return sessions.begin(name, agent, "127.0.0.1", 1)


def visit(page: str, person: str = "admin", **query: object) -> AppTest:
    """The page as this person sees it, after one run."""
    at = AppTest.from_file(str(ROOT / "console" / "server" / "main.py"), default_timeout=60)
    at.user = {"session": sessions.digest(person)}
    at.run()
    for name, value in query.items():
        at.query_params[name] = str(value)
    return at.switch_page(str(ROOT / "pages" / f"{page}.py")).run()


def seen(at: AppTest) -> str:
    """All HTML and text on the page."""
    drawn = [e.proto.body for e in at.get("html") if not e.proto.body.startswith("<style>")]
    kinds = ("title", "header", "markdown", "text", "caption", "error", "warning", "info")
    told = [element.value for kind in kinds for element in getattr(at, kind)]
    return "\n".join([*drawn, *map(str, told)])
