"""Known vulnerabilities in the flow, asked of OSV's simulator over loopback: refused, noted, or a person's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import stamina
from sqlmodel import select

from core.db import store
from core.demo.vendors import osv as simulator
from core.models import Review, Stage, StageRun, Status
from core.repair import engine
from core.vendors.base import ReviewProgress
from core.vendors.command import git
from core.vendors.http import Http
from core.vendors.osv import Osv
from tests.stories.test_coderabbit_review import RULES, Peer
from tests.stories.world import FIXED, until
from tests.vendors.simulators import serving

PINS = "sentry-sdk==2.7.1\nPyYAML==5.3.1\n"
NOTED = "sentry-sdk 2.7.1 has GHSA-g92j-qhmh-64v2 (LOW, CVE-2024-40647; fixed in 2.8.0)"


@pytest.fixture(autouse=True)
def no_waiting():
    """Retries happen, their waits do not."""
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


@pytest.fixture(scope="module")
def address():
    with serving(simulator.SimulatedOsv().routes) as url:
        yield f"{url}/osv"


def start(world, address: str):
    """A world whose shop pins two packages with a vulnerability each, and imports one of them."""
    w = world()
    team = w.folder / "team"
    (team / "requirements.txt").write_text(PINS)
    (team / "report.py").write_text("import sentry_sdk\n")
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", "What it stands on")
    git(team, "push", "--quiet", str(w.origin), "main")
    sha = git(team, "rev-parse", "HEAD").strip()
    w.ledger.put("deployments", {"team": {"vendor_id": "dpl_1", "sha": sha, "kind": "production"}})
    w.rt.advisories = Osv(Http("osv", address), "the simulator")
    return w


def importing(monkeypatch, module: str) -> list[list[str]]:
    """The fixer's patch imports ``module``; what each attempt is told of the ones before."""
    heard, write = [], engine.repair

    def repair(tree, crash, *, feedback, **other):
        heard.append(list(feedback))
        made = write(tree, crash, **other)
        return replace(made, candidate=replace(made.candidate, files={"shop.py": f"import {module}\n\n\n{FIXED}"}))

    monkeypatch.setattr(engine, "repair", repair)
    return heard


def ended(w, *states) -> object:
    issue_id = w.issue()
    return until(lambda: w.get(issue_id) if w.get(issue_id).status in states else None)


def reviews() -> list[Review]:
    with store.read() as session:
        return session.exec(select(Review).order_by(Review.id)).all()


def scanned(review: Review) -> list[dict]:
    return [f for f in review.findings if f["gate"] == "vulnerabilities"]


def test_a_change_that_imports_a_vulnerable_package_is_refused_with_its_reason(world, address, monkeypatch):
    heard = importing(monkeypatch, "yaml")
    w = start(world, address)
    issue = ended(w, Status.ESCALATED, Status.RESOLVED)
    reason = "pyyaml 5.3.1, newly imported, has GHSA-8q59-q68h-6hv4 (CRITICAL, CVE-2020-14343; fixed in 5.4)"
    assert issue.status is Status.ESCALATED and reason in issue.reason
    assert reason in " ".join(heard[1]) and NOTED not in " ".join(heard[1]), "the fixer hears of its own faults alone"
    first = reviews()[0]
    assert not first.passed
    assert [(f["severity"], f["path"]) for f in scanned(first)] == [
        ("error", "requirements.txt"),
        ("note", "requirements.txt"),
    ]
    assert not w.ledger.effects()


def test_a_vulnerability_that_was_there_is_noted_and_stops_nothing(world, address):
    w = start(world, address)
    bodies = []
    opened = w.rt.host.open_pull
    w.rt.host.open_pull = lambda *given: bodies.append(given[-1]) or opened(*given)
    issue = ended(w, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    (review,) = reviews()
    gate = next(g for g in review.gates if g["gate"] == "vulnerabilities")
    assert gate["passed"] and gate["done"]
    assert gate["says"].startswith("the simulator checked 2 pinned packages; the change adds no known vulnerability")
    assert [f["says"].split(":")[0] for f in scanned(review) if f["severity"] == "note"][1] == NOTED
    assert NOTED in bodies[0] and "Sentry's Python SDK unintentionally exposes environment variables" in bodies[0]


@pytest.mark.parametrize(("module", "status"), [("json", Status.RESOLVED), ("yaml", Status.AWAITING_APPROVAL)])
def test_out_of_reach_goes_on_without_a_new_package_and_asks_a_person_with_one(world, monkeypatch, module, status):
    importing(monkeypatch, module)
    w = start(world, "http://127.0.0.1:9")
    assert ended(w, status, Status.ESCALATED).status is status
    (review,) = reviews()
    gate = review.gates[-1]
    assert (review.passed, gate["passed"], gate["done"]) == (True, module == "json", False)
    assert "not scanned: osv: is unreachable at 127.0.0.1:9" in gate["says"]
    assert bool(w.ledger.effects("production")) == (module == "json")
    with store.read() as session:
        line = session.exec(select(StageRun).where(StageRun.stage == Stage.REVIEW)).one()
    assert line.says.startswith("3 of 4 gates ran and passed; vulnerabilities: not scanned")


def test_another_reviewers_consent_is_not_the_scans(world, monkeypatch):
    importing(monkeypatch, "yaml")
    w = start(world, "http://127.0.0.1:9")
    w.settings.platform_file.write_text(w.settings.platform_file.read_text() + RULES.format(minutes=5))
    w.rt.reviewer = Peer(ReviewProgress("done", message="no findings"))
    assert ended(w, Status.AWAITING_APPROVAL, Status.ESCALATED).status is Status.AWAITING_APPROVAL
    assert not w.ledger.effects("production")
