"""The proof with scripted test runs: each of its four parts missing alone, and forged or truncated reports."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from core.models import Crash, Frame
from core.repair.prove import proof
from core.repair.prove.older import compared, verdict
from core.repair.prove.proof import prove, run_tests, write
from core.repair.sandbox import sealed
from core.repair.types import Candidate, Proof, RegressionTest
from core.vendors.command import Completed, git

CRASH = Crash(
    exception={"type": "builtins.ZeroDivisionError"},
    frames=[{"file": "app.py", "line": 1, "function": "<module>"}, {"file": "a.py", "line": 2, "function": "f"}],
)
TRACE = "tests/test_new.py:2: in test_x\n    f(0)\na.py:2: in f\n    1 / x\n"
FAILS = ("call", "failed", f"ZeroDivisionError: division by zero\n{TRACE}")
OTHER = ("call", "failed", f"AssertionError: no\n{TRACE}")
SKIPPED = ("call", "skipped", "")
OLD, NEW = "old = 1\n", "new = 1\n"
NEW_TEST, OLD_TEST = "tests/test_new.py", "tests/test_a.py"
CANDIDATE = Candidate("t", {"a.py": NEW}, "r")
TEST = RegressionTest("tests/test_new.py", "def test_x(): ...\n")
MACHINERY = ["whole: True", "pytest_runtest_call of runner"]


def case(name: str, fault: tuple[str, str, str] | None = None, of: str = NEW_TEST) -> dict:
    when, outcome, text = fault or ("call", "passed", "")
    return {"test": f"{of}::{name}", "when": when, "outcome": outcome, "text": text}


class Script:
    """A runner whose report is ``cases`` of the text of a.py and the other files in the tree."""

    name = "script"

    def __init__(self, cases, code: int | None = 1, ended: int | None = 1, machinery=MACHINERY, forged=""):
        self.cases, self.code, self.ended, self.machinery, self.forged = cases, code, ended, machinery, forged
        self.ran = []

    def run(self, argv, tree, timeout=120):
        text, folder = (tree / "a.py").read_text(), tree / argv[3]
        self.ran.append((text, argv, timeout))
        assert (folder / "platform_reporter.py").read_text().startswith('"""')
        found, out = self.cases(text, len(self.ran), tree), io.StringIO()
        say = sealed.sealer(sealed.key_of(folder), out)
        machinery = self.machinery(text) if callable(self.machinery) else self.machinery
        end = [] if self.ended is None else [{"ended": self.ended, "machinery": machinery}]
        for value in [{"collected": [found_["test"] for found_ in found]}, *found, *end]:
            say(value)
        (folder / "report").write_text(out.getvalue() + self.forged)
        return Completed(self.code, "", "", 0.1)


@pytest.fixture
def tree(tmp_path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.py").write_text(OLD)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        git(tree, *command)
    return tree


PASSES = case("test_old", of=OLD_TEST)


def honest(text: str, run: int, tree: Path):
    assert (tree / TEST.path).read_text() == TEST.code
    return [case("test_x", None if text == NEW else FAILS), *([] if run == 3 else [PASSES])]


def proved(tree: Path, cases, **told) -> Proof:
    script = Script(cases, **told)
    return prove(tree, {"a.py": OLD, "b.py": "not mine"}, CANDIDATE, TEST, script, ["pytest"], CRASH)


def test_a_correct_fix_is_proved_and_stays_in_the_tree(tree):
    script = Script(honest)
    found = prove(tree, {"a.py": OLD, "b.py": "not mine"}, CANDIDATE, TEST, script, ["pytest", "-q"], CRASH)
    assert (found.complete, found.fails_before, found.passes_after, found.fails_reverted) == (True,) * 4
    assert found.messages == (
        "On the old code the new test fails with ZeroDivisionError in f.",
        "With the patch it passes.",
        "With the patch alone reverted it fails again.",
        "All 1 older tests pass.",
    )
    assert [text for text, *_ in script.ran] == [OLD, NEW, OLD]
    assert [argv[4:6] for _, argv, _ in script.ran] == [["pytest", "-q"]] * 3
    assert [TEST.path in argv for _, argv, _ in script.ran] == [False, False, True]
    assert ((tree / "a.py").read_text(), (tree / TEST.path).read_text()) == (NEW, TEST.code)
    assert not (tree / "b.py").exists() and not list(tree.glob(".desk-*"))


def test_the_caller_provides_the_old_texts(tree):
    other = "old = 2\n"
    script = Script(honest)
    prove(tree, {"a.py": other, "b.py": "not mine"}, CANDIDATE, TEST, script, ["pytest"], CRASH)
    assert [text for text, *_ in script.ran] == [other, NEW, other]
    assert not (tree / "b.py").exists()


@pytest.mark.parametrize(
    ("change", "part", "says"),
    [
        (lambda old, run: OTHER if run == 1 else old, "fails_before", "fails for another reason: failure: Assertion"),
        (lambda old, run: None if run == 1 else old, "fails_before", "passes: it proves nothing"),
        (lambda old, run: FAILS if run == 2 else old, "passes_after", "With the patch it does not pass"),
        (lambda old, run: SKIPPED if run == 2 else old, "passes_after", "it does not pass"),
        (lambda old, run: None if run == 3 else old, "fails_reverted", "does not fail as before"),
        (lambda old, run: OTHER if run == 3 else old, "fails_reverted", "does not fail as before"),
    ],
)
def test_each_failed_run_leaves_the_proof_incomplete(tree, change, part, says):
    def cases(text, run, _):
        usual = None if text == NEW else FAILS
        return [case("test_x", change(usual, run)), *([] if run == 3 else [PASSES])]

    found = proved(tree, cases)
    assert not found.complete and not getattr(found, part) and says in " ".join(found.messages)
    if part == "fails_before":
        assert found.messages[0].startswith("On the old code the new test ") and len(found.messages) == 1


@pytest.mark.parametrize(
    ("older", "says"),
    [
        ([case("test_old", OTHER, OLD_TEST)], "Older tests fail or did not run: tests/test_a.py::test_old."),
        ([], "Older tests fail or did not run: tests/test_a.py::test_old."),
    ],
)
def test_an_older_test_that_fails_or_is_missing(tree, older, says):
    def cases(text, run, _):
        return [case("test_x", FAILS if text == OLD else None), *([PASSES] if text == OLD else older)]

    found = proved(tree, cases)
    assert (found.passes_after, found.older_tests_pass, found.complete, found.messages[-1]) == (
        True,
        False,
        False,
        says,
    )


NOT_BELIEVED = "The patch changes how the tests run, so their report is not trusted."


@pytest.mark.parametrize(
    ("told", "green"),
    [
        ({"code": 0}, True), ({"code": 1}, True), ({"code": 2}, False), ({"code": 3}, False), ({"code": 5}, False),
        ({"code": None}, False), ({"ended": 0}, True), ({"ended": 1}, True), ({"ended": 2}, False),
        ({"ended": 5}, False), ({"ended": None}, False), ({"machinery": ["whole: False"]}, False),
        ({"machinery": []}, False), ({"forged": "0 {}\n"}, False), ({"forged": "0 {}"}, True),
        ({"machinery": lambda text: [*MACHINERY, *(["a hook of conftest"] if text == NEW else [])]}, False),
        ({"machinery": lambda text: [*MACHINERY, "a hook of conftest"]}, True),
    ],
)  # fmt: skip
def test_an_unfinished_or_untrusted_run_is_not_green(tree, told, green):
    found = proved(tree, honest, **told)
    assert (found.fails_before, found.passes_after, found.complete) == (True, green, green)
    assert (found.messages[-1] == NOT_BELIEVED) is (not green) and len(found.messages) == (4 if green else 3)


@pytest.mark.parametrize(("again", "good"), [(OTHER, True), (None, False)])
def test_a_flaky_older_test_is_known_by_runs_of_the_old_code(tree, again, good):
    """It fails with the patch: the old code is run again, and what fails there at times is not the patch's fault."""

    def cases(text, run, _):
        older = OTHER if text == NEW else again if run > 2 else None
        return [case("test_x", None if text == NEW else FAILS), case("test_old", older, OLD_TEST)]

    assert proved(tree, cases).older_tests_pass is good


def test_a_suite_that_does_not_run_is_judged_by_the_related_tests(tree):
    """It exits with a usage error on the old code too: the proof says so, and a person is asked."""

    class Broken(Script):
        def run(self, argv, tree, timeout=120):
            self.code = self.ended = 1 if TEST.path in argv else 4
            return super().run(argv, tree, timeout)

    found = prove(tree, {"a.py": OLD}, CANDIDATE, TEST, Broken(honest), ["pytest"], CRASH)
    assert found.complete and found.slow and "does not run here, on the old code either" in found.messages[-1]


def test_a_new_test_that_the_suite_does_not_look_for_is_run_by_its_path(tree):
    class Elsewhere(Script):
        def run(self, argv, tree, timeout=120):
            self.alone = TEST.path in argv
            return super().run(argv, tree, timeout)

    def cases(text, run, _):
        return [case("test_x", None if text == NEW else FAILS) if script.alone else PASSES]

    script = Elsewhere(cases)
    found = prove(tree, {"a.py": OLD}, CANDIDATE, TEST, script, ["pytest"], CRASH)
    assert found.complete and not found.slow
    assert [(text, TEST.path in argv) for text, argv, _ in script.ran] == [
        (OLD, False), (OLD, True), (NEW, False), (NEW, True), (OLD, True),
    ]  # fmt: skip


def test_the_related_tests_are_asked_before_a_suite_that_takes_its_time(tree, monkeypatch):
    monkeypatch.setattr(proof, "PATIENT", 0.05)
    script = Script(lambda text, run, _: [case("test_x", None if text == NEW else FAILS)])
    assert prove(tree, {"a.py": OLD}, CANDIDATE, TEST, script, ["pytest"], CRASH).complete
    assert [(text, TEST.path in argv) for text, argv, _ in script.ran] == [
        (OLD, False), (NEW, True), (OLD, True), (NEW, False), (OLD, True),
    ]  # fmt: skip


def test_the_suite_on_the_old_code_is_run_once_for_all_candidates(tree):
    def honest(text, run, _):
        return [case("test_x", None if text == NEW else FAILS), PASSES]

    suite, script = proof.OldSuite(), Script(honest)
    for _ in range(2):
        prove(tree, {"a.py": OLD}, CANDIDATE, TEST, script, ["pytest"], CRASH, suite=suite)
    assert [text for text, argv, _ in script.ran if TEST.path not in argv] == [OLD, NEW, NEW]


def test_a_test_that_did_not_run_proves_nothing(tree):
    assert proved(tree, lambda *_: [PASSES]).messages == ("On the old code the new test was not run.",)
    found = proved(tree, lambda text, run, _: [PASSES] if run == 2 else [case("test_x", FAILS), PASSES])
    assert found.fails_before and not found.passes_after


def test_files_left_by_a_run_have_no_effect(tree):
    """The first run creates a file and changes another: the next runs see neither."""

    def cases(text, run, tree):
        seen = (tree / "left").exists() or (tree / "a.py").read_text() != text
        (tree / "left").write_text("x")
        return [case("test_x", OTHER if seen else None if text == NEW else FAILS)]

    assert proved(tree, cases).complete
    assert not (tree / "left").exists()


def test_a_report_is_read_with_all_output_of_a_test(tree):
    cases = [
        case("test_x", FAILS),
        PASSES,
        {"test": "tests/test_gone.py", "when": "collect", "outcome": "failed", "text": "no module"},
        {"test": "tests/test_no.py", "when": "collect", "outcome": "skipped", "text": "why"},
        case("two", ("call", "failed", "first"), OLD_TEST),
        case("two", ("teardown", "failed", "second"), OLD_TEST),
        case("set", ("setup", "failed", "no"), OLD_TEST),
        case("late", None, OLD_TEST),
        case("late", ("teardown", "failed", "no"), OLD_TEST),
        case("bare", SKIPPED, OLD_TEST),
        case("early", ("setup", "skipped", ""), OLD_TEST),
        case("other", ("teardown", "skipped", "x"), OLD_TEST),
    ]
    found = run_tests(tree, ["pytest"], Script(lambda *_: cases, 1), ["tests/test_new.py"])
    old = {
        "test_old": "", "two": "failure: first\nerror: second", "set": "error: no", "late": "error: no",
        "bare": "skipped: ", "early": "skipped: ", "other": "error: x",
    }  # fmt: skip
    assert found.results == {
        "tests/test_new.py::test_x": f"failure: ZeroDivisionError: division by zero\n{TRACE}",
        "tests/test_gone.py": "error: no module",
        "tests/test_no.py": "skipped: why",
        **{f"{OLD_TEST}::{name}": text for name, text in old.items()},
    }
    assert found.collected == [value["test"] for value in cases]
    assert (found.machinery, found.finished, found.done.code) == (MACHINERY, True, 1)
    assert found.of(OLD_TEST).keys() == {f"{OLD_TEST}::{name}" for name in old}
    assert found.of("tests/test_gone.py") == {"tests/test_gone.py": "error: no module"}
    assert found.of("tests/test_a") == {} == found.of("tests/test_gone")
    assert found.without(OLD_TEST).keys() == found.results.keys() - found.of(OLD_TEST).keys()


@pytest.mark.parametrize("report", ["", "{}\n", "0 {}\n"])
def test_without_a_sealed_report_there_is_no_result(tree, report):
    class Silent(Script):
        def run(self, argv, tree, timeout=120):
            (tree / argv[3] / "report").write_text(report)
            return Completed(0, "", "", 0.1)

    found = run_tests(tree, ["pytest"], Silent(None))
    assert (found.results, found.collected, found.machinery, found.finished) == ({}, (), (), False)


def test_the_command_is_run_with_our_reporter_and_its_own_options(tree):
    script = Script(lambda *_: [PASSES])
    run_tests(tree, ["pytest", "-q"], script, ["one.py", "two.py"])
    [(_, argv, timeout)] = script.ran
    assert argv[4:6] == ["pytest", "-q"] and argv[-2:] == ["one.py", "two.py"] and timeout == 120
    assert tuple(argv[6:12]) == proof._OPTIONS
    run_tests(tree, ["pytest"], script, source=[".", "src"])
    assert 'PYTHONPATH="$0":"$PWD"/src"$' in script.ran[-1][1][2]
    (tree / "orders").mkdir()
    (tree / "orders/__init__.py").touch()
    run_tests(tree, ["pytest"], script, source=["orders", "lib"])  # a package is no folder to import from
    assert 'PYTHONPATH="$0":"$PWD"/lib"$' in script.ran[-1][1][2]
    run_tests(tree, ["pytest"], script, timeout=7)
    assert script.ran[-1][2] == 7


@pytest.mark.parametrize("name", ["../out.py", "sub/../../out.py", "link.py", "folder/out.py", "/tmp/out.py"])
def test_nothing_is_written_outside_the_tree(tmp_path, name):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link.py").symlink_to(tree / "real.py")
    (tree / "folder").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="is outside of the repository"):
        write(tree, {name: "x"})
    assert {p.name for p in tmp_path.iterdir()} == {"tree"} and not (tree / "real.py").exists()


def test_files_are_written_with_their_folders(tmp_path):
    write(tmp_path, {"a/b/c.py": "é", "a/d.py": "1"})
    write(tmp_path, {"a/b/c.py": "è"})
    assert (tmp_path / "a/b/c.py").read_bytes() == "è".encode()


# --- the result of a run ---------------------------------------------------------------------------


def failure(message="ZeroDivisionError: division by zero", trace=TRACE, tag="failure") -> str:
    return f"{tag}: {message}\n{trace}"


@pytest.mark.parametrize(
    ("results", "red", "says"),
    [
        ({"a": failure()}, True, "fails with ZeroDivisionError in f"),
        ({"a": failure("my.own.ZeroDivisionError")}, True, "fails with ZeroDivisionError in f"),
        ({"a": "", "b": failure()}, True, "fails with ZeroDivisionError in f"),
        ({"a": failure("AssertionError"), "b": failure()}, True, "fails with ZeroDivisionError in f"),
        ({}, False, "was not run"),
        ({"a": ""}, False, "passes: it proves nothing"),
        ({"a": failure(tag="error")}, False, "fails for another reason: error: ZeroDivisionError: division by zero"),
        ({"a": failure("ZeroDivisionErrors: x")}, False, "fails for another reason: failure: ZeroDivisionErrors: x"),
        ({"a": failure("MyZeroDivisionError")}, False, "fails for another reason: failure: MyZeroDivisionError"),
        ({"a": failure("E" * 300)}, False, f"fails for another reason: failure: {'E' * 151}"),
        ({"a": failure(trace="a.py:2: in g\n")}, False, "fails for another reason"),
        ({"a": failure(trace="b.py:2: in f\n")}, False, "fails for another reason"),
        ({"a": failure(trace="a.py:2: in f\na.py:9: in g\n")}, False, "fails for another reason"),
        ({"a": failure(trace="a.py:9: in g\na.py:2: in f\n")}, True, "fails with"),
        ({"a": failure(trace="a.py:2: in f\nlib.py:9: in g\n")}, True, "fails with"),
        ({"a": failure(trace="")}, False, "fails for another reason"),
        ({"a": failure(trace="x a.py:2: in f\n")}, False, "fails for another reason"),
    ],
)
def test_red_is_the_reported_exception_in_the_reported_frame(results, red, says):
    found, told = proof._red(results, CRASH)
    assert found is red and told.startswith(says)
    assert len(told) <= len("fails for another reason: ") + 160


@pytest.mark.parametrize("frames", [(), (Frame(file="lib.py", line=1, function="f", in_app=False),)])
def test_a_crash_outside_the_program_is_never_red(frames):
    crash = CRASH.model_copy(update={"frames": frames})
    found, told = proof._red({"a": failure()}, crash)
    assert found is False and told == "cannot be compared with the report, which names no line of the program"


@pytest.mark.parametrize(
    ("before", "after", "good", "says"),
    [
        ({}, {}, True, "All 0 older tests pass."),
        ({"a": "", "b": ""}, {"a": "", "b": ""}, True, "All 2 older tests pass."),
        ({"a": "", "b": "x"}, {"a": "", "b": "y"}, True, "All 1 older tests pass. Already failed before: b."),
        ({"a": ""}, {"a": "x"}, False, "Older tests fail or did not run: a."),
        ({"a": ""}, {}, False, "Older tests fail or did not run: a."),
        ({"a": "x"}, {}, False, "Older tests fail or did not run: a."),
        ({"a": "", "b": ""}, {"b": "x"}, False, "Older tests fail or did not run: b, a."),
        ({}, {"new": ""}, True, "All 1 older tests pass."),
        ({}, {"new": "x"}, False, "Older tests fail or did not run: new."),
        ({}, {"n" * 400: "x"}, False, f"Older tests fail or did not run: {'n' * 300}."),
        ({"n" * 400: "x"}, {"n" * 400: "x"}, True, f"All 0 older tests pass. Already failed before: {'n' * 200}."),
    ],
)
def test_the_older_tests(before, after, good, says):
    assert verdict(before, after) == (good, says)


@pytest.mark.parametrize(
    ("before", "after", "broken", "gone"),
    [
        ({"t[2026-11-27]": "", "t[0x7f]": ""}, {"t[2026-11-28]": "", "t[0x8e]": ""}, [], []),
        ({"t[1]": "", "t[2]": ""}, {"t[1]": "", "t[3]": "x"}, ["t[3]"], []),
        ({"t[1]": "", "t[2]": ""}, {"t[1]": ""}, [], ["t[2]"]),
        ({"t[1]": "x"}, {"t[2]": "x"}, [], []),
        ({"t[1]": ""}, {"u[1]": ""}, [], ["t[1]"]),
        ({"t": ""}, {"u": ""}, [], ["t"]),
    ],
)
def test_a_test_whose_name_holds_a_clock_is_the_same_test(before, after, broken, gone):
    assert compared(before, after) == (broken, gone)


def test_a_test_that_fails_at_times_is_named_and_breaks_nothing():
    assert verdict({"a": "", "b": ""}, {"a": "", "b": "x"}, {"b"}) == (
        True,
        "All 1 older tests pass. Flaky before the change: b.",
    )


@pytest.mark.parametrize(("results", "green"), [({}, False), ({"a": ""}, True), ({"a": "", "b": "x"}, False)])
def test_green_is_every_test_and_at_least_one(results, green):
    assert proof._green(results) is green
