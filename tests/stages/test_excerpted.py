"""The code around the frames, for the prompts of models."""

from __future__ import annotations

import pytest

from core.models import Crash, Frame, Kind, Raised, Record, now
from core.signals.analysis.types import IssueFacts
from core.stages import excerpted, workspace
from core.vendors.base import VendorError
from core.vendors.command import CommandError
from tests.stories.world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def facts(service: str, *frames: Frame) -> IssueFacts:
    crash = Crash(exception=Raised(type="ZeroDivisionError", message="division by zero"), frames=list(frames))
    return IssueFacts(
        "t", service, [Record(source="s", vendor_id="1", kind=Kind.EXCEPTION, title="t", at=now(), crash=crash)]
    )


def test_the_code_around_the_frames_is_read(world):
    path, text = next((p, t) for p, t in sources(world) if "    return " in t)
    line = next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith("    return "))
    found = excerpted.around(world.rt, 1, 1, facts("pricing", Frame(file=path, line=line, function="f")))
    assert found[0].startswith(f"{path}:") and text.splitlines()[line - 1] in found[0]
    assert sum(map(len, found)) < excerpted.BUDGET + 500
    assert not list((world.rt.settings.data_dir / "worktrees").glob("analysis-*")), "its checkout is removed"


def sources(world):
    name, repository = world.rt.repository_of("pricing")
    clone = workspace.clone(world.rt, name, repository)
    names = clone.git("ls-tree", "-r", "--name-only", "refs/remotes/origin/main").splitlines()
    return [(n, clone.git("show", f"refs/remotes/origin/main:{n}")) for n in names if n.endswith(".py")]


@pytest.mark.parametrize("service", ["pricing", "nobody"])
@pytest.mark.parametrize("fault", [CommandError("no route"), VendorError("vercel", "is away")])
def test_without_the_repository_the_analysis_goes_on_without_code(world, service, fault, monkeypatch):
    def unreachable(*_):
        raise fault

    monkeypatch.setattr(workspace, "clone", unreachable)
    assert excerpted.around(world.rt, 1, 1, facts(service, Frame(file="shop.py", line=1))) == []


def test_without_a_crash_nothing_is_cloned(world, monkeypatch):
    monkeypatch.setattr(workspace, "clone", None)
    assert excerpted.around(world.rt, 1, 1, IssueFacts("t", "pricing", ())) == []
