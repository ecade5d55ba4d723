"""A service in a folder of its repository is fixed, tested and examined there, on its own interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.db import store
from core.models import Crash, Frame, Raised
from core.policy.sections import FixRules
from core.repair.engine import repair
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.sandbox import checkout
from core.repair.sandbox.runner import BubblewrapRunner
from core.runtime import Runtime
from core.settings import Settings
from core.stages import readiness, workspace
from core.stages.ground import ground
from core.vendors.command import git
from tests.real import need_sandbox

SERVICE = "services/orders"
FILES = {
    "README.md": "",
    "libs/unrelated.py": "",
    f"{SERVICE}/setup.cfg": "[tool:pytest]\ntestpaths = checks\n",
    f"{SERVICE}/money.py": 'def first(prices):\n    """The first price, or None when there are none."""\n'
    "    return prices[0]\n",
    f"{SERVICE}/checks/test_money.py": "from money import first\n\n\ndef test_first():\n    assert first([3]) == 3\n",
}
POLICY = '[repositories.shop]\nremote = "{remote}"\nfolder = "services/orders"\npath_prefixes = ["/app"]\n{more}'
CRASH = Crash(
    exception=Raised(type="IndexError", message="list index out of range"),
    frames=(Frame(file="/app/money.py", line=3, function="first", code="return prices[0]", in_app=True),),
)


@pytest.fixture(autouse=True)
def _needs_bubblewrap():
    need_sandbox()


def world(folder: Path, files: dict[str, str], more: str = "") -> Runtime:
    origin = folder / "origin"
    for name, text in files.items():
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text(text)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
        git(origin, *command)
    (folder / "platform.toml").write_text(POLICY.format(remote=origin, more=more))
    settings = Settings(data_dir=folder / "data", platform_file=folder / "platform.toml")
    return Runtime(settings, runner=BubblewrapRunner())


def test_a_crash_in_a_folder_of_the_repository_is_repaired_there(tmp_path):
    rt = world(tmp_path, FILES)
    repository = rt.policy.repositories["shop"]
    found = workspace.clone(rt, "shop", repository)
    head = found.head("refs/remotes/origin/main")
    with workspace.tree(rt, found, "try", head) as root:
        stands = ground(rt, "shop", repository, found, head, root)
        told = stands.repository
        assert (told.folder, told.source, told.tests) == (SERVICE, ["."], "checks")
        assert stands.unprefixed(CRASH).frames[0].file == "money.py"
        result = repair(
            stands.within(root), stands.unprefixed(CRASH), fixers=[EmbeddedFixer()], rules=FixRules(), allowed=["**"],
            source=told.source, tests=told.tests, test_command=told.test_command, runner=stands.runner,
        )  # fmt: skip
        assert result.decision == "fix", result.reason
        assert result.test.path.startswith("checks/test_regression_") and set(result.candidate.files) == {"money.py"}
        changed = checkout.git(checkout.of(root), "status", "--porcelain", "--untracked-files=all").split()[1::2]
        assert sorted(changed) == sorted([stands.path("money.py"), stands.path(result.test.path)])
    assert stands.inner(f"{SERVICE}/money.py") == "money.py" and stands.inner("libs/unrelated.py") == ""
    assert ground(rt, "shop", repository, found, head) is stands, "it is found once for a commit"


def test_a_checkout_inside_of_a_checkout_is_not_taken_for_one(tmp_path):
    """A repository may hold a folder that looks like a git directory of the platform beside its service."""
    fake = {f"{SERVICE}.git/commondir": "/etc\n", f"{SERVICE}.git/HEAD": "x\n"}
    rt = world(tmp_path, FILES | fake)
    found = workspace.clone(rt, "shop", rt.policy.repositories["shop"])
    with workspace.tree(rt, found, "try", found.head("refs/remotes/origin/main")) as root:
        place = checkout.of(root / SERVICE)
        assert (place.tree, place.common) == (root.resolve(), found.path)


@pytest.fixture
def stored(tmp_path):
    store.open_store(f"sqlite:///{tmp_path / 'platform.db'}")
    yield
    store.engine().dispose()


def examined(rt: Runtime) -> dict[str, readiness.ReadinessStep]:
    return {step.what: step for step in readiness.examine(rt, "shop")}


def test_every_step_is_tried_and_says_what_came_of_it(tmp_path, stored):
    steps = examined(world(tmp_path, FILES))
    for name in ("clone", "branch", "push", "layout", "environment", "syntax", "imports", "tests"):
        assert steps[name].state == "ok" and steps[name].tried, steps[name]
    assert '"checks" (found)' in steps["layout"].message and '"services/orders" (set)' in steps["layout"].message
    assert steps["tests"].message == "1 test passed"
    assert steps["health"].state == steps["webhook of sentry"].state == "not tried"


BROKEN = {
    "a test that fails": (
        {f"{SERVICE}/checks/test_money.py": "def test_a():\n    assert 0\n\n\ndef test_b():\n    pass\n"}, "",
        "tests", "unsure", "checks/test_money.py::test_a",
    ),
    "tests that cannot be collected": (
        {f"{SERVICE}/checks/test_money.py": "import nowhere\n"}, "", "tests", "fault", "checks/test_money.py",
    ),
    "no tests": ({f"{SERVICE}/checks/test_money.py": ""}, "", "tests", "fault", "no test"),
    "a module that needs a package": (
        {f"{SERVICE}/web.py": "import flask\n"}, "", "imports", "unsure", "web: ModuleNotFoundError: No module named",
    ),
    "a syntax that is newer": ({f"{SERVICE}/new.py": "type x = int\nx = (\n"}, "", "syntax", "unsure", "new.py"),
    "another branch": ({}, 'branch = "master"', "branch", "fault", "existing branches: main"),
    "a Python that is missing": ({f"{SERVICE}/requirements.txt": "x"}, 'python = "3.1"', "environment", "fault", "3.1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_the_real_error_of_a_step_is_shown(tmp_path, stored, case):
    files, more, what, state, says = BROKEN[case]
    step = examined(world(tmp_path, FILES | files, more))[what]
    assert step.state == state and says in step.message and step.fix, step


def test_what_depends_on_a_fault_is_not_called_good(tmp_path, stored):
    rt = world(tmp_path, FILES)
    text = rt.settings.platform_file.read_text()
    rt.settings.platform_file.write_text(text.replace(str(tmp_path / "origin"), str(tmp_path / "gone")))
    steps = examined(Runtime(rt.settings, runner=rt.runner))
    assert steps["clone"].state == "fault" and "gone" in steps["clone"].message
    assert {steps[name].state for name in ("branch", "environment", "imports", "tests")} == {"not tried"}
    (unknown,) = readiness.examine(rt, "nope")
    assert unknown.state == "fault" and "shop" in unknown.message
