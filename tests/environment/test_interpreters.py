"""Which interpreter a service gets, and that the scripts of the platform run on each of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from core.models import Crash, Frame, Raised
from core.repair.environment.fault import EnvironmentFault
from core.repair.environment.interpreters import Installed, choose, installed
from core.repair.sandbox.interpreter import Interpreter
from core.repair.sandbox.probe import Call, observed, probe, probes
from core.repair.sandbox.runner import BubblewrapRunner, LimitedRunner

HERE = [Installed(Path(f"/{v}"), Path("/"), Version(v)) for v in ("3.13.0", "3.12.4", "3.12.1", "3.11.7", "3.9.18")]
CODE = {
    "shop.py": "def share(part, whole):\n    return part / whole\n",
    "json.py": "raise SystemExit('shadowed')\n",
    "ast.py": "raise SystemExit('shadowed')\n",
}


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        ([], "3.13.0"), ([("3.12", "")], "3.12.4"), ([("3.12.1", "")], "3.12.1"), ([("3.12.9", "")], "3.12.4"),
        ([(">=3.9,<3.12", "")], "3.11.7"), ([("no version", ""), ("3.9", "")], "3.9.18"),
        ([("3.11", ""), ("3.9", "")], "3.11.7"),
    ],
)  # fmt: skip
def test_the_newest_that_is_asked_for(wishes, chosen):
    assert str(choose(wishes, HERE).version) == chosen


def test_a_version_that_is_missing_is_named_with_who_asked_for_it():
    with pytest.raises(EnvironmentFault, match=r"Dockerfile requires Python 3.8, but this machine has 3.13.0"):
        choose([("3.8", "Dockerfile")], HERE)
    with pytest.raises(EnvironmentFault, match="no Python from 3.9"):
        choose([], [])


def bare(one: Installed) -> Interpreter:
    return Interpreter(one.python, one.short, (one.prefix,))


@pytest.mark.parametrize(
    "one", {found.short: found for found in installed()}.values(), ids=lambda one: str(one.version)
)
def test_the_harness_probes_code_on_every_version(checkout, one):
    tree, runner = checkout(CODE), BubblewrapRunner(bare(one))
    crash = Crash(
        exception=Raised(type="ZeroDivisionError", message="division by zero"),
        frames=(Frame(file="shop.py", line=2, function="share", in_app=True),),
    )
    fine, broken = probe(tree, [Call("from shop import share", f"share(1, {n})") for n in (2, 0)], runner)
    assert (fine.result, broken.error, broken.file, broken.line) == ("float 0.5", "ZeroDivisionError", "shop.py", 2)
    fixed = {"shop.py": "def share(part, whole):\n    return 0\n"}
    two = probes(tree, [Call("from shop import share", "share(1, 0)")], [{}, fixed], runner)
    assert [outcomes[0].result for outcomes in two] == ["", "int 0"]
    seen = observed(tree, Call("from shop import share", "share(1, 0)"), crash, runner)
    assert seen.frames[-1].locals["whole"] == "0"


@pytest.mark.parametrize(
    "one", {found.short: found for found in installed()}.values(), ids=lambda one: str(one.version)
)
@pytest.mark.parametrize("kind", [BubblewrapRunner, LimitedRunner])
def test_no_module_of_the_tree_is_loaded_before_our_script(checkout, one, kind):
    done = kind(bare(one)).run(["python", "-P", "-c", "import json; print(json.__name__)"], checkout(CODE))
    assert done.stdout == "json\n", done.stderr
