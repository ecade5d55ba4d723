"""A change without evidence is graded by the program, whoever wrote it."""

from __future__ import annotations

import textwrap

import pytest

from core.models import Crash
from core.repair.judge.grading import by_code, by_outcome
from core.repair.sandbox.probe import ProbeOutcome
from core.repair.types import Candidate, Evidence

HANDLERS = """\
    def size(text):
        try:
            return int(text)
        except ValueError:
            return -1


    def other(text):
        try:
            return int(text)
        except (TypeError, ValueError):
            return 0
    """
GUARDS = """\
    def first(rows):
        if not rows:
            return None
        return rows[0]


    def last(rows):
        return rows[-1]
    """
PLAIN = """\
    def last(rows):
        return rows[-1]
    """
LAST = "    return rows[-1]"
REFUSES = "Raises LookupError if there are no rows."
WRONG = "    if not rows:\n        return 0\n"


def case(line: int, function: str, message: str = "", **local: str) -> Crash:
    frame = {"file": "a.py", "line": line, "function": function, "locals": local}
    return Crash(exception={"type": "IndexError", "message": message}, frames=[frame])


@pytest.mark.parametrize(
    ("old", "part", "instead", "line", "grade"),
    [
        (HANDLERS, "except ValueError", "except (TypeError, ValueError)", 3, Evidence.SIBLING),  # another has both
        (HANDLERS, "except ValueError", "except (KeyError, ValueError)", 3, Evidence.STYLE),
        (GUARDS, LAST, f"{WRONG.replace('0', 'None')}{LAST}", 8, Evidence.SIBLING),
        (GUARDS, LAST, f"{WRONG}{LAST}", 8, Evidence.NONE),  # the sibling gives another value
        (PLAIN, LAST, f"{WRONG}{LAST}", 2, Evidence.NONE),
    ],
)
def test_what_a_change_adds_is_looked_up_in_the_program(tmp_path, old, part, instead, line, grade):
    old = textwrap.dedent(old)
    assert part in old
    (tmp_path / "a.py").write_text(old)
    made = Candidate("model", {"a.py": old.replace(part, instead)}, "r", generator="openai")
    found = by_code(tmp_path, case(line, "last"), made, {"a.py": old})
    assert found.grade == grade and bool(found.evidence) == bool(grade)


@pytest.mark.parametrize(
    ("returns", "documentation", "outcome", "grade"),
    [
        (" -> int | None", "", ProbeOutcome(result="NoneType None", literal="None"), Evidence.TYPE),
        (" -> int | None", "", ProbeOutcome(result="int 0", literal="0"), Evidence.NONE),
        ("", "The last row; 0 if there are no rows.", ProbeOutcome(result="int 0", literal="0"), Evidence.DOCUMENTED),
        ("", REFUSES, ProbeOutcome(error="LookupError", deliberate=True), Evidence.DOCUMENTED),
        ("", REFUSES, ProbeOutcome(error="TypeError", deliberate=True), Evidence.NONE),
    ],
)  # fmt: skip
def test_what_the_input_gives_now_is_looked_up_too(tmp_path, returns, documentation, outcome, grade):
    old = f'def last(rows){returns}:\n    """{documentation or "The last."}"""\n    return rows[-1]\n'
    (tmp_path / "a.py").write_text(old)
    made = Candidate("model", {"a.py": old}, "r", generator="openai")
    crash = case(3, "last", "list index out of range", rows="[]")
    assert by_outcome(tmp_path, crash, made, "last", outcome).grade == grade


def test_the_evidence_of_an_operator_stands(tmp_path):
    (tmp_path / "a.py").write_text(PLAIN)
    made = Candidate("t", {"a.py": PLAIN}, "r", ("b.py:1 does so",), Evidence.STYLE)
    assert by_code(tmp_path, case(2, "last"), made, {"a.py": PLAIN}) == made
