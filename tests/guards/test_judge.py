"""The judge of candidates: several inputs, each of which may reveal a wrong candidate."""

from __future__ import annotations

import pytest

from core.models import Crash
from core.repair.judge.judge import Judged, behaviours, choose, crash_like, difference, mended, uncured
from core.repair.sandbox.probe import ProbeOutcome
from core.repair.types import Candidate, Evidence

CRASH = Crash(
    exception={"type": "KeyError", "message": "'a'"},
    frames=[
        {"file": "m.py", "line": 2, "function": "f"},
        {"file": "lib.py", "line": 9, "function": "get", "in_app": False},
    ],
)
OF_A_LIBRARY = CRASH.model_copy(update={"frames": CRASH.frames[1:]})


def raised(error="KeyError", line=2, text="'a'", **values) -> ProbeOutcome:
    return ProbeOutcome(**{"error": error, "file": "m.py", "function": "f", "line": line, "text": text, **values})


CRASHED, TWO, THREE = raised(), ProbeOutcome(result="int 2"), ProbeOutcome(result="int 3")
REFUSED = raised("ValueError", 7, deliberate=True)


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (TWO, THREE, "a result changed from int 2 to int 3"),
        (TWO, CRASHED, "a result changed from int 2 to KeyError"),
        (REFUSED, TWO, "an input that raised ValueError no longer does"),
        (REFUSED, raised("KeyError", 7), "an input that raised ValueError no longer does"),
        (raised("KeyError", 7, deliberate=True), TWO, "an input that raised KeyError no longer does"),
        (raised("TypeError", 7, deliberate=True), TWO, "an input that raised TypeError no longer does"),
        (raised("ImportError", 7, text="no module"), TWO, "an input that raised ImportError no longer does"),
    ],
)
def test_a_difference_on_any_input_is_found(old, new, says, at):
    before, after = [CRASHED, TWO, REFUSED, CRASHED], [THREE, TWO, REFUSED, TWO]
    before.insert(at, old)
    after.insert(at, new)
    assert difference(before, after, CRASH) == says


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TWO, TWO),
        (REFUSED, raised("ValueError", 8, deliberate=True)),
        (CRASHED, THREE),
        (raised("IndexError"), TWO),  # an accident on the crash's own line
        (raised("TypeError", 7), TWO),  # of a type that no caller passes
        (raised("AttributeError", 7), TWO),
        (raised("ImportError", 7, text="cannot import name 'x' from partially initialized module 'm'"), TWO),
        (ProbeOutcome(result="<coroutine object f at 0x1>"), THREE),
    ],
)
def test_which_differences_a_candidate_may_have(old, new):
    assert difference([TWO, old, TWO], [TWO, new, TWO], CRASH) is None


@pytest.mark.parametrize("values", [{"deliberate": True}, {"line": 3}, {"file": "n.py"}, {"function": "g"}])
def test_an_error_elsewhere_or_on_purpose_must_stay(values):
    assert difference([raised("IndexError", **values)], [TWO], CRASH) is not None


def test_without_a_frame_of_the_program_no_line_is_the_crashs_own():
    assert difference([ProbeOutcome(error="IndexError")], [TWO], OF_A_LIBRARY) is not None


@pytest.mark.parametrize(("ended", "found"), [(3, None), (2, "it does not end on inputs that ended before")])
def test_an_input_that_no_longer_ends(ended, found):
    assert difference([TWO] * 3, [TWO] * ended, CRASH) == found


def test_more_inputs_that_end_are_not_a_difference():
    assert difference([TWO], [TWO, CRASHED], CRASH) is None


def test_a_message_names_no_more_than_sixty_characters():
    old, new = ProbeOutcome(result="x" * 99), ProbeOutcome(result="y" * 99)
    assert difference([old], [new], CRASH) == f"a result changed from {'x' * 60} to {'y' * 60}"


GUARDED = Candidate("t", {"m.py": "x"}, "r", raises="from m import Gone\nm.Gone")
GONE = raised("Gone", 4, deliberate=True)


@pytest.mark.parametrize(
    ("after", "hits", "candidate", "position"),
    [
        ([TWO, CRASHED], 2, GUARDED, 0),
        ([CRASHED, TWO], 2, GUARDED, 1),
        ([CRASHED, CRASHED], 2, GUARDED, None),
        ([CRASHED, TWO], 1, GUARDED, None),
        ([CRASHED, GONE], 2, GUARDED, 1),
        ([raised("Gone", 4)], 1, GUARDED, None),  # raised by something else
        ([raised("Other", 4, deliberate=True)], 1, GUARDED, None),
        ([GONE], 1, Candidate("t", {}, "r"), None),
        ([ProbeOutcome(deliberate=True)], 1, Candidate("t", {}, "r"), None),
        ([GONE], 1, Candidate("t", {}, "r", raises="Gone"), 0),
        ([GONE], 1, Candidate("t", {}, "r", raises="import a.b.c\na.b.c.Gone"), 0),
        ([], 0, GUARDED, None),
    ],
)
def test_the_first_crashing_input_that_works_now(after, hits, candidate, position):
    assert mended(after, hits, candidate) == position


def near(error="KeyError", cured=0, left=0, text="'a'") -> tuple[list[ProbeOutcome], list[ProbeOutcome]]:
    return [raised(error, text=text)] * (cured + left), [TWO] * cured + [raised(error, text=text)] * left


@pytest.mark.parametrize(
    ("cured", "left", "refused"),
    [(4, 0, False), (3, 1, False), (2, 1, True), (6, 2, False), (5, 2, True), (1, 0, False), (0, 1, True)],
)
def test_three_in_four_inputs_like_the_reported_one_must_be_fixed(cured, left, refused):
    found = uncured(*near(cured=cured, left=left), CRASH)
    assert found == (f"{left} of {left + cured} inputs like the reported one still crash" if refused else None)


@pytest.mark.parametrize("error", ["TypeError", "AttributeError"])
@pytest.mark.parametrize(("cured", "left", "refused"), [(2, 2, False), (2, 3, True), (1, 1, False), (1, 2, True)])
def test_one_in_two_accidents_must_be_fixed(error, cured, left, refused):
    crash = CRASH.model_copy(update={"exception": CRASH.exception.model_copy(update={"type": error})})
    assert bool(uncured(*near(error, cured, left), crash)) is refused


@pytest.mark.parametrize("error", ["JSONDecodeError", "Error"])
def test_a_message_of_damaged_text_is_not_binding(error):
    crash = CRASH.model_copy(update={"exception": CRASH.exception.model_copy(update={"type": error})})
    assert uncured(*near(error, 0, 4), crash) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (raised(text="'b'"), CRASHED),  # another message: another input's crash
        (raised(line=3), CRASHED),  # another line
        (raised(error="IndexError"), CRASHED),  # no crash of the reported kind
        (CRASHED, raised(text="'b'")),  # crashes with another message
        (CRASHED, raised("ValueError")),
    ],
)
def test_only_the_same_crash_counts_as_remaining(old, new):
    assert uncured([CRASHED, old, old, old], [TWO, new, new, new], CRASH) is None


def test_inputs_that_did_not_end_are_not_counted():
    assert uncured([CRASHED] * 4, [TWO, TWO, TWO], CRASH) is None
    assert uncured([CRASHED] * 4, [TWO, CRASHED, CRASHED], CRASH) == "2 of 3 inputs like the reported one still crash"


def test_only_inputs_that_crashed_before_are_compared():
    before = [CRASHED, TWO, raised("IndexError"), CRASHED]
    after = [TWO, THREE, TWO, REFUSED]
    assert crash_like(before, after, CRASH) == (TWO, REFUSED)
    assert crash_like(before, after[:1], CRASH) == (TWO,)


def one(outcomes, grade=Evidence.NONE, text="x", far=0, by="embedded", why=()) -> Judged:
    candidate = Candidate(text, {"m.py": text}, "r", generator=by, grade=grade, far=far, evidence=why)
    return Judged(candidate, tuple(outcomes))


DOC, SIB = Evidence.DOCUMENTED, Evidence.SIBLING
DIFFERENT = "2 fixes behave differently, and nothing in the code shows which behaviour is intended."


@pytest.mark.parametrize(
    ("judged", "chosen", "says"),
    [
        ([], None, "No candidate survived."),
        ([one([TWO], text="a")], "a", "1 candidate survived."),
        ([one([TWO], text="a"), one([TWO], text="bb")], "a", "2 candidates agree."),
        ([one([TWO], text="aa"), one([TWO], text="b")], "b", "2 candidates agree."),
        ([one([TWO], SIB, text="aa"), one([TWO], text="b")], "aa", "2 candidates agree."),
        ([one([TWO, TWO]), one([TWO, THREE])], None, DIFFERENT),  # only the second input tells them apart
        ([one([REFUSED]), one([raised("Other")])], None, DIFFERENT),  # only their errors do
        ([one([TWO], DOC, "a"), one([THREE])], "a", "Evidence chose between fixes."),
        ([one([TWO]), one([THREE], SIB, "b")], "b", "Evidence chose between fixes."),
        ([one([TWO], DOC, "a"), one([THREE], SIB, "b")], "a", "Evidence chose between fixes."),
        ([one([TWO], DOC, "a"), one([THREE], DOC, "bb")], None, DIFFERENT),
        ([one([TWO], DOC, "a"), one([THREE], DOC, "bb", far=1)], "a", "Evidence chose between fixes."),  # nearer
        ([one([TWO]), one([TWO]), one([THREE], text="bbb", by="m")], "bbb", DIFFERENT),  # guesses against a model
        ([one([TWO], text="a"), one([TWO], text="bbb", by="m"), one([THREE], text="c")], "bbb", DIFFERENT),
        ([one([TWO], text="a", by="m"), *[one([THREE], text="bbb", by="m")] * 2], "bbb", DIFFERENT),  # most of them
        ([one([TWO], DOC, "a"), one([THREE], DOC, "bb", by="m")], "bb", DIFFERENT),
        ([one([TWO]), one([THREE], text="bb", far=2, by="m")], "bb", DIFFERENT),  # without evidence, none is nearer
        ([one([TWO], DOC), one([REFUSED], DOC), one([THREE], DOC, "bb", far=1, by="m")], None, "3 fixes behave"),
        ([one([TWO], DOC, "a"), one([THREE], SIB, by="m")], "a", "Evidence chose between fixes."),
        ([one([TWO], DOC), one([REFUSED], DOC), one([THREE], SIB, "bb", by="m")], None, "3 fixes behave differently"),
        ([one([TWO], Evidence.STYLE, "a"), one([THREE], text="bb")], None, DIFFERENT),  # style decides nothing
        ([one([TWO], Evidence.STYLE, "a"), one([THREE], by="m", text="bb")], "bb", DIFFERENT),
        ([one([TWO], DOC, "a"), one([CRASHED], DOC, "bb")], "a", "Evidence chose between fixes."),  # leaves more
        ([one([TWO], DOC, "a", why=("x",)), one([CRASHED], DOC, "bb", why=("y",))], None, DIFFERENT),
        ([one([TWO], DOC, "a"), one([THREE], SIB), one([CRASHED], SIB)], "a", "Evidence chose"),
    ],
)
def test_the_choice(judged, chosen, says):
    best, why = choose(judged)
    assert (best and best.candidate.template) == chosen
    assert why.startswith(says)


def test_where_candidates_disagree_their_behaviours_are_told():
    assert behaviours([one([TWO]), one([TWO])]) == []
    assert behaviours([one([TWO]), one([TWO]), one([REFUSED])]) == [
        "2 candidates (embedded): the reported input gives int 2",
        "1 candidate (embedded): the reported input raises ValueError",
    ]


def test_a_crash_that_becomes_an_endless_loop_is_a_difference():
    late = ProbeOutcome(error="Late")
    assert difference([CRASHED], [late], CRASH) == "it does not end on inputs that ended before"
    assert difference([late], [late], CRASH) is None
