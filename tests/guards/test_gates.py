"""The gates at the border of a change: a finding on a changed line is the change's, one beside it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import Repository
from core.stages import gates
from core.stages.gate import Finding, Gate, changed_lines, counted

DIFF = """\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1 +1 @@ def f():
-old
+new
@@ -5,0 +6,3 @@
+x
+y
+z
@@ -9,2 +12,0 @@
-x
-y
diff --git a/gone.py b/gone.py
--- a/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-x
-y
diff --git a/notes.md b/notes.md
--- a/notes.md
+++ b/notes.md
@@ -1 +1 @@
-x
+@@ -1 +9 @@
diff --git a/sub/b.py b/sub/b.py
--- /dev/null
+++ b/sub/b.py
@@ -0,0 +1,2 @@
+x
+y
"""


def test_the_changed_lines_of_a_diff():
    assert changed_lines(DIFF) == {"a.py": {1, 6, 7, 8}, "sub/b.py": {1, 2}}
    assert changed_lines(DIFF, ".md") == {"notes.md": {1}}
    assert changed_lines("") == {}


def test_every_file_of_a_diff_once():
    assert gates.touched(DIFF) == ["a.py", "gone.py", "notes.md", "sub/b.py"]


@pytest.mark.parametrize(
    ("path", "source"),
    [("a.py", True), ("tests/a.py", False), ("tests_of/a.py", True), ("sub/tests/a.py", True), ("tests", True)],
)
@pytest.mark.parametrize("tests", ["tests", "tests/"])
def test_what_is_source(path, source, tests):
    assert gates.is_source(path, Repository(remote="", tests=tests)) is source


def test_the_old_texts_of_what_a_review_reads():
    asked = []
    diff = "".join(f"--- a/{name}\n+++ b/{name}\n" for name in ("b.py", "a.py", "requirements.txt", "x.md")) + DIFF
    found = gates.texts_before(lambda *argv: asked.append(argv) or argv[-1], "abc", diff)
    assert found == {name: f"abc:{name}" for name in ("a.py", "b.py", "gone.py", "requirements.txt")}
    assert {argv[0] for argv in asked} == {"show"} and len(asked) == 4


@pytest.mark.parametrize(("line", "own"), [(4, False), (5, True), (6, True), (7, False)])
def test_only_findings_on_changed_lines_count(line, own):
    finding = Finding("style", "a.py", line, "bad")
    gate = counted("style", [finding, Finding("style", "b.py", 5, "bad")], {"a.py": {5, 6}}, "style findings")
    assert (gate.passed, gate.value, gate.limit) == (not own, float(own), 0.0)
    assert gate.findings == ((finding,) if own else ())
    assert gate.says == ("1 style findings on changed lines" if own else "no style findings on changed lines")


def test_a_gate_as_it_is_stored():
    stored = Gate("style", True, "fine", findings=(Finding("style", "a.py", 1, "x"),)).as_json()
    assert stored == {"gate": "style", "passed": True, "says": "fine", "value": None, "limit": None, "done": True}


# --- the tools -------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path) -> Path:
    (tmp_path / "sub").mkdir()
    return tmp_path


def wrote(tree: Path, text: str, name: str = "sub/a.py") -> str:
    (tree / name).write_text(text)
    return name


RISKS = 'import hashlib\n\nassert True\nx = eval("1")\nh = hashlib.md5(b"x")\n'  # B101 low, B307 medium, B324 high


@pytest.mark.parametrize(
    ("lines", "found"),
    [({1, 2, 3}, []), ({4}, [(4, "B307", "medium")]), ({5}, [(5, "B324", "high")]), ({3, 4, 5}, [(4,), (5,)])],
)
def test_security(tree, lines, found):
    gate = gates.security(tree, {wrote(tree, RISKS): lines, wrote(tree, "x = 1\n", "b.py"): {1}})
    assert [f.line for f in gate.findings] == [line for line, *_ in found]
    assert (gate.passed, gate.value, gate.limit) == (not found, len(found), 0.0)
    for finding, (_, *more) in zip(gate.findings, found, strict=True):
        assert (finding.gate, finding.path) == ("security", "sub/a.py")
        assert not more or (finding.says.startswith(f"{more[0]}: "), finding.severity) == (True, more[1])


def test_a_comment_hides_nothing_from_security(tree):
    assert not gates.security(tree, {wrote(tree, 'x = eval("1")  # nosec\n'): {1}}).passed


@pytest.mark.parametrize("gate", [gates.security, gates.style])
def test_a_change_without_code_has_nothing_to_find(tree, gate):
    found = gate(tree, {})
    assert (found.passed, found.value, found.limit, found.findings) == (True, 0.0, 0.0, ())
    assert "was changed" in found.says


SLIPS = "def f():\n    unused = 1\n    return 2\n\n\ntry:\n    f()\nexcept Exception:\n    pass\n"


@pytest.mark.parametrize(
    ("lines", "codes"),
    [({1}, []), ({2}, ["F841"]), ({3}, []), ({7}, []), ({8}, ["BLE001", "S110"]), ({2, 8}, ["BLE001", "F841", "S110"])],
)
def test_style(tree, lines, codes):
    gate = gates.style(tree, {wrote(tree, SLIPS): lines, wrote(tree, "x = 1\n", "b.py"): {1}})
    assert sorted(f.says.split(":")[0] for f in gate.findings) == codes
    assert {(f.gate, f.path) for f in gate.findings} <= {("style", "sub/a.py")}
    assert (gate.passed, gate.value, gate.limit) == (not codes, len(codes), 0.0)


TWO = """x = 0


def easy(v):
    return v


def hard(v):
    if v == 1:
        return 2
    if v == 2:
        return 3
    return v


class C:
    async def m(self, v):
        return v or 1


y = 0
"""


@pytest.mark.parametrize(
    ("lines", "limit", "value", "named"),
    [
        ({8}, 3, 3, []),
        ({8}, 2, 3, ["hard"]),
        ({13}, 2, 3, ["hard"]),  # its last line
        ({14}, 2, 0, []),  # the line after it
        ({7}, 2, 0, []),  # the line before it
        ({5}, 2, 1, []),
        ({5, 11}, 2, 3, ["hard"]),
        ({5, 11}, 0, 3, ["easy", "hard"]),
        ({18}, 0, 1, ["m"]),
        ({1, 20}, 0, 0, []),
    ],
)
def test_complexity_of_the_functions_that_hold_a_changed_line(tree, lines, limit, value, named):
    gate = gates.complexity(tree, {wrote(tree, TWO): lines}, limit)
    assert (gate.passed, gate.value, gate.limit) == (not named, value, limit)
    assert [f.says.split(" ")[0] for f in gate.findings] == named
    if named == ["hard"]:
        assert gate.findings[0] == Finding("complexity", "sub/a.py", 8, f"hard has complexity 3, the limit is {limit}")
    if not named:
        assert gate.says == f"most complex changed function: {value}"


def test_the_most_complex_function_counts_wherever_it_stands(tree):
    text = TWO.replace("easy", "first") + TWO.partition("\n\n\n")[2].replace("hard", "last")
    gate = gates.complexity(tree, {wrote(tree, text): set(range(99)), wrote(tree, "x = 1\n", "b.py"): {1}}, 9)
    assert gate.value == 3


def test_no_code_is_not_complex(tree):
    gate = gates.complexity(tree, {}, 5)
    assert (gate.passed, gate.value, gate.limit) == (True, 0.0, 5.0)


def test_the_review_asks_every_gate_with_what_is_its_own(tree, monkeypatch):
    """Tests are looked at for secrets and style; what is a program's is asked of its sources alone."""
    asked = {}

    def gate(name):
        return lambda tree, *given: asked.update({name: given}) or Gate(name, True, "")

    for place, names in (
        (gates, ("security", "style", "complexity")),
        (gates.measured, ("coverage", "performance")),
        (gates.wording_gates, ("secrets", "dependencies", "documentation")),
    ):
        for name in names:
            monkeypatch.setattr(place, name, gate(name))
    diff = DIFF + "--- a/tests/t.py\n+++ b/tests/t.py\n@@ -1 +1 @@\n-x\n+y\n"
    found = gates.review(tree, diff, Repository(remote=""), gates.FixRules(), None, {})
    assert [g.gate for g in found] == [
        "security", "secrets", "dependencies", "style", "complexity", "coverage", "performance", "documentation"
    ]  # fmt: skip
    with_tests = {name for name, given in asked.items() if "tests/t.py" in given[0]}
    assert with_tests == {"secrets", "style"}
    assert all("a.py" in given[0] for given in asked.values())
