"""Pictures of every page in light, dark and phone width: python -m tests.browser.screenshots FOLDER"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from sqlmodel import select

from core import store
from core.models import ChangeSet, Deployment, Issue, Status
from core.settings import ROOT
from tests.browser.server import browsing, serving, settled, visiting

LOOKS = {"light": ("light", 1440), "dark": ("dark", 1440), "phone": ("light", 390)}


def addresses() -> dict[str, str]:
    with store.read() as session:
        waits = session.exec(select(Issue.id).where(Issue.status == Status.AWAITING_APPROVAL)).one()
        change = session.exec(select(ChangeSet.id).where(ChangeSet.issue_id == waits)).one()
        shipped = session.exec(select(Deployment.id).where(Deployment.status == "verified")).first()
    return {"pipeline": "/", "approvals": "/approvals", "issues": "/issues", "issue": f"/issues?issue={waits}",
            "codegen": "/codegen", "change": f"/codegen?change={change}", "deployments": "/deployments",
            "deployment": f"/deployments?deployment={shipped}", "kpis": "/kpis"}  # fmt: skip


def take(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, serving(Path(data)) as address, browsing() as browser:
        for look, (scheme, width) in LOOKS.items():
            visit = visiting(browser, address, color_scheme=scheme, viewport={"width": width, "height": 900})
            for name, path in addresses().items():
                page = visit.new_page()
                page.goto(path)
                settled(page)
                if name == "kpis":
                    page.wait_for_selector(".js-plotly-plot .main-svg")
                height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
                page.set_viewport_size({"width": width, "height": max(700, min(2600, height + 20))})
                page.wait_for_timeout(600)  # resizing redraws charts
                page.screenshot(path=folder / f"{name}-{look}.png")
                page.close()
            visit.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots")
