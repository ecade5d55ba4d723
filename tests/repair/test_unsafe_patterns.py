"""Unsafe shapes are refused; the same shape where nothing is lost is not."""

from __future__ import annotations

import textwrap

import pytest

from core.models import Crash, Frame, Raised
from core.policy.sections import FixRules
from core.repair.judge.policy import refuse
from core.repair.types import Candidate, Evidence

CRASH = Crash(exception=Raised(type="ValueError"), frames=(Frame(file="a.py", line=4, function="f"),))


def refused(old: str, new: str, grade: Evidence = Evidence.NONE) -> str:
    old, new = textwrap.dedent(old), textwrap.dedent(new)
    candidate = Candidate("t", {"a.py": new}, "r", grade=grade)
    return refuse({"a.py": old}, candidate, FixRules(), ["**"], CRASH) or ""


LOOP = """\
    def f(rows, out):
        for row in rows:
            value = row.strip()
            number = int(value)
            out.append(number)
    """
WHILE = """\
    def f(rows):
        at = 0
        while at < len(rows):
            number = int(rows[at])
            at += 1
        return at
    """
WORK = """\
    def f(db, row):
        db.begin()
        number = int(row)
        db.insert(number)
        db.commit()
    """
TRIED = """\
    def f(row):
        name = row["name"]
        try:
            return send(name)
        except Exception:
            return 0
    """
CHECKED = """\
    def f(row):
        assert row
        number = int(row)
        assert number > 0
        return number
    """
NUMBER = "        number = int"


def before(test: str, exit_: str, line: str = NUMBER) -> tuple[str, str]:
    """The line, and the line with a guard in front of it."""
    pad = " " * (len(line) - len(line.lstrip()))
    return line, f"{pad}if {test}:\n{pad}    {exit_}\n{line}"


CASES = {
    "continue skips an append": (LOOP, *before("not value", "continue"), "skips the call of out.append"),
    "continue skips progress": (WHILE, *before("not rows[at]", "continue"), "the statement that advances the loop"),
    "return skips a commit": (WORK, *before("not row", "return", NUMBER[4:]), "skips the call of db.commit"),
    "return skips an append": (LOOP, *before("not value", "return"), "skips the call of out.append"),
    "break skips an append": (LOOP, *before("not value", "break"), "skips the call of out.append"),
    "a default is swallowed": (TRIED, 'row["name"]', 'row.get("name")', "hides errors that the default of name causes"),
    "return skips a check": (CHECKED, *before("not row", "return 0", "    assert row"), "weakens a check"),
    "what crashed is taken away": (LOOP, "        number = int(value)\n", "        pass\n", "removes the crashing"),
    "a condition is turned off": (CHECKED, "int(row)", "0 if True else int(row)", "disables a condition"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_unsafe_shape_is_refused(name):
    old, part, instead, says = CASES[name]
    old = textwrap.dedent(old)
    assert part in old
    assert says in refused(old, old.replace(part, instead, 1))


MOVED = WHILE.replace("int(rows[at])", "int(rows[at - 1])").replace(NUMBER, "        at += 1\n    " + NUMBER)
UNCHECKED = CHECKED.replace("assert row", "row = row")
STR = "    def __str__(self):\n        return self.name.value\n"
SAFE = {
    "an item is skipped as the program shows": (LOOP, *before("not value", "continue"), Evidence.SIBLING),
    "the loop moves on before": (MOVED, *before("not rows[at - 1]", "continue"), Evidence.NONE),
    "a check of what was never computed": (UNCHECKED, *before("not row", "return 0", NUMBER[4:]), Evidence.NONE),
    "a whole function goes": (f"class A(B):\n{STR}", STR, "    pass\n", Evidence.NONE),
    "a narrow handler": (TRIED.replace("Exception", "OSError"), 'row["name"]', 'row.get("name")', Evidence.NONE),
}


@pytest.mark.parametrize("name", SAFE)
def test_a_safe_shape_may_be_tried(name):
    old, part, instead, grade = SAFE[name]
    old = textwrap.dedent(old)
    assert part in old
    crash = CRASH.model_copy(update={"frames": (Frame(file="a.py", line=3, function="f"),)})
    candidate = Candidate("t", {"a.py": old.replace(part, instead, 1)}, "r", grade=grade)
    assert refuse({"a.py": old}, candidate, FixRules(), ["**"], crash) is None


HANDLED = (
    "def f(x):\n    try:\n        return int(x)\n    except (ValueError, KeyError):\n        pass\n    return None\n"
)
FILE = """\
import contextlib


def g(x):
    with contextlib.suppress(KeyError):
        del x[0]
    with contextlib.suppress(KeyError):
        del x[2]


def f(x):
    del x[1]
"""


LOOKUP = """\
def thousands(code):
    try:
        sep = THOUSANDS[code]
    except KeyError:
        sep = ","
    return sep
"""
DECIMAL = LOOKUP.replace("thousands", "decimal").replace("THOUSANDS", "DECIMAL").replace('","', '"."')
ONCE = "    with contextlib.suppress(OSError):\n        del x[3]"


@pytest.mark.parametrize(
    ("old", "part", "instead", "says"),
    [
        (HANDLED, "(ValueError, KeyError)", "(ValueError, KeyError, TypeError)", ""),
        (HANDLED.replace("pass", "return 400, x"), "(ValueError, KeyError)", "(ValueError, KeyError, TypeError)", ""),
        (HANDLED.replace("pass", "return 400, x"), "(ValueError, KeyError)", "(KeyError)", "weakens a check"),
        (HANDLED, "(ValueError, KeyError)", "(ValueError, Exception)", "catches every exception"),
        (HANDLED, "(ValueError, KeyError)", "(TypeError, KeyError)", "swallows"),
        (
            HANDLED,
            "    return None\n",
            "    try:\n        g(x)\n    except (ValueError, KeyError):\n        pass\n",
            "swallows",
        ),
        (HANDLED.replace("pass", "print(x)"), "print(x)", "pass", ""),  # it did not raise before either
        (HANDLED.replace("pass", "raise OSError(x)"), "raise OSError(x)", "pass", "removes a check"),
        (FILE.replace("        del x[2]\n", "        del x[2]\n    del x[3]\n", 1), "    del x[3]", ONCE, "swallows"),
        (FILE, "    del x[1]", "    with contextlib.suppress(KeyError):\n        del x[1]", ""),
        (FILE, "    del x[1]", "    with contextlib.suppress(KeyError):\n        x.clear()", "swallows"),
        (FILE, "    del x[1]", "    with contextlib.suppress(IndexError):\n        del x[1]", "swallows"),
        (f"{LOOKUP}# more\n", "# more\n", DECIMAL, ""),
        (f"{LOOKUP}# more\n", "# more\n", DECIMAL.replace("KeyError", "LookupError"), "swallows"),
        (f"{LOOKUP}# more\n", "# more\n", DECIMAL.replace('sep = "."', "pass"), "swallows"),
        (f"{LOOKUP}# more\n", "# more\n", DECIMAL.replace("DECIMAL[code]", "read(code)"), "swallows"),
        ("x = 1  # pragma: no cover\ny = 2\n", "y = 2", "y = 3  # pragma: no cover", ""),
        ("x = 1\ny = 2\n", "y = 2", "y = 3  # pragma: no cover", "silences"),
        ("x = 1  # nosec\ny = 2\n", "y = 2", "y = 3  # nosec", "silences"),
        ("x = 1  # type: ignore\ny = 2\n", "y = 2", "y = 3  # type:ignore[index]", ""),
        ("x = 1  # type: ignore\ny = 2\n", "y = 2", "y = 3  # noqa", "silences"),
        ("x = 1  # noqa: E501\ny = 2\n", "y = 2", "y = 3  # noqa: B023", ""),
        ("x = 1  # noqa: E501\ny = 2\n", "y = 2", "y = 3  # noqa: B023, S102", "silences"),
    ],
)
def test_what_the_file_does_elsewhere(old, part, instead, says):
    found = refused(old, old.replace(part, instead))
    assert says in found and bool(says) == bool(found)


def test_an_overloaded_function_keeps_its_decorators():
    old = "@overload\ndef f(x: int): ...\n@overload\ndef f(x: str): ...\ndef f(x):\n    return int(x)\n"
    assert not refused(old, old.replace("int(x)", "int(x or 0)"))
    assert "takes the decorator" in refused(old, old.replace("@overload\ndef f(x: str)", "def f(x: str)"))


HEAD = "def f(row, out):\n    out.append(1)\n"
NARROWED = HEAD + "    assert row is not None\n    out.append(row)\n    return out\n"
INSTEAD = {
    "nothing": ("    out.append(row)\n    return out\n", False),
    "a condition of less": ("    if row:\n        out.append(row)\n    return out\n", False),
    "another condition": ("    if out:\n        out.append(row)\n        return out\n", False),
    "a copy without it": ("    if row:\n        out.append(row)\n        return out\n    return out\n", False),
    "the condition": ("    if row is not None:\n        out.append(row)\n        return out\n", True),
    "a stronger condition": ("    if row:\n        out.append(row)\n        return out\n    out = []\n", True),
}


@pytest.mark.parametrize(("line", "name"), [(line, name) for line in (3, 4) for name in INSTEAD])
def test_only_a_failed_narrowing_assertion_becomes_a_condition(line, name):
    instead, may = INSTEAD[name]
    crash = CRASH.model_copy(update={"frames": (Frame(file="a.py", line=line, function="f"),)})
    told = refuse({"a.py": NARROWED}, Candidate("t", {"a.py": HEAD + instead}, "r"), FixRules(), ["**"], crash)
    assert told is None if may and line == 3 else "removes a check" in told


REFUSING = "def f(x):\n    try:\n        return g(x)\n    except KeyError as e:\n        raise Refused from e\n"
KEY = "    except KeyError as e:\n"


@pytest.mark.parametrize(
    ("instead", "says"),
    [
        ("    except (KeyError, TypeError) as e:\n", ""),
        ("    except LookupError as e:\n", ""),
        ("    except IndexError as e:\n", "weakens a check"),
        ("    except (IndexError, Own) as e:\n", "weakens a check"),
        ("    except LookupError as e:\n        return h(x)\n" + KEY, "weakens a check"),
        ("    except TypeError as e:\n        return h(x)\n" + KEY, ""),
    ],
)
def test_a_handler_that_refuses_may_only_catch_more(instead, says):
    assert KEY in REFUSING
    told = refused(REFUSING, REFUSING.replace(KEY, instead))
    assert says in told if says else not told
