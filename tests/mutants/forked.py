"""Runs tests in forked processes on one module's mutated text: no file is written, and little is imported again.

The parent imports the tests' libraries and every project module that does not import the changed one.
"""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path

LONGEST = 120  # seconds of one mutant's tests; its own alarm kills a mutant that hangs
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]  # the latter collects garbage twice


def in_child(work: Callable[[], int]) -> int:
    """The process id of a child that exits with the result of ``work``; its output is discarded."""
    if process := os.fork():
        return process
    signal.alarm(LONGEST)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    code = 70
    try:
        code = int(work())
    finally:
        os._exit(code)


def run_pytest(arguments: list[str], plugins: list[object] | None = None) -> int:
    """pytest's exit code, without the plugins of other packages, which cost time at each start."""
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return pytest.main([*OPTIONS, *arguments], plugins)


def run_tests(tests: list[str], path: Path, code: str, folder: str) -> int:
    """pytest's exit code with ``code`` instead of the module at ``path``; ``folder`` is only for these tests."""
    plain = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str):
        changed = Path(loader.path).resolve() == path
        return compile(code, loader.path, "exec", dont_inherit=True) if changed else plain(loader, name)

    SourceFileLoader.get_code = get_code
    return run_pytest([f"--basetemp={folder}", *tests])


def modules_of(tests: list[str]) -> list[str]:
    """Names of the modules that the tests import, in the order of import."""
    read, write = os.pipe()

    class Tell:
        @staticmethod
        def pytest_collection_finish(session):
            with os.fdopen(write, "w") as told:
                told.write("\n".join(sys.modules))

    process = in_child(lambda: run_pytest(["--collect-only", *tests], [Tell]))
    os.close(write)
    with os.fdopen(read) as told:
        names = told.read().splitlines()
    os.waitpid(process, 0)
    return names


def warm_up(names: Iterable[str]) -> None:
    """Import the modules, and exclude them from the garbage collection of every child."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:  # importable only from its package: the child imports it
            continue
    gc.freeze()


def each(jobs: Iterable[tuple[object, Callable[[str], int]]], at_once: int) -> Iterator[tuple[object, int]]:
    """(job, exit code) of each job as it ends, each in its own folder; a signal counts as its negative number."""
    running: dict[int, tuple[object, str]] = {}
    for what, work in jobs:
        folder = tempfile.mkdtemp(prefix="mutant-")
        running[in_child(lambda work=work, folder=folder: work(folder))] = what, folder
        if len(running) >= at_once:
            yield _ended(running)
    while running:
        yield _ended(running)


def _ended(running: dict[int, tuple[object, str]]) -> tuple[object, int]:
    process, status = os.wait()
    what, folder = running.pop(process)
    shutil.rmtree(folder, ignore_errors=True)
    return what, os.waitstatus_to_exitcode(status)
