"""The exam of the judge of releases: hundreds of generated watches with a known truth, each with its late watch.

python -m tests.bench.watch.bench_watch                  the table by family, the totals, and the plain reference's
python -m tests.bench.watch.bench_watch --blind          the totals alone: all that whoever writes the judge may see
python -m tests.bench.watch.bench_watch --dev 20         practice: 20 watches of the families open to all, in detail
python -m tests.bench.watch.bench_watch --judge tests.bench.watch.plain:judge --seeds 1 2 3

Each exam adds a line to runs.log, so that one sees how often it was sat; practice adds none.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from statistics import median

from core.signals.release import Judgement, Scene, State
from tests.bench.watch import plain
from tests.bench.watch.production import Errors
from tests.bench.watch.score import BACK, Judge, Result, Totals, share, sit, speed, total
from tests.bench.watch.situations import FAMILIES, Situation, exam, practice

LOG = Path(__file__).with_name("runs.log")
SEEDS = (101, 102, 103)
OWN = "core.signals.release_judge:judge"
ENDS = ("rolled back", "late", "missed", "asked", "excused", "unexercised", "watching")
COLUMNS = ("family", "truth", "n", "right", *ENDS, "s")


def found(name: str) -> Judge:
    module, _, function = name.partition(":")
    judge = getattr(import_module(module), function, None)
    if judge is None:
        raise SystemExit(f"{module} has no {function} yet")
    return judge


def run(judges: Sequence[Judge], seeds: Iterable[int]) -> list[list[Result]]:
    """The results of each judge over the same situations."""
    rows = [[sit(situation, judge)[0] for judge in judges] for seed in seeds for situation in exam(seed)]
    return [list(column) for column in zip(*rows, strict=True)]


# --- the report --------------------------------------------------------------------------------------


def table(results: list[Result]) -> str:
    lines = [_row(COLUMNS)]
    for family in FAMILIES:
        rows = [row for row in results if row.family == family.name]
        if rows:
            lines.append(_row((family.name, family.truth, *_counts(rows))))
    return "\n".join(lines)


def _counts(rows: list[Result]) -> tuple:
    """How a family's watches ended; a rollback is wrong for good fixes alone."""
    missed = sum(row.missed or row.uncured_passed for row in rows)
    late = sum(row.late_rollback for row in rows)
    back, idle = sum(row.state in BACK for row in rows), sum(row.state is State.UNEXERCISED for row in rows)
    asked, excused = sum(row.asked for row in rows), sum(row.state is State.UNSURE and row.ambiguous_ok for row in rows)
    right, watching = sum(row.right for row in rows), sum(row.undecided for row in rows)
    seconds = f"{median(r.seconds for r in rows):.0f}"
    return len(rows), right, back, late, missed, asked, excused, idle, watching, seconds


def _row(cells: tuple) -> str:
    return f"{cells[0]:<30}{cells[1]:<8}" + "".join(f"{cell!s:>12}" for cell in cells[2:])


def told(totals: Totals) -> str:
    aims = ", ".join(f"{name} {_figure(name, *pair)}" for name, pair in totals.aims.items())
    return (
        f"{totals.good} good, {totals.harm} harm, {totals.uncured} uncured: {aims};"
        f" asks on harm {share(totals.asked_harm, totals.harm):.1%},"
        f" on uncured {share(totals.asked_uncured, totals.uncured):.1%}, {totals.excused} asks excused;"
        f" rolled back late: {totals.late_harm} harm, {totals.late_uncured} uncured, {totals.late_wrong} good;"
        f" {totals.missed_unseen} of {totals.missed} missed ended before the harm showed;"
        f" good but unexercised {share(totals.unexercised, totals.good):.1%}"
    )


def _figure(name: str, part: float, allowed: float) -> str:
    if name == "undecided":
        return f"{part:.0f} (aim 0)"
    return f"{part:.1%} (aim {allowed:.0%})"


def pace(results: list[Result]) -> str:
    rows = [f"{name} requests/s: {'-' if s is None else f'{s:.0f} s'} ({n})" for name, n, s in speed(results)]
    return "median seconds to verify a good fix: " + "; ".join(rows)


def log(name: str, mode: str, seeds: Iterable[int], totals: Totals, results: list[Result]) -> None:
    cells = (f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}", _commit(), name, mode, f"seeds {' '.join(map(str, seeds))}")
    with LOG.open("a", encoding="utf-8") as out:
        out.write(" | ".join((*cells, told(totals), pace(results))) + "\n")


def _commit() -> str:
    """The commit that was examined, "-dirty" when its files were changed since; the log itself does not count."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", f":(exclude){LOG.name}")
    return _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=LOG.parent, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip()


# --- practice ------------------------------------------------------------------------------------------


def rehearse(judge: Judge, count: int, seed: int, wrong: bool) -> None:
    """Print the watches of a practice, or the ``wrong`` ones alone, and the table of all."""
    results = []
    for situation in practice(count, seed):
        result, scene, judgement = sit(situation, judge)
        results.append(result)
        if not (wrong and result.right):
            print("\n".join(_detail(situation, result, scene, judgement)) + "\n")
    print(f"{table(results)}\n\n{told(total(results))}\n{pace(results)}")


def _detail(situation: Situation, result: Result, scene: Scene, judgement: Judgement) -> Iterator[str]:
    world, delivery = situation.world, situation.world.delivery
    asks = ", asking is right" if situation.ambiguous_ok else ""
    said = f"said {result.state} after {result.seconds:.0f} s{_late(result, scene)}"
    yield f"{situation.family}: {situation.truth}{asks}; {said}"
    yield f"  says: {judgement.message}"
    yield from (f"    {c.name}: {c.before:g} before, {c.after:g} after; {c.message}" for c in judgement.counts)
    yield f"  {world.service}: history {world.history:.0f} s, old instances serve for {world.drain:.0f} s; {delivery}"
    yield from (f"  {_of_service(scene, name)}" for name in scene.services)
    yield from (f"  {_of_cause(scene, cause)}" for cause in world.errors)


def _late(result: Result, scene: Scene) -> str:
    return f", and {result.late} by the late watch after {scene.elapsed:.0f} s" if result.late else ""


def _of_service(scene: Scene, name: str) -> str:
    spans = []
    for part in (lambda i: i.at + i.seconds <= 0, lambda i: i.at >= 0):
        rows = [i for i in scene.services[name] if part(i)]
        p95 = sorted(i.p95_ms for i in rows if i.p95_ms is not None)
        middle = f"{p95[len(p95) // 2]:.0f} ms" if p95 else "no p95"
        spans.append(f"{sum(i.errors for i in rows):.0f} of {sum(i.requests for i in rows):.0f}, {middle}")
    kind = "built" if name in scene.touched else "control"
    return f"{name} ({kind}): errors {spans[0]} before; {spans[1]} after"


def _of_cause(scene: Scene, cause: Errors) -> str:
    fault = next((f for f in scene.faults if f.fingerprint == cause.fingerprint), None)
    events = fault.events if fault else ()
    before, after = sum(e.count for e in events if e.at < 0), sum(e.count for e in events if e.at >= 0 and not e.old)
    kind = "own" if cause.own else f"reach {cause.reach}, issue {cause.issue}"
    unit = f"bursts an hour of {cause.burst}" if cause.burst else "of the requests"
    return (
        f"{cause.fingerprint or 'metrics only'} in {cause.service} ({kind}): {cause.old:.4g} -> {cause.new:.4g} {unit},"
        f" from {cause.begin:.0f} to {cause.end:.0f} s; events {before} before, {after} after"
    )


def main(argv: list[str] | None = None) -> int:
    asked = _arguments(argv)
    judge = found(asked.judge)
    if asked.dev:
        rehearse(judge, asked.dev, asked.seed, asked.wrong)
        return 0
    results, *reference = run((judge,) if judge is plain.judge else (judge, plain.judge), asked.seeds)
    totals = total(results)
    log(asked.judge, "blind" if asked.blind else "families", asked.seeds, totals, results)
    if not asked.blind:
        print(table(results) + "\n")
    print(f"{told(totals)}\n{pace(results)}")
    for others in reference:
        print(f"plain reference: {told(total(others))}")
    print("met" if totals.met else "NOT met")
    return int(not totals.met)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", default=OWN, metavar="MODULE:NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--blind", action="store_true", help="totals only")
    parser.add_argument("--dev", type=int, metavar="N", help="N watches of practice instead of the exam")
    parser.add_argument("--seed", type=int, default=0, help="of the practice")
    parser.add_argument("--wrong", action="store_true", help="of the practice: in detail only what ended wrongly")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
