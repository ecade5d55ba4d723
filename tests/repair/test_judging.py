"""Judging: what a candidate may change, which is chosen, and how calls are run to find out."""

import ast
import os
import py_compile
import subprocess
import sys

import pytest

from core.cli import fix
from core.models import Crash
from core.repair.judge.judge import Judged, choose, difference, uncured
from core.repair.sandbox.probe import Call, ProbeOutcome, observed, probe, probes
from core.repair.sandbox.runner import BubblewrapRunner, LimitedRunner
from core.repair.types import Candidate, Evidence
from core.vendors.command import git

CRASH = Crash(
    exception={"type": "KeyError", "message": "'a'"},
    frames=[{"file": "m.py", "line": 2, "function": "f", "code": "return d['a']"}],
)
CRASHED = ProbeOutcome(error="KeyError", file="m.py", function="f", line=2)
REFUSED = ProbeOutcome(error="KeyError", file="m.py", function="f", line=4, deliberate=True)
ACCIDENT = ProbeOutcome(error="TypeError", file="m.py", function="f", line=2)
TWO, THREE = ProbeOutcome(result="int 2"), ProbeOutcome(result="int 3")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (CRASHED, TWO, None),
        (CRASHED, CRASHED, None),
        (TWO, TWO, None),
        (TWO, THREE, "a result changed"),
        (TWO, CRASHED, "a result changed"),
        (REFUSED, TWO, "no longer"),
        (REFUSED, REFUSED, None),
        (ACCIDENT, TWO, None),
        (ProbeOutcome(error="ValueError"), TWO, "no longer"),
        (ProbeOutcome(error="ValueError", file="m.py", function="f", line=2), TWO, None),
        (ProbeOutcome(error="ValueError", file="m.py", function="f", line=3), TWO, "no longer"),
    ],
)
def test_only_the_crash_may_change(old, new, says):
    found = difference([old], [new], CRASH)
    assert found is None if says is None else says in found


@pytest.mark.parametrize(
    ("after", "refused"),
    [
        ([TWO] * 8, False),
        ([TWO] * 7 + [CRASHED], False),
        ([TWO] + [CRASHED] * 7, True),
        ([TWO] * 4 + [CRASHED] * 4, True),
    ],
)
def test_inputs_like_the_reported_one_are_cured_too(after, refused):
    assert bool(uncured([CRASHED] * 8, after, CRASH)) is refused


def test_an_input_that_no_longer_ends_is_a_difference():
    assert "does not end" in difference([TWO, TWO], [TWO], CRASH)


def judged(outcome, grade):
    return Judged(Candidate("t", {"m.py": grade.name}, "r", grade=grade), (outcome,))


@pytest.mark.parametrize(
    ("candidates", "grade"),
    [
        ([], None),
        ([judged(TWO, Evidence.NONE)], Evidence.NONE),
        ([judged(TWO, Evidence.NONE), judged(THREE, Evidence.NONE)], None),
        ([judged(TWO, Evidence.TYPE), judged(THREE, Evidence.TYPE)], None),
        ([judged(TWO, Evidence.STYLE)], Evidence.STYLE),
        ([judged(TWO, Evidence.STYLE), judged(THREE, Evidence.NONE)], None),
        ([judged(TWO, Evidence.SIBLING), judged(THREE, Evidence.STYLE)], Evidence.SIBLING),
        ([judged(TWO, Evidence.DOCUMENTED), judged(THREE, Evidence.SIBLING)], Evidence.DOCUMENTED),
        ([judged(TWO, Evidence.NONE), judged(THREE, Evidence.TYPE)], Evidence.TYPE),
    ],
)
def test_evidence_chooses_between_behaviours(candidates, grade):
    chosen, why = choose(candidates)
    assert (chosen.candidate.grade if chosen else None) == grade
    assert why


def reasoned(words, *outcomes):
    return Judged(Candidate("t", {"m.py": words}, "r", (words,), Evidence.TYPE), outcomes)


@pytest.mark.parametrize(
    ("one", "other", "decided"),
    [
        (reasoned("a", TWO, CRASHED), reasoned("a", TWO, THREE), True),
        (reasoned("a", TWO, THREE), reasoned("a", TWO, TWO), False),
        (reasoned("a", TWO, CRASHED), reasoned("b", TWO, THREE), False),
    ],
)
def test_changes_for_one_reason_disagree_only_where_both_give_a_result(one, other, decided):
    assert bool(choose([one, other])[0]) is decided


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "m.py").write_text(
        "def f(d):\n    return d['a'] + 1\n\n\ndef g(x):\n    raise ValueError(x)\n\n\n"
        "def spin():\n    while True:\n        pass\n\n\nclass C:\n    def __init__(self):\n        self.n = None\n\n"
        "    def m(self):\n        return self.n.x\n"
    )
    return tmp_path


FROM = "from m import f, g, spin, C"


@pytest.mark.parametrize("runner", [BubblewrapRunner(), LimitedRunner()])
def test_variants_are_run_and_the_tree_stays_as_it_is(tree, runner):
    os.chmod(tree / "m.py", 0o444)
    other = (tree / "m.py").read_text().replace("+ 1", "+ 2")
    found = probes(tree, [Call(FROM, "f({'a': 1})")], [{}, {"m.py": other}], runner)
    assert [[o.result for o in outcomes] for outcomes in found] == [
        ["int 2 | list[dict[tuple['a', 1]]]"],
        ["int 3 | list[dict[tuple['a', 1]]]"],
    ]
    assert "+ 1" in (tree / "m.py").read_text()


@pytest.mark.parametrize("variants", [[{}], [{}, {"other.py": ""}]])
def test_compiled_code_in_the_tree_is_not_believed(tree, variants):
    """It says that it is of this very text, by its time and size, and is of another."""
    source, honest = tree / "m.py", (tree / "m.py").read_text()
    source.write_text(honest.replace("+ 1", "+ 9"))
    os.utime(source, (1, 1))
    py_compile.compile(str(source))
    source.write_text(honest)
    os.utime(source, (1, 1))
    believed = subprocess.run([sys.executable, "-c", "import m; print(m.f({'a': 1}))"], cwd=tree, capture_output=True)
    assert believed.stdout == b"10\n"
    for outcomes in probes(tree, [Call(FROM, "f({'a': 1})")], variants, BubblewrapRunner()):
        assert outcomes[0].result.startswith("int 2")


def test_a_variant_starts_with_libraries_loaded_and_modules_of_the_tree_fresh(tree):
    (tree / "m.py").write_text("import sys\nfound = 'calendar' in sys.modules\nimport calendar\nN = []\n")
    calls = [Call("import m", "(m.found, m.N.append(1), len(m.N))")]
    first, second, third = probes(tree, calls, [{}] * 3, BubblewrapRunner())
    assert [o[0].result for o in (first, second, third)] == [
        "tuple tuple[False, None, 1]", "tuple tuple[True, None, 1]", "tuple tuple[True, None, 1]"
    ]  # fmt: skip


def test_outcomes_say_where_and_whether_on_purpose(tree):
    calls = [Call(FROM, text) for text in ("f({})", "g(1)", "spin()", "f({'a': 2})")]
    crashed, refused, late, fine = probe(tree, calls, BubblewrapRunner())
    assert (crashed.error, crashed.function, crashed.line, crashed.deliberate) == ("KeyError", "f", 2, False)
    assert (refused.error, refused.deliberate) == ("ValueError", True)
    assert late.error == "Late"
    assert fine.result.startswith("int 3")


def test_a_crash_is_observed_with_the_expression_that_failed(tree):
    seen = observed(tree, Call(FROM, "C().m()"), CRASH, BubblewrapRunner())
    frame = seen.frames[-1]
    assert frame.span == (19, 19, 15, 23)
    assert frame.locals["self.n"] == "None"
    assert frame.locals["type(self.n)"] == "'NoneType'"


@pytest.mark.parametrize(
    ("documentation", "decision", "value"),
    [('"""The level, or 7 if none is set."""', "fix", "7"), ('"""The level."""', "escalate", "")],
)
def test_the_command_decides_by_evidence(tmp_path, capsys, documentation, decision, value):
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "m.py").write_text(f"def level(d):\n    {documentation}\n    return d['level'] * 2 // 2\n")
    (repo / "test_m.py").write_text("from m import level\n\n\ndef test_level():\n    assert level({'level': 1}) == 1\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        git(repo, *command)
    frame = {
        "file": "m.py",
        "line": 3,
        "function": "level",
        "code": "return d['level'] * 2 // 2",
        "locals": {"d": "{}"},
    }
    crash = Crash(exception={"type": "KeyError", "message": "'level'"}, frames=[frame])
    (tmp_path / "crash.json").write_text(crash.model_dump_json(by_alias=True))
    assert fix.main(["--repo", str(repo), "--crash", str(tmp_path / "crash.json")]) == 0
    said = capsys.readouterr().out
    assert f'"decision": "{decision}"' in said
    assert (value in (repo / "m.py").read_text()) is bool(value) or not value


@pytest.mark.parametrize("runner", [BubblewrapRunner(), LimitedRunner()])
def test_random_ids_are_the_same_on_every_variant(tmp_path, runner):
    """Else two candidates that do the same would seem to differ."""
    ids = (
        "import random, secrets, uuid\n\n\ndef make():\n"
        "    return [uuid.uuid4().hex, secrets.token_hex(4), random.random()]\n"
    )
    (tmp_path / "ids.py").write_text(ids)
    call = Call("import ids", "[ids.make(), ids.make()]")
    [[one], [other]] = probes(tmp_path, [call], [{"ids.py": ids}, {"ids.py": f"{ids}# as before\n"}], runner)
    assert one == other and one.result.startswith("list")
    first, second = ast.literal_eval(one.literal)
    assert first != second
