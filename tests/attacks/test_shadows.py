"""Modules and settings of a repository in the place of the tools that look at it: nothing changes by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.policy.sections import FixRules
from core.policy.services import Repository
from core.repair.sandbox.probe import Call, probe
from core.repair.sandbox.runner import BubblewrapRunner, LimitedRunner
from core.stages.review import gates, manifest_reader, tools
from core.vendors.command import CommandError, Completed, git
from tests.attacks.repository import SETTINGS
from tests.real import need

TEST = "from shop import share\n\n\ndef test_half():\n    assert share(1, 2) == 0.5\n"
OLD = "def share(part, whole):\n    return part / whole\n"
RISKY = 'def share(part, whole):\n    unused = 1  # noqa\n    return eval("part / whole")  # nosec\n'
LIAR = "print('3 passed')\nraise SystemExit(0)\n"
FAKED = """class Coverage:
    def __init__(self, **given): pass
    def start(self): pass
    stop = start
    def analysis2(self, path): return path, [1, 2, 3], [], [], ""
"""
SHADOWS = {name: LIAR for name in ("bandit", "ruff", "pytest", "yaml", "packaging", "subprocess", "_pytest")}
SHADOWS |= {"coverage": FAKED, "json": "def dumps(given): return '{}'\n" + LIAR, "ast": LIAR, "tomllib": LIAR}


@pytest.fixture
def tree(tmp_path) -> Path:
    need("bwrap")
    files = {"shop.py": OLD, "tests/test_share.py": TEST, **SETTINGS}
    files |= {f"{name}.py": text for name, text in SHADOWS.items()}
    files["pytest.ini"], files["requirements.txt"] = "[pytest]\npythonpath = .\n", "flask==2.0.1\n"
    found = tmp_path / "tree"
    for name, text in files.items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text(text)
    git(found, "init", "-q")
    (found / ".git" / "info" / "attributes").write_text("* !filter !text !eol !ident\n")
    git(found, "add", "-A")
    git(found, "commit", "-qm", "x")
    return found


def test_the_static_tools_find_what_they_find_without_them(tree):
    (tree / "shop.py").write_text(RISKY)
    report = tools.looked(tree, ["shop.py"], BubblewrapRunner())
    assert [row.code for row in report.bandit] == ["B307"]
    assert [row.code for row in report.ruff if row.code != tools.COMPLEX] == ["F841"], "noqa asks in vain"


@pytest.mark.parametrize("command", [["python", "-m", "pytest", "-q"], ["python3", "-m", "pytest", "-q", "tests"]])
@pytest.mark.parametrize("box", [BubblewrapRunner, LimitedRunner])
def test_the_tests_are_run_by_the_real_pytest(box, command, tree):
    for name in ("subprocess", "ast", "json", "tomllib"):  # Python's own, which the program would miss as well
        (tree / f"{name}.py").unlink()
    (tree / "shop.py").write_text(OLD.replace("/", "*"))
    done = box().run(command, tree, 60)
    assert done.code == 1 and "1 failed" in done.stdout, done


def test_a_module_of_the_service_is_started_as_before(tree):
    (tree / "shop.py").write_text("import sys\nprint('service', __name__, sys.argv[1:])\n")
    done = BubblewrapRunner().run(["python", "-m", "shop", "one"], tree, 60)
    assert done.stdout == "service __main__ ['one']\n"


def test_what_a_call_does_is_told_by_the_real_harness(tree):
    (outcome,) = probe(tree, [Call("from shop import share", "share(1, 0)")], BubblewrapRunner())
    assert outcome.error == "ZeroDivisionError"


def test_coverage_and_timing_are_measured_by_the_real_programs(tree):
    for name in ("subprocess", "ast"):
        (tree / f"{name}.py").unlink()
    text = OLD.replace("    return", "    if part == 7:\n        part = 8\n        whole = 9\n    return")
    base = git(tree, "rev-parse", "HEAD").strip()
    (tree / "shop.py").write_text(text)
    git(tree, "add", "shop.py")
    git(tree, "commit", "-qm", "change")
    diff = git(tree, "diff", "--no-ext-diff", "-U0", base, "HEAD")
    found = gates.review(tree, diff, Repository(remote=""), FixRules(), BubblewrapRunner(), {"shop.py": OLD})
    told = {gate.gate: gate for gate in found}
    assert "1 of 3 changed statements" in told["coverage"].message and not told["coverage"].passed


def test_manifests_are_read_by_the_real_parsers_and_away_from_the_tree(tree):
    """The sandbox that parses them does not even hold the repository."""
    seen = []

    class Watching(BubblewrapRunner):
        def run(self, argv, tree, timeout=120):
            seen.append(sorted(path.name for path in tree.iterdir()))
            return super().run(argv, tree, timeout)

    (found,) = manifest_reader.read([{"requirements.txt": "Flask==2.0.1\n", "poetry.lock": "x"}], Watching())
    assert found.pinned == {("flask", "2.0.1"): "requirements.txt"} and set(found.unread) == {"poetry.lock"}
    assert seen == [["job.json"]]


class Lying:
    """A sandbox whose code was taken over: it answers what it likes."""

    name = "lying"

    def __init__(self, answer: str):
        self.answer = answer

    def run(self, argv, tree, timeout=120):
        (tree / "answer.json").write_text(self.answer)
        return Completed(0, f"REPORT {self.answer}\n", "", 0.1)


ANSWERS = [
    "",
    "[]",
    "{}",
    '[{"pinned": [["--index-url=x", "1.0", "a"]], "loose": {}, "unread": {}}]',
    '[{"pinned": [["a b", "1.0", "a"]], "loose": {}, "unread": {}}]',
    '[{"pinned": [["a", "1.0\\n", "a"]], "loose": {}, "unread": {}}]',
    '[{"pinned": [["a", "1.0"]], "loose": {}, "unread": {}}]',
    '[{"pinned": [], "loose": {"a": ["../b"]}, "unread": {}}]',
    '[{"pinned": [], "loose": {}, "unread": {"a": "' + "x" * 3000 + '"}}]',
    "[" * 100_000,
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_out_of_form_is_not_taken(answer):
    (found,) = manifest_reader.read([{"requirements.txt": "flask==1.0\n"}], Lying(answer))
    assert not found.pinned and found.unread == {"requirements.txt": "could not be read in the sandbox"}


@pytest.mark.parametrize("answer", ["", "[]", '{"ruff": 1}', '{"bandit": [{"path": "a"}]}', "[" * 100_000])
def test_tools_that_give_no_answer_pass_nothing(answer, tmp_path):
    with pytest.raises(CommandError, match="ruff and bandit failed"):
        tools.looked(tmp_path, ["a.py"], Lying(answer))
