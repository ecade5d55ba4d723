"""Pictures of every page in light, dark and phone width: python -m tests.browser.screenshots FOLDER [LOOK ...]

The looks of a tablet (1024 pixels) are taken only on demand: tablet-light and tablet-dark.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page
from sqlmodel import select, update

from core.db import store
from core.models import ChangeSet, Deployment, Issue, Status, Worker, now
from core.settings import ROOT
from tests.browser.server import PHONE, browsing, serving, settled, visiting

LOOKS = {  # name: how the browser is set
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 900}, "user_agent": PHONE},
}

ON_DEMAND = {
    "tablet-light": {"color_scheme": "light", "viewport": {"width": 1024, "height": 900}},
    "tablet-dark": {"color_scheme": "dark", "viewport": {"width": 1024, "height": 900}},
}


def addresses() -> dict[str, str]:
    with store.read() as session:
        waits = session.exec(select(Issue.id).where(Issue.status == Status.AWAITING_APPROVAL)).one()
        change = session.exec(select(ChangeSet.id).where(ChangeSet.issue_id == waits)).one()
        shipped = session.exec(select(Deployment.id).where(Deployment.status == "watching")).one()
    return {"pipeline": "/", "approvals": "/approvals", "issues": "/issues", "issue": f"/issues?issue={waits}",
            "codegen": "/codegen", "change": f"/codegen?change={change}", "deployments": "/deployments",
            "deployment": f"/deployments?deployment={shipped}", "kpis": "/kpis", "calibration": "/kpis",
            "policy": "/policy", "audit": "/audit", "settings": "/settings", "setup": "/setup",
            "people": "/people", "documentation": "/documentation"}  # fmt: skip


def take(folder: Path, looks: Sequence[str] = tuple(LOOKS)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, serving(Path(data)) as address, browsing() as browser:
        for look in looks:
            options = (LOOKS | ON_DEMAND)[look]
            with visiting(browser, address, **options) as visit:
                for name, path in addresses().items():
                    beat()
                    page = visit.new_page()
                    settled(page.goto(path) and page)
                    for step in STEPS.get(name, ()):
                        step(page)
                    picture(page, options["viewport"]["width"], folder / f"{name}-{look}.png")
                    page.close()
            sign_in(browser, address, folder / f"signin-{look}.png", **options)


def beat() -> None:
    """The scene's worker lives while its pictures are taken."""
    with store.write() as session:
        session.exec(update(Worker).values(heartbeat=now()))


def sign_in(browser: Browser, address: str, file: Path, **options) -> None:
    """What a visitor sees who is not signed in."""
    visit = browser.new_context(base_url=address, **options)
    page = visit.new_page()
    page.goto("/login")
    shoot(page, file)
    visit.close()


def preview(page: Page) -> None:
    """A stricter policy, and what it would have decided."""
    page.get_by_text("Change", exact=True).click()
    field = page.get_by_label("High severity, low impact (row 5)")
    field.fill("0.95")
    field.press("Tab")
    page.wait_for_selector("text=Would change")


def calibration(page: Page) -> None:
    page.get_by_role("tab", name="Calibration").click()
    page.wait_for_selector(".js-plotly-plot .main-svg")


STEPS = {"policy": (preview,), "calibration": (calibration,)}


def picture(page: Page, width: int, file: Path) -> None:
    """The whole page in one picture of at most 2,600 pixels."""
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": width, "height": max(700, min(2600, height + 20))})
    page.wait_for_timeout(600)  # resizing redraws charts
    shoot(page, file)


def shoot(page: Page, file: Path) -> None:
    """In 256 colours, a fifth of the weight: the commonest as they are, the rest for rare ones, as a chart's parts."""
    with Image.open(BytesIO(page.screenshot())) as opened:
        shot = opened.convert("RGB")
    common = sorted(shot.getcolors(shot.width * shot.height), reverse=True)[:192]
    rare = shot.quantize(256 - len(common), Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).getpalette()
    colours = Image.new("P", (1, 1))
    colours.putpalette([part for _, colour in common for part in colour] + rare)
    shot.quantize(palette=colours, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots", sys.argv[2:] or tuple(LOOKS))
