"""The cases of released versions hold together, and their scripted fixers change what they say they change."""

import pytest

from tests.bench.repair import real_case
from tests.bench.repair.bench_real import Row, blind_since, figures, loss, reproduced
from tests.bench.repair.real_case import load, parse
from tests.bench.repair.real_fixers import own_fix, smallest, wrong_fixes

CASES = load()
FIXABLE = [case for case in CASES if not case.control]
STEERED_BY = {
    "boltons", "mistune", "pypdf", "tabulate", "icalendar", "inflect", "marshmallow", "click", "croniter", "tqdm",
    "werkzeug", "httpx", "starlette", "rich", "deepdiff", "thefuck", "python-dateutil",
}  # fmt: skip
PROGRAM = '''import os


def outer(items):
    """Sizes."""
    out = []
    for item in items:
        out.append(inner(item, 3))
    return out


def inner(value, most):
    if value > most:
        value = most
    return value.size
'''
FRAMES = [
    {"file": "a.py", "line": 8, "function": "outer", "in_app": True, "locals": {"items": "[4]"}},
    {"file": "a.py", "line": 15, "function": "inner", "in_app": True, "locals": {"value": "4", "most": "3"}},
    {"file": "lib.py", "line": 1, "function": "get", "in_app": False},
]


def test_enough_cases_of_projects_that_steered_nothing():
    assert len(FIXABLE) >= 90 and len(CASES) - len(FIXABLE) >= 14
    assert len({case.project for case in FIXABLE}) >= 55
    assert not {case.project.lower() for case in CASES} & STEERED_BY


def test_at_most_about_half_may_be_looked_at():
    assert 0.2 <= len(load("dev")) / len(CASES) <= 0.6
    assert not {case.project for case in load("dev")} & {case.project for case in load("blind")}


def test_the_documentation_counts_the_cases():
    counts = (
        f"{len(FIXABLE)} cases and {len(CASES) - len(FIXABLE)} controls of {len({c.project for c in CASES})} projects"
    )
    assert counts in (real_case.__doc__ or "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_compiles(case):
    compile(case.setup, "setup", "exec")
    for expression in (case.call, *(expression for expression, _ in case.checks)):
        compile(expression, "expression", "eval")
    assert not any(gives in ("!ModuleNotFoundError", "!no answer") for _, gives in case.checks)


@pytest.mark.parametrize("missing", ['set = "both"', 'broken = "1"', 'why = "a disk is full"\nfixed = "2"'])
def test_a_case_that_is_not_whole_is_refused(missing):
    with pytest.raises(ValueError, match="made-up"):
        parse("made-up", f'project = "x"\n{missing}')


def test_the_own_fix_is_cut_to_the_named_functions():
    after = PROGRAM.replace(".size", ".length").replace("import os", "import re").replace("out = []", "out = ()")
    made = own_fix({"a.py": PROGRAM}, {"a.py": after}, {"a.py": ("inner", "imports")})
    assert made == {"a.py": after.replace("out = ()", "out = []")}
    assert own_fix({"a.py": PROGRAM}, {"a.py": after}, {"a.py": ()}) == {"a.py": after}


def test_the_own_fix_without_the_edits_that_its_checks_do_not_need():
    after = PROGRAM.replace(".size", ".length").replace("import os", "import re").replace("out = []", "out = ()")
    needed = PROGRAM.replace(".size", ".length").replace("out = []", "out = ()")
    before, whole = {"a.py": PROGRAM, "b.py": "x = 1\n"}, {"a.py": after, "b.py": "x = 2\n"}
    found = smallest(before, whole, lambda texts: all(part in texts.get("a.py", "") for part in (".length", "()")))
    assert found == {"a.py": needed}
    assert smallest(before, whole, lambda _: False) == whole


@pytest.mark.parametrize(
    ("recipe", "added"),
    [
        ("swallow", "    except AttributeError:\n        return None\n"),
        ("skip", "        except AttributeError:\n            continue\n"),
        ("weaken", "    if False and (value > most):\n"),
        ("special", "    if value == 4:\n        return None\n"),
        ("elsewhere", "        except AttributeError:\n            return None\n"),
    ],
)
def test_a_recipe_makes_its_wrong_fix(recipe, added):
    made = dict(wrong_fixes(FRAMES, {"a.py": PROGRAM}, "AttributeError"))
    assert list(made) == ["swallow", "skip", "weaken", "special", "elsewhere"]
    assert added in made[recipe]["a.py"] and added not in PROGRAM


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"decision": "error", "reason": "no answer in 600 s"}, "no answer in time"),
        ({"decision": "error", "reason": "KeyError: 'x'"}, "error of ours"),
        ({"decision": "fix", "cause": "code", "reason": ""}, "wrong fix"),
        ({"decision": "escalate", "cause": "code", "reason": "The crash could not be reproduced."}, "not reproduced"),
        ({"decision": "escalate", "cause": "data", "reason": "A column is missing."}, "taken for unfixable"),
        ({"decision": "escalate", "cause": "code", "reason": "Nothing was found."}, "no candidate survived"),
    ],
)
def test_a_loss_has_a_class(answer, kind):
    assert loss(answer) == kind
    assert reproduced(answer) == (kind in ("wrong fix", "no candidate survived"))


def test_the_figures_count_what_a_wrong_fix_reached():
    case = FIXABLE[0]
    rows = [
        Row(case, "right", reproduced=True, unattended=True, seconds=4.0, oracle="proved", wrong={"swallow": "proved"}),
        Row(
            case,
            "silent",
            reproduced=True,
            seconds=8.0,
            oracle="x",
            oracle_part="proved",
            wrong={"skip": "unattended", "weaken": "right"},
        ),
    ]
    rows[1].oracle_part = "proved"
    found = figures(rows)
    assert (found["right"], found["silent"], found["reproduced"], found["median seconds"]) == (1, 1, 2, 6.0)
    assert [found[k] for k in ("oracle tried", "oracle proved", "oracle proved, in whole or in part")] == [2, 1, 2]
    assert (found["wrong fixes"], found["wrong fixes proved"], found["wrong fixes without a person"]) == (2, 2, 1)


def test_the_blind_set_was_not_run_lately_where_no_run_is_noted(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.bench.repair.runs.REAL", tmp_path / "runs.log")
    assert blind_since() == float("inf")
    (tmp_path / "runs.log").write_text('{"set": "blind", "time": "2020-01-01T00:00:00Z"}\n')
    assert blind_since() > 86_400
