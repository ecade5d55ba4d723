"""What a preview must pass before production: the service's smoke command, and the checks of the team's CI."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from core.db import store
from core.models import Deployment, Status
from core.repair.sandbox.runner import BubblewrapRunner
from core.stages.deliver import ci_checks
from core.vendors.command import git
from tests.real import need_sandbox
from tests.stories.world import FolderDeployer, FolderHost, until
from tests.vendors.loopback import serving

SMOKE = """
import os, urllib.request
print(urllib.request.urlopen(os.environ["PREVIEW_URL"] + "/price").read().decode(), "password=hunter2hunter2")
"""
needs_sandbox = pytest.mark.usefixtures("sandboxed")


@pytest.fixture
def sandboxed():
    need_sandbox()


def price(_request):
    return PlainTextResponse("<b>12</b>")


def ended(w, issue_id):
    return until(
        lambda: w.get(issue_id) if w.get(issue_id).status in (Status.RESOLVED, Status.ESCALATED) else None, 120
    )


def preview_row() -> Deployment:
    with store.read() as session:
        return session.exec(select(Deployment).where(Deployment.environment == "preview")).one()


def asking(w, text: str) -> None:
    """Add a table of the policy below the repository."""
    path = w.settings.platform_file
    path.write_text(f"{path.read_text()}\n{text}\n")


def smoking(w, monkeypatch, url: str, command: str = '["python", "smoke.py"]') -> None:
    """The shop has a smoke command, and its preview is at ``url``."""
    team = w.folder / "team"
    (team / "smoke.py").write_text(SMOKE)
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", "A smoke command")
    git(team, "push", "--quiet", str(w.origin), "main")
    sha = git(team, "rev-parse", "HEAD").strip()
    w.ledger.put("deployments", {"team": {"vendor_id": "dpl_1", "sha": sha, "kind": "production"}})
    w.rt.runner = BubblewrapRunner()
    shape = FolderDeployer._shape

    def at_url(self, row):
        made = shape(self, row)
        return replace(made, url=url) if row["kind"] == "preview" else made

    monkeypatch.setattr(FolderDeployer, "_shape", at_url)
    asking(w, f"[repositories.shop.smoke]\ncommand = {command}\nseconds = 30")


@needs_sandbox
def test_a_preview_that_passes_its_smoke_command_goes_to_production(world, monkeypatch):
    with serving(Starlette(routes=[Route("/price", price)])) as url:
        w = world()
        smoking(w, monkeypatch, url)
        issue = ended(w, w.issue())
    assert issue.status is Status.RESOLVED, issue.reason
    kept = preview_row().judged["smoke"]
    assert kept["passed"] and kept["requests"] == 1
    assert "<b>12</b>" in kept["output"] and "hunter2" not in kept["output"]


@needs_sandbox
def test_a_smoke_command_that_fails_keeps_the_fix_from_production(world, monkeypatch):
    with serving(Starlette(routes=[])) as url:
        w = world()
        smoking(w, monkeypatch, url)
        issue = ended(w, w.issue())
    assert issue.status is Status.ESCALATED
    assert "The smoke command failed against the preview: it ended with 1" in issue.reason
    assert not w.ledger.effects("production")
    row = preview_row()
    assert row.status == "failed" and "404" in row.judged["smoke"]["output"]


def test_without_the_full_sandbox_the_smoke_command_does_not_run(world, monkeypatch):
    w = world()
    asking(w, '[repositories.shop.smoke]\ncommand = ["python", "smoke.py"]')
    issue = ended(w, w.issue())
    assert "the smoke command needs the full sandbox" in issue.reason
    assert not w.ledger.effects("production")


def checks(w, monkeypatch, *answers: list[tuple[str, str]]) -> None:
    """GitHub's checks of the fix at each look: (name, conclusion), empty while it runs."""
    asking(w, "[repositories.shop.ci]\nenabled = true")
    monkeypatch.setattr(ci_checks, "LOOK_SECONDS", 0.1)
    given = list(answers)

    def runs(self, repository, sha):
        now = given.pop(0) if len(given) > 1 else given[0]
        return [
            {"id": n, "name": name, "status": "completed" if ended else "in_progress", "conclusion": ended or None}
            for n, (name, ended) in enumerate(now)
        ]

    monkeypatch.setattr(FolderHost, "check_runs", runs, raising=False)
    monkeypatch.setattr(FolderHost, "statuses", lambda *_: {"platform/review": "success"}, raising=False)


def test_the_checks_of_ci_are_waited_for(world, monkeypatch):
    w = world()
    checks(w, monkeypatch, [], [("test", "")], [("test", "success")])
    issue = ended(w, w.issue())
    assert issue.status is Status.RESOLVED, issue.reason


def test_a_red_check_keeps_the_fix_from_production(world, monkeypatch):
    w = world()
    checks(w, monkeypatch, [("test", "")], [("test", "failure")])
    issue = ended(w, w.issue())
    assert issue.status is Status.ESCALATED and "1 CI check failed: test (failure)" in issue.reason
    assert not w.ledger.effects("production")
    assert preview_row().status == "failed"
