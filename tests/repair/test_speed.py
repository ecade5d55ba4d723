"""The pure parts of a fix for slow code: the ratio and its interval, patterns, inputs, and the regression test."""

from __future__ import annotations

import math
import random

import pytest

from core.models import Frame
from core.repair.prove.generated_tests import refused
from core.repair.prove.measures import COUNT, RATIO, bare
from core.repair.sandbox.probe import Call, ProbeOutcome
from core.repair.speed import regression
from core.repair.speed.benchmark import Measured, Timing, compared
from core.repair.speed.inputs import grown
from core.repair.speed.patterns import quickened
from core.repair.speed.ratio import paired, skipped
from core.repair.speed.slowdown import Slowdown, places
from core.repair.types import RegressionTest

# --- the ratio -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pairs", "skip"), [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (12, 13)])
def test_the_interval_is_that_of_the_published_table(pairs, skip):
    """Critical values of the signed-rank test, two-sided 5 % (Hollander, Wolfe and Chicken, table A.4)."""
    assert skipped(pairs) == skip


@pytest.mark.parametrize(
    ("old", "new", "value", "low", "high"),
    [
        ([2.0] * 8, [1.0] * 8, 2.0, 2.0, 2.0),
        ([1.0] * 8, [1.0] * 8, 1.0, 1.0, 1.0),
        ([4.0] * 7 + [400.0], [1.0] * 8, 4.0, 4.0, 40.0),  # a pair that other work disturbed
        ([0.0] * 8, [0.0] * 8, 1.0, 1.0, 1.0),  # less than the clock can tell
    ],
)
def test_the_ratio_of_pairs(old, new, value, low, high):
    found = paired(old, new)
    assert (found.value, found.low) == (pytest.approx(value), pytest.approx(low))
    assert found.high <= high * 1.01 and found.pairs == 8


def test_too_few_pairs_give_no_interval():
    with pytest.raises(ValueError, match="at least 6 pairs"):
        paired([1.0] * 5, [1.0] * 5)


def test_the_interval_covers_the_true_ratio_as_often_as_it_says():
    chance, runs = random.Random(3), 2000
    each = (paired([math.exp(chance.gauss(0.7, 0.4)) for _ in range(8)], [1.0] * 8) for _ in range(runs))
    held = sum(found.low <= math.exp(0.7) <= found.high for found in each)
    assert 0.94 < held / runs < 0.98


# --- the comparison ------------------------------------------------------------------------------------

CALL = Call("from shop import total", "total([1])")


def outcome(result: str = "int 1", cpu: float = 1.0, calls: int = 10) -> ProbeOutcome:
    return ProbeOutcome(result=result, cpu=cpu, calls=calls, unit=1.0)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (outcome(cpu=9), outcome(), ""),
        (outcome(cpu=1.2), outcome(), "It is not faster: 1.2 times"),
        (outcome(), outcome(cpu=9), "It is not faster: 0.1 times"),
        (outcome(cpu=9), outcome("int 2"), "A result changed: total([1]) gave int 1 and now int 2."),
        (outcome(cpu=9), ProbeOutcome(error="KeyError"), "total([1]) gave int 1 and now raises KeyError."),
        (outcome(cpu=9), ProbeOutcome(error="Late"), "total([1]) gave int 1 and now raises Late."),
        (outcome(cpu=9), outcome(cpu=0), "It could not be measured"),
    ],
)  # fmt: skip
def test_a_candidate_counts_if_it_is_faster_and_gives_the_same(old, new, says):
    refusal = compared([CALL], [[old]] * 8, [[new]] * 8).refused
    assert says in refusal and bool(refusal) == bool(says)


def test_one_changed_result_of_many_runs_refuses():
    runs = [[outcome()]] * 7 + [[outcome("int 2")]]
    assert "A result changed" in compared([CALL], [[outcome(cpu=9)]] * 8, runs).refused


# --- patterns --------------------------------------------------------------------------------------------

SEARCHED = "def f(a, b):\n    known = list(b)\n    return [x for x in a if x in known]\n"
DEDUPED = (
    "def f(items):\n    seen = []\n    for item in items:\n        if item not in seen:\n"
    "            seen.append(item)\n    return seen\n"
)
COMPILED = (
    "import re\n\ndef f(lines):\n    found = []\n    for line in lines:\n"
    "        found.append(re.compile('a+').findall(line))\n    return found\n"
)
SORTED = "def f(a, b):\n    return [x for x in a if x == sorted(b)[0]]\n"
LARGEST = "def f(a, b):\n    return [x / max(a) for x in a]\n"
QUERIED = (
    "def f(db, orders):\n    found = []\n    for order in orders:\n"
    "        rows = db.execute('SELECT id FROM rates').fetchall()\n        found.append((order, rows[0]))\n"
    "    return found\n"
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (SEARCHED, ["    known_set = set(known)", "    return [x for x in a if x in known_set]"]),
        (DEDUPED, ["    seen_set = set()", "        if item not in seen_set:", "            seen_set.add(item)"]),
        (COMPILED, ["    pattern = re.compile('a+')", "        found.append(pattern.findall(line))"]),
        (SORTED, ["    sorted_once = sorted(b)", "    return [x for x in a if x == sorted_once[0]]"]),
        (DEDUPED.replace("    ", "\t"), ["\tseen_set = set()", "\t\t\tseen_set.add(item)"]),
        (f"X = 'a\x0cb'\n{DEDUPED}", ["    seen_set = set()", "            seen_set.add(item)"]),  # no line ends there
        (LARGEST, ["    max_of_all = max(a, default=None)", "    return [x / max_of_all for x in a]"]),
        (QUERIED, ["    rows_2 = db.execute('SELECT id FROM rates').fetchall()", "        rows = rows_2"]),
    ],
)
def test_a_slow_pattern_is_edited(text, lines):
    new, reasons = quickened(text, "f")
    assert reasons and set(lines) <= set(new.splitlines()), new
    compile(new, "new", "exec")


@pytest.mark.parametrize(
    "text",
    [
        SEARCHED.replace("list(b)", "other(b)"),  # who knows what that gives
        SEARCHED.replace("    return [x", "    known = b\n    return [x"),  # set twice
        DEDUPED.replace("    return", "    seen.pop()\n    return"),  # taken out again
        DEDUPED.replace("seen.append(item)", "seen.append(item())"),  # would run twice
        COMPILED.replace("'a+'", "line"),  # another pattern in each turn
        SORTED.replace("sorted(b)[0]", "sorted(x)[0]"),
        SORTED.replace("sorted(b)[0]", "sorted(b)"),  # whoever gets the list may change it
        QUERIED.replace("rates'", "rates WHERE o = ?', [order]"),
        QUERIED.replace("rows = db", "db.execute('DELETE FROM rates')\n        rows = db"),
        QUERIED.replace("SELECT id FROM", "UPDATE"),
        "def f(a, b):\n    for x in a:\n        b.append(x)\n        print(sum(b))\n",
        "def f(a, b):\n    for x in a:\n        change(b)\n        print(sum(b))\n",
        "def f(a, b):\n    for x in a:\n        change(items=b)\n        print(sum(b))\n",
        "def f(a, b, c):\n    for x in a:\n        c.change(b)\n        print(sum(b))\n",
        "def f(a):\n    for x in a:\n        x.sort(key=lambda y: sum(y))\n",  # another y in each call
        LARGEST.replace("max(a)", "max(b)"),  # without an item of b it fails, and only if a has one
        LARGEST.replace("max(a)", "max(a, key=abs)"),
        DEDUPED.replace("    return", "    seen[0] = 1\n    return"),
        DEDUPED.replace("            seen", "            change(seen)\n            seen"),
        DEDUPED.replace("    for", "    also = seen\n    for"),
        DEDUPED.replace("seen:\n            seen", "seen: seen"),
        "def f(:\n",
    ],
)
def test_what_is_not_certain_stays(text):
    assert quickened(text, "f") == (text, [])


# --- what the suspect commit changed -----------------------------------------------------------------------

TWO = "LIMIT = 3\n\ndef f(x):\n    return x\n\n\nclass A:\n    def g(self):\n        return 1\n"


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        (TWO, TWO.replace("return x", "return x + 1"), ["f"]),
        (TWO, TWO.replace("return 1", "return 2"), ["g"]),
        (TWO, TWO.replace("LIMIT = 3", "LIMIT = 4"), ["f", "g"]),
        (TWO, TWO + "# A note.\n", []),
        ("", TWO, ["f", "g"]),
        ("def broken(:", TWO, ["f", "g"]),
    ],
)
def test_the_functions_that_a_commit_changed(tmp_path, before, after, names):
    (tmp_path / "shop.py").write_text(after)
    found = places(tmp_path, {"shop.py": before}, {"shop.py": after, "tests/test_shop.py": "def test(): 1\n"})
    assert [frame.function for frame in found] == names


# --- inputs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "length", "kinds"),
    [
        ("f(['a', 'b'])", 60, {str}),
        ("f([1, 2, 3])", 90, {int}),
        ("f([{'id': 1}])", 30, {dict}),
        ("f({'a': 1, 'b': 2})", 60, {str}),
    ],
)
def test_a_recorded_input_grows(expression, length, kinds):
    [call] = grown(Call("", expression), 30)
    value = eval(call.expression, {"f": lambda given: given})
    assert (len(value), {type(item) for item in value}) == (length, kinds)
    assert kinds == {dict} or len(set(value)) == length


@pytest.mark.parametrize("expression", ["f()", "f('text', 3)", "f([])", "f([a, b])", "f({'name': 'x'})", "f("])
def test_other_inputs_stay(expression):
    assert list(grown(Call("", expression), 30)) == []


# --- the regression test -------------------------------------------------------------------------------------

SLOW = Slowdown("slow", places=(Frame(file="shop.py", line=1, function="total"),))
BEFORE = {"shop.py": "def total(x):\n    return x\n", "tests/test_shop.py": "from shop import total\n"}


@pytest.mark.parametrize(
    ("timing", "measure"),
    [
        (Timing(1.0, 0.9, 1000, 100, 1.0), COUNT),
        (Timing(1.0, 0.1, 100, 100, 1.0), RATIO),
        (Timing(1.0, 0.5, 100, 100, 1.0), None),  # too near for a bound in the middle
        (Timing(1e-6, 1e-8, 100, 100, 1.0), None),  # too short for the clock
    ],
)
def test_the_regression_test_asserts_a_count_or_a_ratio(timing, measure):
    test = regression.written([CALL], Measured(each=[timing]), SLOW, "tests")
    if measure is None:
        assert test is None
        return
    assert test and f"import {measure.module}\n" in test.code and refused(test, BEFORE) == ""
    assert regression.red(test).frames[0].function == "test_total_stays_fast"
    assert "def test_total_stays_fast():\n    total([1])\n" in bare(test.code)


MADE = COUNT.around("from shop import total", "test_total_stays_fast", "given = [1]", "total(given)", 12)


@pytest.mark.parametrize(
    "code",
    [
        MADE.replace("    given = [1]", "    given = [1]\n    __import__('os').system('id')"),
        MADE.replace("total(given)", "eval('1')"),
        MADE.replace("from shop import total", "from shop import total\nimport ctypes"),
        MADE.replace("sys.setprofile(count_call)", "sys.setprofile(count_call); sys.modules.clear()"),
        MADE + "\n\nsys.exit()\n",
        "import sys\n\n\ndef test_it():\n    sys.settrace(None)\n",
    ],
)
def test_text_beside_the_measure_is_checked_like_any_other_test(code):
    assert refused(RegressionTest("tests/test_regression_0123456789.py", MADE), BEFORE) == ""
    assert refused(RegressionTest("tests/test_regression_0123456789.py", code), BEFORE)
