"""Calls functions of a tree, many in one launch, inside of the runner; says what each call did."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.repair.shapes import Runner

_MARK = "@@outcome "
_HARNESS = r"""
import json, os, re, signal, sys, importlib
root = os.getcwd()
sys.path[:0] = [root] + [p for p in (root + "/src",) if os.path.isdir(p)]
out = os.dup(1); os.dup2(2, 1)
def late(*_): raise TimeoutError("call took over two seconds")
signal.signal(signal.SIGALRM, late)
def text(value):
    return re.sub(r" at 0x[0-9a-f]+", "", type(value).__name__ + " " + repr(value))[:4000]
for module, expression in json.load(open(sys.argv[1])):
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        import datetime, decimal
        space = {"datetime": datetime, "Decimal": decimal.Decimal, "date": datetime.date}
        space.update(vars(importlib.import_module(module)))
        said = {"result": text(eval(expression, space))}
    except BaseException as error:
        said, frame = {"error": type(error).__name__, "text": str(error)[:300]}, error.__traceback__
        while frame:
            code = frame.tb_frame.f_code
            if code.co_filename.startswith(root + os.sep):
                said["file"], said["function"] = code.co_filename[len(root) + 1:], code.co_name
            frame = frame.tb_next
    signal.setitimer(signal.ITIMER_REAL, 0)
    os.write(out, ("@@outcome " + json.dumps(said) + "\n").encode())
"""


@dataclass(frozen=True)
class Call:
    """``expression`` is evaluated with the names of ``module``; literals and calls only."""

    module: str
    expression: str


@dataclass(frozen=True)
class Outcome:
    """Either ``result`` (type and repr) or ``error`` (type name) with the deepest frame of the tree."""

    result: str = ""
    error: str = ""
    text: str = ""
    file: str = ""
    function: str = ""


def probe(tree: Path, calls: Sequence[Call], runner: Runner, timeout: float = 20) -> list[Outcome]:
    """One outcome a call, in order; shorter when the process died or ran out of time before its end."""
    with tempfile.NamedTemporaryFile("w", dir=tree, prefix=".probe-", encoding="utf-8") as file:
        json.dump([(c.module, c.expression) for c in calls], file)
        file.flush()
        Path(file.name).chmod(0o644)
        done = runner.run(["python", "-c", _HARNESS, Path(file.name).name], tree, timeout)
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    return [Outcome(**json.loads(line[len(_MARK) :])) for line in lines[: len(calls)]]
