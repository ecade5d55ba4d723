"""A million texts and more for every reader of strangers' text, guided by what each text reaches.

    python -m tests.bench.fuzz.bench_parsers [READER ...]

Each reader of tests/attacks/readers.py is fuzzed by atheris (libFuzzer) in a process of its own. Aim: no error but
those that the reader documents, no text of more than HANG seconds, and no growth: what a process holds at its end is
at most GROWTH MB more than after its first quarter, when caches are filled. A case found is kept as a file and
named; it belongs into tests/attacks/found.py. Where atheris has no wheel, hypothesis chooses the texts, unguided.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import subprocess
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

RUNS, SLOW = 20_000, 2_000  # texts of one reader
HANG, GROWTH, LONGEST = 60, 150, 600  # seconds; MB; bytes of one input
GUIDED = find_spec("atheris") is not None


def held() -> float:
    """MB that this process holds now; where /proc does not say, the most that it has held."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def one(name: str, runs: int, folder: str) -> None:
    """Fuzz one reader in this process."""
    logging.disable()
    warnings.simplefilter("ignore")
    if GUIDED:
        import atheris

        with atheris.instrument_imports(include=["core", "console"]):
            from tests.attacks.readers import READERS
    from tests.attacks.fuzzing import corpus, text_of
    from tests.attacks.readers import READERS

    reader, count, first = READERS[name], 0, 0.0

    def work(data: bytes) -> None:
        nonlocal count, first
        count += 1
        if count == runs // 4:
            first = held()
        with contextlib.suppress(*reader.errors):
            reader.read(text_of(reader, data))
        if count == runs:
            print(f"HELD {first:.0f} {held():.0f}", flush=True)

    if GUIDED:
        for number, data in enumerate(corpus(reader)):
            Path(folder, f"seed-{number}").write_bytes(data)
        told = [f"-runs={runs}", f"-max_len={LONGEST}", f"-timeout={HANG}", "-rss_limit_mb=2048", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *told, f"-artifact_prefix={folder}/found-", folder], work)
        atheris.Fuzz()
    _unguided(work, runs)


def _unguided(work, runs: int) -> None:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    texts = given(st.binary(max_size=LONGEST))
    settings(max_examples=runs, deadline=None, database=None, suppress_health_check=list(HealthCheck))(texts(work))()


def measure(name: str, runs: int) -> tuple[float, float, str]:
    """(CPU seconds, MB grown, what was found; empty when nothing was)."""
    folder = tempfile.mkdtemp(prefix="fuzz-")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tests.bench.fuzz.bench_parsers", "--one", name, str(runs), folder]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    held = next((line.split()[1:] for line in done.stdout.splitlines() if line.startswith("HELD")), None)
    grown = float(held[1]) - float(held[0]) if held else 0.0
    found = next(Path(folder).glob("found-*"), None)
    if done.returncode or found or not held:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line or "ALARM" in line]
        return cpu, grown, f"{said[-1][:200] if said else 'it ended early'} ({found or folder})"
    return cpu, grown, f"it grew by {grown:.0f} MB" if grown > GROWTH else ""


def main(names: list[str]) -> int:
    from tests.attacks.readers import READERS

    how = "guided by coverage (atheris)" if GUIDED else "unguided: atheris has no wheel for this Python and system"
    print(f"Fuzzing of every reader of strangers' text, {how}", flush=True)
    total = faults = 0
    for name in names or READERS:
        runs = SLOW if READERS[name].slow else RUNS
        cpu, grown, fault = measure(name, runs)
        total, faults = total + runs, faults + bool(fault)
        print(f"{name:<30} {runs:>7,} texts {cpu:>7.1f} CPU s {grown:>+5.0f} MB  {fault or 'nothing'}", flush=True)
    print(f"{total:,} texts, {faults} readers with a fault: {'NOT met' if faults else 'met'}")
    return int(faults > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    sys.exit(main(sys.argv[1:]))
