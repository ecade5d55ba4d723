"""How good the product is on crashes of released versions that a later release fixed (real/).

    python -m tests.bench.repair.bench_real [--blind] [--only ID ...] [--verify] [--embedded-only] [--everything]
                                           [--answers FILE]

Three measurements on each case. Embedded: what the product's own repairer gives, judged by the hidden checks. Oracle:
a scripted model gives the project's own fix once; is it proved? A release changes more than the crash: a fix that is
not proved as a whole is given once more as its smallest part that passes the hidden checks. Antagonist: it gives wrong
fixes by five general recipes; which are proved, and which would be released without a person? Oracle and antagonist
follow only where the crash was reproduced (with --everything always: nothing is proved without it).

``dev`` prints a table. ``blind`` prints figures only, and runs at most once a day. Each run of a whole set is noted in
real/runs.log. The cases are laid out in a cache folder, from the package index.
"""

from __future__ import annotations

import argparse
import calendar
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.repair import runs
from tests.bench.repair.real_case import RealCase, load
from tests.bench.repair.real_fixers import own_fix, smallest, wrong_fixes
from tests.bench.repair.real_repair import Repairs
from tests.bench.repair.real_service import Prepared, Unprepared, given, prepared, right, start_over

PROVED = "proved"
DAY = 24 * 60 * 60
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
LOSSES = (  # words of the product's answer: class of the loss, the first that fits
    ("not be reproduced", "not reproduced"),
    ("older test", "older tests"),
    ("collect", "test not collected"),
    ("must not run", "test refused"),
    ("passes_after", "new test"),
    ("new test", "new test"),
)


@dataclass
class Row:
    """What was measured on one case. ``wrong`` maps a recipe to silent, proved, unattended or right."""

    case: RealCase
    outcome: str = ""  # right, wrong, silent, escalated, error
    loss: str = ""
    reason: str = ""
    reproduced: bool = False
    unattended: bool = False
    confidence: float = 0.0
    fix_class: str = ""  # of the embedded fix: fixer and grade of evidence
    seconds: float = 0.0
    oracle: str = ""  # proved, or why not
    oracle_part: str = ""  # the same of the smallest part that is right, where the whole is not proved
    wrong: dict[str, str] = field(default_factory=dict)
    answers: list[dict] = field(default_factory=list)  # of the product, in order


def measured(case: RealCase, embedded_only: bool, everything: bool) -> Row:
    """All measurements on a case. What cannot be laid out or run here is an error, with its class."""
    row = Row(case)
    try:
        made = prepared(case)
    except (Unprepared, subprocess.TimeoutExpired) as error:
        row.outcome, row.loss, row.reason = "error", "not laid out", str(error)
        return row
    if case.python != HERE:
        row.outcome, row.loss = "error", f"environment: Python {case.python}"
        return row
    with Repairs(made) as repairs:
        row.answers = repairs.answers
        _embedded(row, repairs)
        if not (case.control or embedded_only) and (row.reproduced or everything):
            _oracle(row, repairs)
            _antagonist(row, repairs)
    return row


def _embedded(row: Row, repairs: Repairs) -> None:
    answer, made = repairs.asked({}), repairs.made
    row.reason, row.seconds = answer["reason"], answer["seconds"]
    row.reproduced = not row.case.control and reproduced(answer)
    row.confidence, row.unattended = answer.get("confidence", 0.0), answer.get("unattended", False)
    row.fix_class = answer.get("class", "") if answer["decision"] == "fix" else ""
    row.outcome = _outcome(row.case, made, answer)
    row.loss = "" if row.outcome in ("right", "escalated") else loss(answer)


def reproduced(answer: dict) -> bool:
    """Whether the product saw the crash, and did not take it for one that code cannot cure."""
    return answer.get("cause") == "code" and "not be reproduced" not in answer["reason"]


def _outcome(case: RealCase, made: Prepared, answer: dict) -> str:
    if answer["decision"] == "error":
        return "error"
    if answer["decision"] != "fix":
        return "escalated" if case.control else "silent"
    return "wrong" if case.control or not right(made) else "right"


def _oracle(row: Row, repairs: Repairs) -> None:
    made = repairs.made
    whole = oracle(made)
    before = {file: (made.repo / file).read_text("utf-8") for file in whole}
    row.oracle = _proved(repairs.asked(whole))
    if row.oracle == PROVED:
        return
    part = smallest(before, whole, lambda files: passes(made, files))
    row.oracle_part = _proved(repairs.asked(part)) if part != whole else row.oracle


def _proved(answer: dict) -> str:
    """PROVED, or why not."""
    return PROVED if answer.get("proved") else answer["reason"]


def oracle(made: Prepared) -> dict[str, str]:
    """New texts by the project's own fix, of the code as it was committed."""
    start_over(made)
    fix, root = made.case.fix, f"{made.case.root}/"
    before = {file: (made.repo / file).read_text("utf-8") for file in fix}
    after = {file: (made.after / file.removeprefix(root)).read_text("utf-8") for file in fix}
    return own_fix(before, after, fix)


def _antagonist(row: Row, repairs: Repairs) -> None:
    made = repairs.made
    start_over(made)
    crash = json.loads(made.crash.read_text(encoding="utf-8"))
    files = {frame["file"] for frame in crash["frames"] if frame["in_app"]}
    texts = {file: (made.repo / file).read_text("utf-8") for file in files if (made.repo / file).is_file()}
    for recipe, changed in wrong_fixes(crash["frames"], texts, row.case.raises):
        row.wrong[recipe] = _wrong(repairs, changed)


def _wrong(repairs: Repairs, files: dict[str, str]) -> str:
    if passes(repairs.made, files):
        return "right"
    answer = repairs.asked(files)
    if answer.get("unattended"):
        return "unattended"
    return "proved" if answer.get("proved") else "silent"


def passes(made: Prepared, files: dict[str, str]) -> bool:
    """Whether the hidden checks pass with these new texts."""
    start_over(made)
    for file, text in files.items():
        (made.repo / file).write_text(text, encoding="utf-8")
    try:
        return right(made)
    finally:
        start_over(made)


def loss(answer: dict) -> str:
    """The class of a loss, by the words of the answer."""
    if answer["decision"] == "error":
        return "no answer in time" if "no answer in" in answer["reason"] else "error of ours"
    if answer["decision"] == "fix":
        return "wrong fix"
    said = next((kind for words, kind in LOSSES if words in answer["reason"].lower()), "")
    if said:
        return said
    return "taken for unfixable" if answer["cause"] != "code" else "no candidate survived"


def figures(rows: Sequence[Row]) -> dict[str, object]:
    """Counts over the cases and controls."""
    fixable, controls = [r for r in rows if not r.case.control], [r for r in rows if r.case.control]
    seen = Counter(r.outcome for r in fixable)
    wrong = [kind for r in fixable for kind in r.wrong.values() if kind != "right"]
    return {
        "cases": len(fixable),
        "projects": len({r.case.project for r in fixable}),
        "reproduced": sum(r.reproduced for r in fixable),
        "right": seen["right"],
        "wrong": seen["wrong"],
        "silent": seen["silent"],
        "errors": seen["error"],
        "applied without a person": sum(r.unattended for r in fixable),
        "of these right": sum(r.unattended and r.outcome == "right" for r in fixable),
        "median seconds": round(median([r.seconds for r in fixable if r.seconds] or [0]), 1),
        "oracle tried": sum(bool(r.oracle) for r in fixable),
        "oracle proved": sum(r.oracle == PROVED for r in fixable),
        "oracle proved, in whole or in part": sum(PROVED in (r.oracle, r.oracle_part) for r in fixable),
        "wrong fixes": len(wrong),
        "wrong fixes proved": sum(kind in ("proved", "unattended") for kind in wrong),
        "wrong fixes without a person": wrong.count("unattended"),
        "classes": runs.by_class(fixes_of(rows)),
        "fixes": fixes_of(rows),
        "controls": len(controls),
        "controls escalated": sum(r.outcome == "escalated" for r in controls),
    }


def fixes_of(rows: Iterable[Row]) -> list[runs.Fix]:
    return runs.numbered((r.fix_class, r.case.project, r.outcome == "right") for r in rows if r.fix_class)


def losses(rows: Iterable[Row]) -> dict[str, int]:
    """How many cases were lost to what: first of the embedded repairer, then of the oracle."""
    lost = Counter(f"embedded: {r.loss}" for r in rows if r.loss)
    lost.update(f"oracle: {loss_of_oracle(r.oracle)}" for r in rows if r.oracle not in ("", PROVED))
    return dict(lost.most_common())


def loss_of_oracle(reason: str) -> str:
    return loss({"decision": "escalate", "cause": "code", "reason": reason})


def line(row: Row) -> str:
    """One row of the table: the last columns are the wrong fixes proved of those made, and the class of the loss."""
    kinds = Counter(row.wrong.values())
    told = PROVED + " in part" if row.oracle_part == PROVED else row.oracle
    oracle = told if not told or told.startswith(PROVED) else loss_of_oracle(told)
    cells = (
        row.case.id.ljust(34),
        row.outcome.ljust(9),
        "yes" if row.reproduced else "no ",
        f"{row.confidence:.2f}",
        f"{row.seconds:6.1f}",
        (oracle or "-").ljust(20),
        f"{kinds['proved'] + kinds['unattended']}/{len(row.wrong) - kinds['right']}",
        row.loss,
    )
    return " | ".join(cells)


def lay_out(cases: Sequence[RealCase]) -> int:
    """Verify cases: the crash is as told, the fixed version and the project's own fix pass the checks. Failures."""
    failed = 0
    for case in cases:
        try:
            problem = _problem(prepared(case))
        except (Unprepared, OSError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        failed += bool(problem)
        print(f"{case.id}: {problem or 'ok'}", flush=True)
    return failed


def _problem(made: Prepared) -> str:
    case = made.case
    if case.control:
        return ""
    wanted, expressions = [gives for _, gives in case.checks], [expression for expression, _ in case.checks]
    start_over(made)
    if (after := given(made, expressions, root=made.after)) != wanted:
        return f"the fixed version gives {after}"
    if given(made, expressions) == wanted:
        return "the broken version passes the checks"
    return "" if passes(made, oracle(made)) else "the project's own fix, as restricted, does not pass the checks"


def blind_since() -> float:
    """Seconds since the last run of the blind set; infinite when there was none."""
    last = runs.newest(runs.REAL)
    return time.time() - _seconds(last["time"]) if last else float("inf")


def _seconds(when: str) -> float:
    return calendar.timegm(time.strptime(when, "%Y-%m-%dT%H:%M:%SZ"))


def _kept(file: str | None, row: Row) -> None:
    if file:
        with open(file, "a", encoding="utf-8") as answers:
            answers.writelines(
                json.dumps({"case": row.case.id, "outcome": row.outcome} | one) + "\n" for one in row.answers
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blind", action="store_true", help="the blind set: figures only, at most once a day")
    parser.add_argument("--only", nargs="*", default=[], help="cases whose id begins so")
    parser.add_argument("--verify", action="store_true", help="check the cases themselves; repair nothing")
    parser.add_argument("--embedded-only", action="store_true")
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--answers", help="file for all answers of the product, one a line (not of the blind set)")
    asked = parser.parse_args()
    which = "blind" if asked.blind else "dev"
    cases = [c for c in load("" if asked.verify else which) if not asked.only or c.id.startswith(tuple(asked.only))]
    if asked.verify:
        raise SystemExit(lay_out(cases))
    if asked.blind and (asked.only or blind_since() < DAY):
        raise SystemExit("The blind set runs as a whole, and at most once a day.")
    rows = []
    for case in cases:
        rows.append(measured(case, asked.embedded_only, asked.everything))
        if not asked.blind:
            print(line(rows[-1]), flush=True)
            _kept(asked.answers, rows[-1])
    found = figures(rows) | {"losses": losses(rows)}  # classes and counts, also of the blind set
    print(json.dumps(found, indent=1))
    if not asked.only:
        runs.noted(runs.REAL, which, found)


if __name__ == "__main__":
    main()
