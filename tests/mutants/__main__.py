"""Mutation tests of the modules with guards: does a test fail if a guard is changed?

``make mutants`` runs all of them; ``python -m tests.mutants locks audit`` runs those whose path contains a word.
modules.toml names each module's tests, equivalent.toml the mutants without an effect, with the reason.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.mutants.forked import each, modules_of, run_tests, warm_up
from tests.mutants.imports import apart_from
from tests.mutants.operators import Mutant, mutants

HERE, ROOT = Path(__file__).parent, Path(__file__).resolve().parents[2]
LEAST = 0.95  # of the mutants that are not equivalent
ROW = "{:28} {:>7} {:>7} {:>8} {:>8} {:>8}"


def read(name: str) -> dict:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


def key(mutant: Mutant | dict) -> tuple[str, str, str]:
    found = mutant if isinstance(mutant, dict) else vars(mutant)
    return found["place"], found["before"], found["after"]


def survivors(module: str, tests: list[str], found: list[Mutant], at_once: int) -> Iterator[Mutant]:
    """The mutants with which all tests pass, as they are found. Raises SystemExit if a test fails without a mutant."""
    path = ROOT / module
    run = partial(run_tests, tests, path)
    if [code for _, code in each([(None, partial(run, path.read_text(encoding="utf-8")))], 1)] != [0]:
        raise SystemExit(f"{module}: its tests fail without a mutant: pytest {' '.join(tests)}")
    jobs = ((mutant, partial(run, mutant.code)) for mutant in found)
    yield from (mutant for mutant, code in each(jobs, at_once) if code == 0)


def shown(mutant: Mutant) -> int:
    print(f"    {mutant.place}: {mutant.before}\n        -> {mutant.after}", flush=True)
    return 1


def judge(module: str, tests: list[str], excluded: set[tuple[str, str, str]], at_once: int) -> float:
    """Print a module's survivors as they are found, then its row; returns the killed share."""
    made = list(mutants((ROOT / module).read_text(encoding="utf-8")))
    tried = [mutant for mutant in made if key(mutant) not in excluded]
    left = sum(map(shown, survivors(module, tests, tried, at_once)))
    share = 1 - left / len(tried) if tried else 1.0
    print(ROW.format(module, len(made), len(tried) - left, left, len(made) - len(tried), f"{share:.1%}"))
    for place, before, after in sorted(excluded - set(map(key, made))):
        print(f"    excluded, but not made any more: {place}: {before}\n        -> {after}")
    return share


def in_own_process(module: str, *given) -> float:
    """``judge`` in a separate process, which isolates its imports; the share in whole per cent, rounded down."""
    sys.stdout.flush()
    if process := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) / 100
    code = 0
    try:
        warm_up(apart_from(ROOT / module, modules_of(given[0])))
        code = int(judge(module, *given) * 100)
    except SystemExit as refused:
        print(refused)
    finally:
        sys.stdout.flush()
        os._exit(code)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of the paths of modules")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    table = {m: t for m, t in read("modules.toml").items() if not given.words or any(w in m for w in given.words)}
    excluded = {module: {key(entry) for entry in entries} for module, entries in read("equivalent.toml").items()}
    os.chdir(ROOT)
    print(ROW.format("module", "mutants", "killed", "survived", "excluded", "share"))
    shares = [in_own_process(module, tests, excluded.get(module, set()), given.jobs) for module, tests in table.items()]
    return int(not shares or min(shares) < LEAST)


if __name__ == "__main__":
    sys.exit(main())
