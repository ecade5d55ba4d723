"""Where the right edit stands among the embedded candidates, before anything is judged.

    python -m tests.bench.repair.bench_candidates [--held] [--real] [part of a name ...]

Each case's first candidates are applied and run against its hidden checks, without reproduction, judging and proof of
fix: the figure is the rank of the first right one. What a case's report and its call tell (observed values, spans) is
the same as the repairer gets. ``--held`` runs the half of the development cases that nobody develops on, and prints
figures alone. ``--real`` runs the real cases of the set ``dev``. Reports and results of checks are kept in a cache
folder ($CANDIDATES_CACHE, default in the system's temporary folder), since most candidates come again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.models import Crash
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.localize.locate import located
from core.repair.prove.proof import write
from core.repair.reproduce.reproduce import crashing_calls
from core.repair.sandbox.probe import Seen, observed
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Candidate, Evidence
from tests.bench.repair import real_case, real_service
from tests.bench.repair.bench_real import passes
from tests.bench.repair.casefile import DEV, DEVELOP, HELD, Case, half, load
from tests.repair.casework import checked, make

FIRST = 20
CACHE = Path(os.environ.get("CANDIDATES_CACHE", Path(tempfile.gettempdir()) / "candidates"))


@dataclass(frozen=True)
class Found:
    """``rank`` of the first right candidate, 0 where none is; ``by`` its operator; ``best`` whether the first is right.

    ``sure``: the first candidate has more evidence than the style of the file.
    """

    rank: int
    by: str
    grade: Evidence
    count: int
    first: str
    sure: bool


def ranked(candidates: list[Candidate], right: Callable[[Candidate], bool]) -> Found:
    first = candidates[0].template if candidates else "-"
    sure = bool(candidates) and candidates[0].grade > Evidence.STYLE
    for rank, candidate in enumerate(candidates, 1):
        if right(candidate):
            return Found(rank, candidate.template, candidate.grade, len(candidates), first, sure)
    return Found(0, "-", Evidence.NONE, len(candidates), first, sure)


def kept(name: str, make_: Callable[[], str]) -> str:
    """A text of the cache; made where it is not there."""
    path = CACHE / f"{name}.txt"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        path.write_text(make_(), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def key(case: str, candidate: Candidate) -> str:
    texts = json.dumps(sorted(candidate.files.items()))
    return f"{case}-{hashlib.sha256(texts.encode()).hexdigest()[:16]}"


def read(text: str) -> Crash:
    """The crash of a kept report, with the spans that were observed."""
    told = json.loads(text)
    frames = tuple(Seen(**frame) for frame in told["frames"])
    return Crash.model_validate(told).model_copy(update={"frames": frames})


def seen(tree: Path, crash: Crash) -> str:
    """The crash as it is observed, as JSON."""
    crash, runner = located(tree, crash), BubblewrapRunner()
    hits = crashing_calls(tree, crash, runner)
    found = observed(tree, hits[0], crash, runner) if hits else crash
    return found.model_dump_json(serialize_as_any=True, by_alias=True)


def small(case: Case) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        repo = Path(folder) / "repo"
        repo.mkdir()
        told = make(case, repo)
        crash = read(kept(f"crash-{case.id}", lambda: seen(repo, told)))

        def right(candidate: Candidate) -> bool:
            return kept(key(case.id, candidate), lambda: str(_passes_small(case, repo, candidate))) == "True"

        return ranked(list(islice(EmbeddedFixer().propose(repo, crash), FIRST)), right)


def _passes_small(case: Case, repo: Path, candidate: Candidate) -> bool:
    old = {name: (repo / name).read_text("utf-8") for name in candidate.files}
    write(repo, candidate.files)
    try:
        return checked(case, repo) == ""
    except OSError:
        return False
    finally:
        write(repo, old)


def real(case: real_case.RealCase) -> Found:
    made = real_service.prepared(case)
    real_service.start_over(made)
    crash = located(made.repo, Crash.model_validate_json(made.crash.read_text("utf-8")))

    def right(candidate: Candidate) -> bool:
        return kept(key(case.id, candidate), lambda: str(passes(made, dict(candidate.files)))) == "True"

    return ranked(list(islice(EmbeddedFixer().propose(made.repo, crash), FIRST)), right)


def results(asked: argparse.Namespace) -> Iterator[tuple[str, Found]]:
    wanted = HELD if asked.held else DEVELOP
    if asked.real:
        cases = [case for case in real_case.load("dev") if not case.control]
        measure: Callable = real
    else:
        cases = [case for case in load(DEV) if half(case.id) == wanted and case.expected == "fix"]
        measure = small
    for case in cases:
        if not asked.parts or any(part in case.id for part in asked.parts):
            yield case.id, measure(case)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held", action="store_true")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("parts", nargs="*")
    asked = parser.parse_args()
    counts: Counter[str] = Counter()
    for name, found in results(asked):
        counts["cases"] += 1
        counts["first"] += found.rank == 1
        counts["first, of those with evidence"] += found.rank == 1 and found.sure
        counts["with evidence"] += found.sure
        counts["among the first 5"] += 0 < found.rank <= 5
        counts[f"among the first {FIRST}"] += found.rank > 0
        if not asked.held:
            grade = found.grade.name.lower() if found.rank else ""
            print(f"{name:34} {found.rank:3}/{found.count:<3} {found.by:28} {grade:10} {found.first}", flush=True)
    print(json.dumps(counts, indent=1))


if __name__ == "__main__":
    main()
