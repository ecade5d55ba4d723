"""What no fix may do: each rule at its limit, and each part of a rule alone."""

from __future__ import annotations

import pytest

from core.models import Crash
from core.policy.sections import FixRules
from core.repair.judge import policy
from core.repair.judge.policy import is_test, matches, refuse
from core.repair.types import Candidate

OLD = "def f(x):\n    return 1 / x\n"
REPORT = Crash(
    exception={"type": "ZeroDivisionError"},
    frames=[
        {"file": "a.py", "locals": {"order": "'order-77'", "n": "4711", "rate": "-2.5", "q": '"say-so"'}},
        {"file": "b.py", "function": "g"},
    ],
    logs=("user 'meyer' failed with 8123",),
)  # fmt: skip


def refused(files, before=None, crash=REPORT, allowed=("**",), **rules) -> str | None:
    before = {"a.py": OLD} if before is None else before
    return refuse(before, Candidate("t", files, rules.pop("rationale", "")), FixRules(**rules), allowed, crash)


def inside(line: str, old: str = OLD) -> dict[str, str]:
    """The old text with another line before its return."""
    return {"a.py": old.replace("    return", f"    {line}\n    return", 1)}


# --- size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "rationale", "says"),
    [
        ({}, "", "it changes nothing"),
        ({}, "no idea", "it changes nothing: no idea"),
        ({"a.py": OLD}, "no idea", "it changes nothing"),
    ],
)
def test_an_empty_change(files, rationale, says):
    assert refused(files, rationale=rationale) == says


@pytest.mark.parametrize(
    ("added", "limit", "says"), [(2, 3, None), (3, 3, None), (4, 3, "the fix changes 4 lines; at most 3 are allowed")]
)
def test_lines(added, limit, says):
    assert refused({"a.py": OLD + "y = 1\n" * added}, max_lines=limit) == says


def test_removed_lines_and_new_files_count():
    before = {"a.py": OLD + "y = 1\n" * 3}
    assert refused({"a.py": OLD}, before, max_lines=2) == "the fix changes 3 lines; at most 2 are allowed"
    two = "the fix changes 2 lines; at most 1 are allowed"
    assert refused({"a.py": OLD.replace("1 / x", "2 / x")}, max_lines=1) == two
    assert refused({"b.py": "y = 1\n", "c.py": "y = 1\n"}, max_lines=1) == two
    assert refused({"b.py": "++y\n--y\n"}, max_lines=1) == two


@pytest.mark.parametrize(("limit", "says"), [(2, None), (1, "the fix changes 2 files; at most 1 are allowed")])
def test_files(limit, says):
    files = {"a.py": OLD + "y = 1\n", "b.py": "y = 1\n", "c.py": "z = 1\n"}
    assert refused(files, {"a.py": OLD, "c.py": "z = 1\n"}, max_files=limit) == says


def test_every_file_is_checked():
    assert refused({"a.py": OLD + "y = 1\n", "b.py": "eval('1')\n"}) == "b.py: newly calls eval()"
    assert refused({"a.py": OLD + "y = 1\n", "b.txt": "x"}) == "b.txt: not a Python source file"


# --- paths -----------------------------------------------------------------------------------------

PLAIN, ALIKE, FORBIDDEN = "not a plain path inside of the repository", "a look-alike name", "the policy forbids this"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/b.py", PLAIN), ("../b.py", PLAIN), ("s/../b.py", PLAIN), ("./b.py", PLAIN), ("s//b.py", PLAIN),
        ("s\\b.py", PLAIN), ("c:b.py", PLAIN), ("b.py/", PLAIN), ("", PLAIN),
        ("\u0430.py", ALIKE), ("b\u200b.py", ALIKE), ("\uff42.py", ALIKE), ("b\x07.py", ALIKE), ("b\n.py", ALIKE),
        ("A.PY", "a look-alike of a.py"), ("A.py", "a look-alike of a.py"),
        (".github/b.py", FORBIDDEN), (".GITHUB/b.py", FORBIDDEN), ("conftest.py", FORBIDDEN), (".gitx/b.py", FORBIDDEN),
        ("json.py", "a new file that hides the module json"), ("json/b.py", "a new file that hides the module json"),
        ("s/pytest/__init__.py", "a new file that hides the module pytest"),
        ("_pytest.py", "a new file that hides the module _pytest"),
        ("pluggy.py", "hides the module pluggy"), ("iniconfig.py", "hides the module iniconfig"),
        ("coverage.py", "hides the module coverage"), ("s/sitecustomize.py", "sitecustomize"),
        ("s/usercustomize.py", "usercustomize"), ("s/site-packages/b.py", "hides the module site-packages"),
        ("tests/b.py", "a fix may not touch tests"), ("s/test/b.py", "a fix may not touch tests"),
        ("test_b.py", "a fix may not touch tests"), ("b_test.py", "a fix may not touch tests"),
        ("b.txt", "not a Python source file"), ("b", "not a Python source file"),
        ("b.py", None), ("s/b.py", None), ("s/tests_of.py", None),
    ],
)  # fmt: skip
def test_paths(path, says):
    found = refused({path: "y = 1\n"})
    assert (found is None) if says is None else found.startswith(f"{path}: ") and says in found, found


@pytest.mark.parametrize("name", ["pytest", "_pytest", "pluggy", "iniconfig", "coverage"])
def test_a_module_of_the_tests_must_not_be_hidden_even_if_it_is_not_installed(monkeypatch, name):
    monkeypatch.setattr(policy, "installed", frozenset)
    assert refused({f"{name}.py": "y = 1\n"}) == f"{name}.py: a new file that hides the module {name}"


def test_existing_files_are_allowed():
    before = {"json.py": "x = 1\n", "a.py": OLD, "A.py": OLD}
    assert refused({"json.py": "x = 2\n"}, before) is None
    assert refused({"A.py": OLD + "y = 1\n"}, before) is None


@pytest.mark.parametrize(
    ("path", "allowed", "says"),
    [
        ("s/b.py", ["s/**"], None), ("s/b.py", ["t/**"], "outside of the paths that this service allows"),
        ("s/b.py", ["t/**", "s/*.py"], None), ("s/b.py", [], "outside of the paths that this service allows"),
    ],
)  # fmt: skip
def test_only_paths_that_the_service_allows(path, allowed, says):
    found = refused({path: "y = 1\n"}, allowed=allowed)
    assert found == (says and f"{path}: {says}")


@pytest.mark.parametrize(
    ("path", "forbidden", "says"),
    [("deep/secret/b.py", "deep/secret", True), ("deep/secret/b.py", "deep", True), ("deep/b.py", "secret", False),
     ("b.py", "b.py", True)],
)  # fmt: skip
def test_a_forbidden_folder_forbids_its_files(path, forbidden, says):
    assert (refused({path: "y = 1\n"}, forbidden=[forbidden]) is not None) is says


@pytest.mark.parametrize(
    ("path", "glob", "covers"),
    [
        ("a.py", "*.py", True), ("s/a.py", "*.py", False), ("s/a.py", "**/*.py", True), ("a.py", "**/*.py", True),
        ("s/t/a.py", "s/**", True), ("s/a.py", "s/?.py", True), ("s/ab.py", "s/?.py", False), ("a.pyc", "*.py", False),
        ("xa.py", "a.py", False), ("axpy", "a.py", False), ("S/A.PY", "s/a.py", True), ("s/t.py", "s?t.py", False),
    ],
)  # fmt: skip
def test_globs(path, glob, covers):
    assert matches(path, glob) is covers


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("tests/a.py", True), ("a/test/b/c.py", True), ("test_a.py", True), ("a/b_test.py", True), ("tests.py", False),
        ("a/tests", False), ("latest/a.py", False), ("contest_a.py", False), ("a_test.pyx", False), ("", False),
    ],
)  # fmt: skip
def test_which_files_are_tests(path, test):
    assert is_test(path) is test


# --- texts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OLD + "y = '\0'\n", "binary or invisible characters"),
        (OLD + "y = 1  # harmless\rimport os\n", "binary or invisible characters"),
        (OLD + "y = '\u202e'\n", "binary or invisible characters"),
        (OLD + "y = '\u200b'\n", "binary or invisible characters"),
        (OLD + "y = (\n", "not valid Python"),
        (OLD + "y = 1  # type: ignore\n", "silences a checker by a comment"),
        (OLD + "y = 1  #NOQA: E501\n", "silences a checker by a comment"),
        (OLD + "y = 1  # pragma: no cover\n", "silences a checker by a comment"),
        (OLD + "y = 1  # pylint: disable=all\n", "silences a checker by a comment"),
        (OLD + "y = '\u00e9'\n", None),
    ],
)
def test_texts(text, says):
    assert refused({"a.py": text}) == (says and f"a.py: {says}")


def test_forbidden_code_of_the_old_text_may_stay():
    old = OLD + "y = '\u200b'  # noqa\nassert y\nimport socket\n"
    assert refused({"a.py": old + "z = '\u200b'\n"}, {"a.py": old}) is None
    silenced = "a.py: silences a checker by a comment"
    assert refused({"a.py": old + "z = 1  # noqa\n"}, {"a.py": old}) is None, "no tool of the review obeys it"
    for other in ("type: ignore", "nosec", "noqa: S102", "pragma: no cover"):
        assert refused({"a.py": f"{old}z = 1  # {other}\n"}, {"a.py": old}) == silenced, other
    assert refused({"a.py": old.replace("  # noqa", "")}, {"a.py": old}) is None


GUARDED = "def f(x):\n    if x:\n        raise ValueError(x)\n    if x:\n        raise ValueError\n    assert x\n"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("        raise ValueError(x)\n", "        return 0\n"), "removes a check: raise ValueError"),
        (("    assert x\n", ""), "removes a check: assert x"),
        (("    assert x\n", "    assert x or 1\n"), "removes a check: assert x"),
        (("    assert x\n", "    assert x\n    assert x\n"), None),
    ],
)
def test_no_check_may_be_removed(change, says):
    found = refused({"a.py": GUARDED.replace(*change)}, {"a.py": GUARDED})
    assert found == (says and f"a.py: {says}")


def test_a_long_check_is_quoted_in_eighty_characters():
    old = f"assert {'x' * 200}\n"
    assert refused({"a.py": "y = 1\n"}, {"a.py": old}) == f"a.py: removes a check: assert {'x' * 73}"


def test_another_use_of_forbidden_code_is_refused():
    old = OLD + "eval('1')\n"
    assert refused({"a.py": old + "y = 1\n"}, {"a.py": old}) is None
    assert refused({"a.py": old + "eval('2')\n"}, {"a.py": old}) == "a.py: newly calls eval()"


@pytest.mark.parametrize(
    ("old", "says"),
    [
        ("def f(x):\n    return shutil.which(x)\n", None),  # used, and never imported
        ("def f(x):\n    return x.shutil\n", "newly imports shutil"),
        ("def f(x):\n    return x\n", "newly imports shutil"),
    ],
)
def test_a_missing_import_may_be_added(old, says):
    assert refused({"a.py": "import shutil\n" + old}, {"a.py": old}) == (says and f"a.py: {says}")


def test_a_missing_import_excuses_nothing_else():
    old = "def f(x):\n    return shutil.which(eval)\n"
    assert refused({"a.py": "import shutil\n" + old + "eval('1')\n"}, {"a.py": old}) == "a.py: newly calls eval()"


# --- special cases ---------------------------------------------------------------------------------


MATCHERS = ("startswith", "endswith", "match", "fullmatch", "search", "find", "index", "count", "removeprefix")


@pytest.mark.parametrize(
    ("line", "literal"),
    [
        ("if x == 'order-77': return 0", "order-77"),
        ("if 'order-77' == x: return 0", "order-77"),
        ("if x in ('order-77', 'y'): return 0", "order-77"),
        ("if x == 'say-so': return 0", "say-so"),
        ("if x == 4711: return 0", 4711),
        ("if x == -2.5: return 0", None),  # the reported number was not negative
        ("if x == 'meyer': return 0", "meyer"),
        ("if x == 8123: return 0", 8123),
        ("if x.startswith('orde'): return 0", "orde"),
        ("if x.startswith('ord'): return 0", None),  # three characters are not a signature
        ("if x == 'r-77': return 0", "r-77"),
        ("if x == 'other': return 0", None),
        ("if x == 4712: return 0", None),
        ("if x > 4711: return 0", 4711),
        ("if x > 'order-77': return 0", "order-77"),  # no bound, however compared
        ("if x == b'order-77': return 0", b"order-77"),
        ("if x.startswith(b'orde'): return 0", b"orde"),
        ("if x.startswith(b'ord'): return 0", None),
        ("if x > b'order-77': return 0", b"order-77"),
        ("if x == ...: return 0", None),
        ("return {'order-77': 0}[x]", "order-77"),
        ("return {'order-77': 0}.get(x, 1)", "order-77"),
        ("return {**x, 'order-77': 0}.get(x)", "order-77"),
        ("y = {'order-77': 0}", None),  # stored, not looked up
        ("y = 'order-77'", None),
        ("y = x.replace('order-77', '')", None),
        ("match x:\n        case 'order-77':\n            return 0", "order-77"),
        *((f"y = x.{name}('order-77')", "order-77") for name in MATCHERS),
    ],
)
def test_the_reported_input_is_not_a_special_case(line, literal):
    found = refused(inside(line))
    assert found == (literal and f"a.py: special-cases the reported input {literal!r}")


@pytest.mark.parametrize("literal", [2, 3, "x", "xy", 0.5, 2.5])
def test_a_short_literal_is_an_input_like_any_other(literal):
    crash = REPORT.model_copy(update={"frames": (), "logs": (f"{literal!r}",)})
    expected = f"a.py: special-cases the reported input {literal!r}"
    assert refused(inside(f"if x == {literal!r}: return 0"), crash=crash) == expected


@pytest.mark.parametrize("condition", ["x == 0", "x == ''", "x == b''", "x < 2", "len(x) == 2", "x is None"])
def test_a_neutral_value_or_a_small_bound_is_not_an_input(condition):
    crash = REPORT.model_copy(update={"frames": (), "logs": ("'' 0 2",)})
    assert refused(inside(f"if {condition}: return 0"), crash=crash) is None


@pytest.mark.parametrize("value", [True, False, ...])
def test_truth_values_and_ellipses_are_not_inputs(value):
    crash, old = REPORT.model_copy(update={"logs": (f"'{value}'",)}), OLD.replace("1 / x", "x")
    assert refused(inside(f"if x == {value!r}: return 0", old), {"a.py": old}, crash=crash) is None


@pytest.mark.parametrize(("condition", "refuses"), [("f(x) == 2", True), ("len(x) == 2", False), ("x.n == 2", True)])
def test_only_a_number_of_items_is_a_bound(condition, refuses):
    crash = REPORT.model_copy(update={"logs": ("2",)})
    assert bool(refused(inside(f"if {condition}: return 0"), crash=crash)) is refuses


@pytest.mark.parametrize("name", ["only_there", "streamlit"])
@pytest.mark.parametrize(
    ("modules", "hidden"), [(None, {"streamlit"}), ({"only_there"}, {"only_there"}), (set(), set())]
)
def test_a_new_module_must_not_hide_one_of_the_environment(name, modules, hidden):
    """Without a known environment, the platform's own packages count."""
    found = refuse({"a.py": OLD}, Candidate("t", {f"{name}.py": "y = 1\n"}, ""), FixRules(), ["**"], None, modules)
    assert found == (f"{name}.py: a new file that hides the module {name}" if name in hidden else None)


@pytest.mark.parametrize("crash", [None, REPORT.model_copy(update={"frames": (), "logs": ()})])
def test_without_a_report_there_is_no_reported_input(crash):
    assert refused(inside("if x == 'order-77': return 0"), crash=crash) is None


def test_an_existing_literal_may_be_compared():
    old = "ORDER = 'order-77'\nN = 30\n" + OLD
    assert refused(inside("if x == 'order-77': return 0", old), {"a.py": old}) is None
    assert refused(inside("if x * 2 == 30: return 0", old), {"a.py": old}) is None
    old = inside("if x == 'order-77': return 0")["a.py"]
    assert refused({"a.py": old + "y = 1\n"}, {"a.py": old}) is None


@pytest.mark.parametrize(
    ("condition", "literal"),
    [
        ("x * 2 == 30", 30), ("x - 7 == y", 7), ("30 != x + x", 30), ("x + 1 in (40, 90)", 40), ("y == x + 30", 30),
        ("hash(x) == 30", 30), ("sum(x) == 30", 30), ("ord(x) == 30", 30), ("id(x) == 30", 30), ("abs(x) == 30", 30),
        ("pow(x, 2) == 30", 30), ("x + y == 2.5", 2.5), ("x + y == 3", 3),
        ("x * 2 == 2", None), ("x * 2 == 0", None), ("x * 2 > 30", None), ("x.sum(y) == 30", None),
        ("len(x) == 30", None), ("x == 30", None), ("x + y == 'ab'", None), ("x + y == True", None),
        ("x - 1 == -2", None), ("x + y is None", None), ("x + y not in z", None),
    ],
)  # fmt: skip
def test_a_computed_signature(condition, literal):
    found = refused(inside(f"if {condition}: return 0"), crash=None)
    says = f"a.py: special-cases inputs by a computed condition with {literal!r}"
    assert found == (literal and says)


# --- handlers --------------------------------------------------------------------------------------

QUIET = "def {name}(x):\n    try:\n        {tried}\n    except {kind}:\n        pass\n"
TWICE = QUIET.format(name="g", tried="del x[0]", kind="KeyError") + QUIET.format(
    name="h", tried="del x['a']", kind="KeyError"
)
ANSWERS = "def f(x):\n    try:\n        return int(x)\n    except {kinds}:\n        return None\n"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (TWICE, TWICE + QUIET.format(name="k", tried="del y[1]", kind="KeyError"), None),  # as the file does twice
        (TWICE, TWICE + QUIET.format(name="k", tried="x.save()", kind="KeyError"), "swallows KeyError"),
        (OLD, OLD + QUIET.format(name="k", tried="del y[1]", kind="KeyError"), "swallows KeyError"),
        (ANSWERS.format(kinds="ValueError"), ANSWERS.format(kinds="(ValueError, TypeError)"), None),
        (ANSWERS.format(kinds="ValueError"), ANSWERS.format(kinds="Exception"), "catches every exception"),
    ],
)
def test_a_swallowed_exception_needs_its_like_in_the_file(old, new, says):
    found = refused({"a.py": new}, {"a.py": old}, crash=None)
    assert (found is None) if says is None else says in (found or ""), found
