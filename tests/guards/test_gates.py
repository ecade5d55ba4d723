"""The gates at the edge of a change: a finding on a changed line belongs to the change, one next to it does not."""

from __future__ import annotations

import pytest

from core.policy.services import Repository
from core.stages.review import gates, text_gates
from core.stages.review.gate import Gate, GateFinding, changed_lines, counted, newly
from core.stages.review.tools import Report, ToolFinding

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
    assert changed_lines("+++ elsewhere/c.py\n@@ -1 +1 @@\n") == {}, "git names new files b/"


HIDING = """\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1 +1 @@
--- a/gone.sql
+++ b/harmless.md
@@ -9,0 +10 @@
+eval(x)
"""


def test_a_changed_line_that_looks_like_a_header_hides_nothing():
    """Such lines are valid Python, and a removed comment of SQL in a string."""
    assert changed_lines(HIDING) == {"a.py": {1, 10}}
    assert gates.touched(HIDING) == ["a.py"]
    assert gates.texts_before(lambda *asked: asked[-1], "base", HIDING) == {"a.py": "base:a.py"}


def test_a_line_separator_in_a_changed_line_begins_no_header():
    hiding = DIFF.replace("+new", "+new\u2028+++ b/harmless.md\x0c@@ -1 +99 @@")
    assert changed_lines(hiding) == changed_lines(DIFF)


def test_a_form_feed_does_not_hide_a_secret(tmp_path):
    (tmp_path / "a.py").write_text('x = "\x0c"\nkey = "ghp_' + "a" * 36 + '"\n', encoding="utf-8")
    assert not text_gates.secrets(tmp_path, {"a.py": {2}}).passed


@pytest.mark.parametrize(
    ("module", "listed"),
    [("requests", True), ("request", False), ("yaml", True), ("google", True), ("dateutil", True), ("cv", False)],
)
def test_a_package_is_listed_by_its_whole_name(tmp_path, module, listed):
    """A part of a name is how a look-alike package comes in."""
    names = "requests==2.32\nPyYAML\ngoogle-cloud-storage\npython-dateutil>=2\nopencv-python\n"
    (tmp_path / "requirements.txt").write_text(names)
    (tmp_path / "a.py").write_text(f"import {module}\n")
    assert text_gates.dependencies(tmp_path, {"a.py": {1}}, ["a.py"]).passed is listed


def test_every_file_of_a_diff_is_listed_once():
    assert gates.touched(DIFF) == ["a.py", "gone.py", "notes.md", "sub/b.py"]


@pytest.mark.parametrize(
    ("path", "source"),
    [("a.py", True), ("tests/a.py", False), ("tests_of/a.py", True), ("sub/tests/a.py", True), ("tests", True)],
)
@pytest.mark.parametrize("tests", ["tests", "tests/"])
def test_which_files_are_source(path, source, tests):
    assert gates.is_source(path, Repository(remote="https://git.example/x.git", tests=tests)) is source


@pytest.mark.parametrize(
    ("path", "source"), [("a.py", True), ("sub/a.py", True), ("test_a.py", False), ("sub/test_a.py", False)]
)
def test_tests_beside_the_source_are_no_source(path, source):
    assert gates.is_source(path, Repository(remote="https://git.example/x.git", tests=".")) is source


@pytest.mark.parametrize("folder", ["services/shop", "services/shop/"])
def test_the_old_texts_of_a_service_in_a_folder(folder):
    found = gates.texts_before(lambda *argv: argv[-1], "abc", "--- a/a.py\n+++ b/a.py\n", folder)
    assert found == {"a.py": "abc:services/shop/a.py"}


def test_the_old_texts_of_the_reviewed_files():
    asked = []
    diff = "".join(f"--- a/{name}\n+++ b/{name}\n" for name in ("b.py", "a.py", "requirements.txt", "x.md")) + DIFF
    found = gates.texts_before(lambda *argv: asked.append(argv) or argv[-1], "abc", diff)
    assert found == {name: f"abc:{name}" for name in ("a.py", "b.py", "gone.py", "requirements.txt")}
    assert {argv[0] for argv in asked} == {"show"} and len(asked) == 4


@pytest.mark.parametrize(("line", "own"), [(4, False), (5, True), (6, True), (7, False)])
def test_only_findings_on_changed_lines_count(line, own):
    finding = GateFinding("style", "a.py", line, "bad")
    gate = counted("style", [finding, GateFinding("style", "b.py", 5, "bad")], {"a.py": {5, 6}}, "style finding")
    assert (gate.passed, gate.value, gate.limit) == (not own, float(own), 0.0)
    assert gate.findings == ((finding,) if own else ())
    assert gate.message == ("1 style finding on changed lines" if own else "no style findings on changed lines")


def test_the_stored_form_of_a_gate():
    stored = Gate("style", True, "fine", findings=(GateFinding("style", "a.py", 1, "x"),)).as_json()
    assert stored == {"gate": "style", "passed": True, "says": "fine", "value": None, "limit": None, "done": True}


@pytest.mark.parametrize(("value", "asking"), [(None, 0), (0, 0), (1, 1), (2, 2)])
def test_new_capabilities_of_a_patch_and_those_that_need_a_person(value, asking):
    gate = {"gate": "capabilities", "value": value}
    rows = [{"gate": "capabilities", "says": says} for says in "ab"]
    found = newly([{"gate": "style"}, gate], [{"gate": "style"}, *rows, {}])
    assert found == (gate, [(place < asking, row) for place, row in enumerate(rows)])
    assert newly([{"gate": "style", "value": 2}, {}], rows) == (None, [(False, row) for row in rows])


# --- the tools' findings -----------------------------------------------------------------------------


def row(path: str, line: int, code: str, says="bad", severity="") -> ToolFinding:
    return ToolFinding(path=path, line=line, code=code, message=says, severity=severity)


RISKS = Report(bandit=[row("a.py", 4, "B307", severity="medium"), row("a.py", 5, "B324", severity="high"),
                       row("tests/t.py", 4, "B108"), row("tests/t.py", 5, "B104"), row("tests/t.py", 6, "B307"),
                       row("a.py", 8, "B108"), row("a.py", 9, "B104")])  # fmt: skip


@pytest.mark.parametrize(
    ("path", "lines", "codes"),
    [
        ("a.py", {1, 3, 6}, []), ("a.py", {4}, ["B307"]), ("a.py", {5}, ["B324"]),
        ("a.py", {3, 4, 5}, ["B307", "B324"]),
        ("a.py", {8}, ["B108"]), ("a.py", {9}, ["B104"]), ("b.py", {4}, []),
        ("tests/t.py", {4, 5}, []),  # in a test, a text is a reported value
        ("tests/t.py", {6}, ["B307"]),
    ],
)  # fmt: skip
def test_security(path, lines, codes):
    gate = gates.security(RISKS, {path: lines}, {} if path.startswith("tests") else {path: lines})
    assert [f.message for f in gate.findings] == [f"{code}: bad" for code in codes]
    assert (gate.gate, gate.passed, gate.value, gate.limit) == ("security", not codes, len(codes), 0.0)
    assert {(f.gate, f.path) for f in gate.findings} <= {("security", path)}


def test_a_finding_keeps_its_severity():
    assert [f.severity for f in gates.security(RISKS, {"a.py": {4, 5}}, {"a.py": {4, 5}}).findings] == [
        "medium",
        "high",
    ]


SLIPS = Report(ruff=[row("a.py", 2, "F841"), row("a.py", 2, "C901"), row("a.py", 8, "BLE001"), row("b.py", 2, "F401")])


@pytest.mark.parametrize(("lines", "codes"), [({1, 3, 7}, []), ({2}, ["F841"]), ({2, 8}, ["F841", "BLE001"])])
def test_style(lines, codes):
    gate = gates.style(SLIPS, {"a.py": lines})
    assert [f.message for f in gate.findings] == [f"{code}: bad" for code in codes]
    assert (gate.gate, gate.passed, gate.value, gate.limit) == ("style", not codes, len(codes), 0.0)


@pytest.mark.parametrize("gate", [lambda: gates.security(RISKS, {}, {}), lambda: gates.style(SLIPS, {})])
def test_a_change_without_code_has_no_findings(gate):
    found = gate()
    assert (found.passed, found.value, found.limit, found.findings) == (True, 0.0, 0.0, ())
    assert "changed" in found.message and found.message.startswith("no ")


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


def complex_(path: str, line: int, name: str, value: int) -> ToolFinding:
    return row(path, line, "C901", f"`{name}` is too complex ({value} > 0)")


FOUND = Report(ruff=[complex_("sub/a.py", 4, "easy", 1), complex_("sub/a.py", 8, "hard", 3),
                     complex_("sub/a.py", 17, "m", 2), complex_("b.py", 1, "other", 9),
                     row("sub/a.py", 8, "F841", "`not` is too complex (99 > 0)"),
                     row("sub/a.py", 17, "C901", "said in another way")])  # fmt: skip


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
        ({18}, 0, 2, ["m"]),
        ({1, 20}, 0, 0, []),
        ({4, 8, 17}, 9, 3, []),
    ],
)
def test_complexity_of_the_functions_with_a_changed_line(tmp_path, lines, limit, value, named):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.py").write_text(TWO)
    (tmp_path / "b.py").write_text(TWO)
    gate = gates.complexity(FOUND, tmp_path, {"sub/a.py": lines}, limit)
    assert (gate.passed, gate.value, gate.limit) == (not named, value, limit)
    assert [f.message.split(" ")[0] for f in gate.findings] == named
    if named == ["hard"]:
        says = f"hard has complexity 3, the limit is {limit}"
        assert gate.findings == (GateFinding("complexity", "sub/a.py", 8, says),) and gate.message == says
    if not named:
        assert gate.message == f"most complex changed function: {value}"


@pytest.mark.parametrize(("before", "passed"), [({}, False), ({"hard": 3}, True), ({"hard": 2}, False)])
def test_a_function_that_was_too_complex_before_may_stay_so(tmp_path, before, passed):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.py").write_text(TWO)
    (tmp_path / "b.py").write_text(TWO)
    old = {("sub/a.py", name): value for name, value in before.items()}
    assert gates.complexity(FOUND, tmp_path, {"sub/a.py": {8}}, 2, old).passed is passed


def test_the_tools_look_at_the_old_texts_too(tmp_path, monkeypatch):
    """Findings in an old text are none of the change; the complexity there is what the functions had before."""
    read = {}

    def looked(tree, paths, runner, version, source):
        read.update({path: (tree / path).read_text() for path in paths if path.startswith(".desk-")})
        a, b = (next(path for path, text in read.items() if text == f"old {name}\n") for name in "ab")
        found = [complex_(a, 1, "f", 2), complex_(a, 9, "f", 7), complex_(a, 12, "f", 3), complex_(b, 1, "f", 4)]
        found += [
            complex_("a.py", 1, "f", 99),
            row(a, 1, "F841", "`f` is too complex (88 > 0)"),
            row("new.py", 1, "F401"),
        ]
        return Report(ruff=found, bandit=[row(b, 1, "B307"), row("b.py", 1, "B307")])

    monkeypatch.setattr(gates.tools, "looked", looked)
    changed = {name: {1} for name in ("a.py", "b.py", "new.py")}
    report, old = gates._looked(
        tmp_path, changed, [*changed], {"a.py": "old a\n", "b.py": "old b\n", "gone.py": "x"}, None
    )
    assert sorted(read.values()) == ["old a\n", "old b\n"]
    assert old == {("a.py", "f"): 7, ("b.py", "f"): 4}
    assert [(r.path, r.code) for r in report.ruff] == [("a.py", "C901"), ("new.py", "F401")]
    assert [(r.path, r.code) for r in report.bandit] == [("b.py", "B307")]
    assert not list(tmp_path.iterdir()), "the old texts are removed"


def test_the_review_gives_every_gate_its_own_files(tmp_path, monkeypatch):
    """Tests are checked for secrets and style; the other gates check only the program's sources."""
    asked = {}

    def gate(name):
        return lambda tree, *given: asked.update({name: given}) or Gate(name, True, "")

    for place, names in (
        (gates, ("security", "style", "complexity")),
        (gates.text_gates, ("secrets", "dependencies")),
        (gates.documents, ("documentation",)),
    ):
        for name in names:
            monkeypatch.setattr(place, name, gate(name))
    monkeypatch.setattr(
        gates.runtime_gates, "run", lambda *given: [gate("coverage")(*given), gate("performance")(*given)]
    )
    monkeypatch.setattr(
        gates.tools, "looked", lambda tree, paths, runner, version, own: Report(ruff=[row(paths[-1], 1, "x")])
    )
    diff = DIFF + "--- a/tests/t.py\n+++ b/tests/t.py\n@@ -1 +1 @@\n-x\n+y\n"
    found = gates.review(tmp_path, diff, Repository(remote="https://git.example/x.git"), gates.FixRules(), None, {})
    assert [g.gate for g in found] == [
        "security", "secrets", "dependencies", "style", "complexity", "coverage", "performance", "documentation"
    ]  # fmt: skip
    changed = {name: next(g for g in given if isinstance(g, dict)) for name, given in asked.items()}
    assert {name for name, lines in changed.items() if "tests/t.py" in lines} == {"secrets", "style", "security"}
    assert all("a.py" in lines for lines in changed.values())
    assert "tests/t.py" not in asked["security"][1], "sources and tests are separated"
