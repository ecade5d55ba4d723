"""A console on a database of its own, and a visitor without a browser."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from console import context
from core.settings import ROOT, Settings

PLATFORM = """\
# Services and policy of the shop; the console edits this file and keeps its comments.
version = 1

[repositories.shop]
remote = "https://git.example/shop.git"

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
    """Settings and an empty store of this test alone."""
    (folder / "platform.toml").write_text(values.pop("platform", PLATFORM), encoding="utf-8")
    return context.configure(
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


def visit(page: str, **query: object) -> AppTest:
    """The page as a visitor sees it, after one run."""
    at = AppTest.from_file(str(ROOT / "console" / "main.py"), default_timeout=60)
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
