"""Runs a command in the full sandbox with one address to reach: a port on its loopback that leads to a socket file.

A relay outside serves the socket and decides what it forwards. There is no other network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.repair.sandbox.place import root_of
from core.repair.sandbox.runner import CEILING, ENVIRONMENT, LIMITS, BubblewrapRunner, behind, walls
from core.vendors import cline_inside
from core.vendors.command import Completed

PORT = 8766
URL = f"http://127.0.0.1:{PORT}"
WAY_OUT = "/tmp/way-out"


def run(
    runner: BubblewrapRunner, argv: Sequence[str], tree: Path, way_out: Path, variable: str, timeout: float
) -> Completed:
    """Run ``argv`` in ``tree`` with URL in ``variable``; ``way_out`` is the folder with the relay's ``socket``."""
    own, script = runner.interpreter, Path(cline_inside.__file__)
    around = [*walls(tree.resolve(), [script], own), "--ro-bind", str(way_out), WAY_OUT]
    forwarding = [str(own.python), "-I", str(script), f"{WAY_OUT}/socket", str(PORT)]
    variables = ENVIRONMENT | {"PATH": own.path} | own.environment | {variable: URL}
    command = [*LIMITS, *forwarding, *own.program(argv)]
    return behind(around, command, timeout, variables, CEILING, [root_of(tree.resolve())])
