"""How good the repairer is on crash cases that its author never saw: ``python -m core fix`` over each of them.

    python -m tests.bench.repair.bench_cases [--only ID ...] [--jobs N] [--fixer COMMAND] [--verify]

The cases (cases/) were written before and without sight of the repairer; hidden checks judge each change. The
shared runner of repair cases runs them, so that its rules and outcomes hold. A run of the whole set is noted in
runs.log, for calibrate.py. Four numbers: right, plausible but wrong (broken ones too), silent, wrongly fixed;
precision = right / changes made, recall = right / fixable. Beside them stand published figures: they were measured on
other and partly harder defects, and set the scale only.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.bench.repair import runs
from tests.bench.repair.casefile import load, unfold
from tests.shared import ROOT, SHARED

RUNNER = SHARED / "repair-cases" / "run_cases.py"
FIXER = f"cd {shlex.quote(str(ROOT))} && {shlex.quote(sys.executable)} -m core fix --repo {{repo}} --crash {{crash}}"
ANCHORS = {  # system: (right, proposed, cases); what each publication tells
    "PyTER (type errors, 2022)": (18, 28, 57),
    "TBar (Defects4J, perfect localisation, 2019)": (74, 101, 395),
}
WRONG = ("plausible-wrong", "broken")


def score(results: list[dict]) -> dict[str, float]:
    """The four numbers, with precision and recall as shares (0 to 1; 1 where nothing was proposed or fixable)."""
    seen = Counter(r["outcome"] for r in results)
    wrong = sum(seen[o] for o in WRONG)
    made, fixable = seen["correct"] + wrong + seen["wrongly-fixed"], sum(r["expected"] == "fix" for r in results)
    return {
        "cases": len(results), "right": seen["correct"], "plausible but wrong": wrong, "silent": seen["no-fix"],
        "escalated": seen["escalated"], "wrongly fixed": seen["wrongly-fixed"],
        "precision": seen["correct"] / made if made else 1.0, "recall": seen["correct"] / fixable if fixable else 1.0,
    }  # fmt: skip


def measure(only: list[str], jobs: int, fixer: str, verify: bool = False, logs: str = "") -> list[dict]:
    """Result of each case, with its family; with verify nothing is fixed and the cases themselves are checked."""
    cases = [c for c in load() if not only or any(c.id.startswith(o) for o in only)]
    with tempfile.TemporaryDirectory(prefix="cases-") as scratch:
        for case in cases:
            unfold(case, Path(scratch))
        told = Path(scratch) / "results.json"
        command = [sys.executable, str(RUNNER), "--cases", scratch, "--jobs", str(min(2, jobs)), "--json", str(told)]
        command += ["--verify"] if verify else ["--fixer", fixer]
        command += ["--logs", logs or f"{scratch}/logs"]
        subprocess.run(command, check=True, env=os.environ | {"DATA_DIR": scratch})
        results = json.loads(told.read_text(encoding="utf-8"))["results"] if not verify else []
        classes = {r["id"]: _class(Path(logs or f"{scratch}/logs") / f"{r['id']}.log") for r in results}
    families = {case.id: case.head["family"] for case in cases}
    return [r | {"family": families[r["id"]], "class": classes[r["id"]]} for r in results]


def _class(log: Path) -> str:
    """The class of fix that the command named, from what it printed; empty without one."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    said = next((text for text in reversed(lines) if text.startswith('{"decision"')), "{}")
    return json.loads(said).get("class", "")


def fixes_of(results: list[dict]) -> list[runs.Fix]:
    """The fixes that were made, by class; each case is a group."""
    made = ("correct", *WRONG, "wrongly-fixed")
    return runs.numbered((r["class"], r["id"], r["outcome"] == "correct") for r in results if r["outcome"] in made)


def table(results: list[dict]) -> str:
    """The figures by family, of all, and the published ones."""
    groups = {f: [r for r in results if r["family"] == f] for f in sorted({r["family"] for r in results})}
    columns = ("cases", "right", "plausible but wrong", "silent", "escalated", "wrongly fixed")
    lines = [" | ".join(["family".ljust(14), *columns, "precision", "recall"])]
    for name, group in [*groups.items(), ("all", results)]:
        got = score(group)
        cells = [str(got[c]).rjust(len(c)) for c in columns] + [f"{got[c]:9.0%}" for c in ("precision", "recall")]
        lines.append(" | ".join([name.ljust(14), *cells]))
    for name, (right, made, cases) in ANCHORS.items():
        lines.append(f"published: {name}: {right} right of {made} proposed, {cases} cases; "
                     f"precision {right / made:.0%}, recall {right / cases:.0%}")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fixer", default=FIXER)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--logs", default="")
    given = parser.parse_args()
    results = measure(given.only, given.jobs, given.fixer, given.verify, given.logs)
    if results:
        print(table(results))
    if results and not given.only and given.fixer == FIXER:
        runs.noted(runs.SMALL, runs.BLIND, score(results) | {"fixes": fixes_of(results)})


if __name__ == "__main__":
    main()
