"""A service whose syntax is newer than the platform's own Python is read, repaired and reviewed like any other."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.models import Crash, Frame, Raised
from core.policy.sections import FixRules
from core.repair.engine import repair
from core.repair.environment import interpreters
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.judge.capabilities import capabilities
from core.repair.localize.sources import reading, tree_of
from core.repair.sandbox.interpreter import Interpreter
from core.repair.sandbox.newer_syntax import parsed, reader
from core.repair.sandbox.runner import BubblewrapRunner
from core.stages.review.imports import imported
from core.vendors.command import git
from tests.environment.index import serving
from tests.environment.test_build import GREETING
from tests.real import lacking

HERE = sys.version_info[:2]
NEWEST = next(iter(interpreters.installed()), None)
SYNTAX = {  # the first version that has it
    (3, 12): """
type Price = int


def first[T](rows: list[T]) -> T:
    return rows[0]


x = {"a": 1}
y = f"{x["a"]}"
""",
    (3, 14): """
try:
    pass
except ValueError, TypeError:
    x = t"{1 + 1}"
""",
}


@pytest.fixture
def newer() -> BubblewrapRunner:
    """A runner on a Python of this machine that is newer than the platform's, without any package."""
    if NEWEST is None or NEWEST.short <= HERE:
        lacking(f"no Python newer than {HERE[0]}.{HERE[1]} is installed", "CI needs one", "see CONTRIBUTING.md")
    return BubblewrapRunner(Interpreter(NEWEST.python, NEWEST.short, (NEWEST.prefix,)))


@pytest.mark.parametrize("since", SYNTAX)
def test_what_the_platform_cannot_parse_the_services_interpreter_parses(newer, since):
    if NEWEST.short < since:
        pytest.skip(f"Python {since[0]}.{since[1]} is not installed")
    with reading(reader(newer)):
        tree = tree_of(SYNTAX[since])
    assert all(node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr))


def test_a_rebuilt_tree_is_the_platforms_own_where_both_can_parse(newer):
    """Every construct of a real module; texts with fields have their exact places from Python 3.12 on alone."""
    text = Path(ast.__file__).read_text("utf-8") + CONSTANTS
    own, rebuilt = ast.parse(text), parsed(text, newer)
    assert ast.dump(rebuilt) == ast.dump(own)
    assert {*places(own)} == {*places(rebuilt)}


CONSTANTS = "z = [..., 1e999, -1e999j, 2j, b'\\x00', 'é\\udc80', 10**50, None, True]\n"


def places(tree: ast.Module) -> Iterator[tuple]:
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            yield type(node), node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def test_what_no_interpreter_can_parse_stays_broken(newer):
    with reading(reader(newer)), pytest.raises(SyntaxError):
        tree_of("x = (\n")
    with pytest.raises(SyntaxError):
        tree_of("type Broken = (\n")


def test_no_package_of_the_service_decides_how_its_code_is_read(newer, tmp_path):
    """A reader that loaded the service's site packages could hide a call from the review."""
    seen = reader(newer)("import sys\n")
    assert ast.unparse(seen) == "import sys"
    alone = newer.run(["python", "-I", "-S", "-c", "import sys; print([p for p in sys.path if 'site-packages' in p])"],
                      tmp_path)  # fmt: skip
    assert alone.stdout.strip() == "[]"


def test_a_new_capability_in_newer_syntax_is_seen(newer):
    old = "type Price = int\n\n\ndef pay(x):\n    return x\n"
    new = "type Price = int\nimport os\n\n\ndef pay(x):\n    os.system(x)\n    return x\n"
    with reading(reader(newer)):
        assert any(row.needs_person for row in capabilities({"shop.py": old}, {"shop.py": new}))
        assert [name for _, name in imported(new)] == ["os"]


SHOP = {
    "shop.py": '''type Rows[T] = list[T]


def first(rows: Rows[int]):
    """The first, or None when there are none."""
    names = {"a": 1}
    told = f"{names["a"]}"
    return rows[0] if told else None
''',
    "tests/test_shop.py": "from shop import first\n\n\ndef test_first():\n    assert first([3]) == 3\n",
    "requirements.txt": "greeting\n",
}
CRASH = Crash(
    exception=Raised(type="IndexError", message="list index out of range"),
    frames=(
        Frame(
            file="shop.py",
            line=8,
            function="first",
            code="return rows[0] if told else None",
            in_app=True,
            locals={"rows": "[]"},
        ),
    ),
)


def test_a_crash_in_newer_syntax_is_repaired(newer, checkout, built, judging):
    tree = checkout(SHOP)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
        git(tree, *command)
    with serving([GREETING, *judging]) as index:
        made = built(tree, index.url, python=f"{NEWEST.short[0]}.{NEWEST.short[1]}")
    git(tree, "checkout", "-q", "--", ".")
    result = repair(
        tree, CRASH, fixers=[EmbeddedFixer()], rules=FixRules(), allowed=["**"], source=["."], tests="tests",
        test_command=["python", "-m", "pytest", "-q"], runner=BubblewrapRunner(made.interpreter),
    )  # fmt: skip
    assert result.decision == "fix", result.reason
    assert result.candidate.files["shop.py"].startswith("type Rows[T] = list[T]")
