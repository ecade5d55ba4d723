"""What strace wrote of a tree of processes: who started what, and who opened which file. Pure, but for reading it.

A process that became bwrap, and all that it started, is inside of the sandbox; every other one is outside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = "execve,execveat,open,openat,openat2,creat,chdir,fork,vfork,clone,clone3"
COMMAND = ["strace", "-f", "--seccomp-bpf", "-y", "--decode-pids=pidns", "-e", f"trace={CALLS}", "-e", "signal=none"]
COMMAND += ["-s", "4096", "-o"]
LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (.*)$")
CUT = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
CHILD = re.compile(r"^(\d+)(?:<[^>]*>)?(?: /\* (\d+) in strace's PID NS \*/)?")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
FOLDER = re.compile(r"^AT_FDCWD<([^>]*)>|^\d+<([^>]*)>")


@dataclass(frozen=True)
class Call:
    pid: int
    name: str
    given: str
    answer: str

    @property
    def worked(self) -> bool:
        return not self.answer.startswith("-1")

    @property
    def path(self) -> str:
        """The path that is opened, run or entered, from the root."""
        named = (QUOTED.search(self.given) or [None, ""])[1]
        at = FOLDER.match(self.given)
        folder = (at[1] or at[2]) if at else "/"
        return os.path.normpath(os.path.join(folder, named))

    @property
    def program(self) -> str:
        return os.path.basename(self.path) if self.name == "execve" and self.worked else ""


def calls(file: Path) -> Iterator[Call]:
    """The calls in their order, each as it ended."""
    cut: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        if begun := CUT.match(line):
            cut[begun[1]] = begun[2]
            continue
        if ended := RESUMED.match(line):
            line = f"{ended[1]} {cut.pop(ended[1], '')}{ended[2]}"
        if whole := LINE.match(line):
            yield Call(int(whole[1]), whole[2], whole[3], whole[4])


def outside(file: Path) -> list[Call]:
    """Calls of the processes that are not below bubblewrap. Raises ValueError when a process came from nowhere."""
    known = [*calls(file)]
    parents = {child: call.pid for call in known if (child := _child(call))}
    walls = {call.pid for call in known if call.program == "bwrap"}
    first = known[0].pid
    inside: dict[int, bool] = {first: False}

    def is_inside(pid: int) -> bool:
        if pid not in inside:
            if pid not in parents:
                raise ValueError(f"process {pid} came from nowhere")
            inside[pid] = pid in walls or is_inside(parents[pid])
        return inside[pid]

    return [call for call in known if not is_inside(call.pid)]


def _child(call: Call) -> int:
    made = CHILD.match(call.answer) if call.name in ("fork", "vfork", "clone", "clone3") and call.worked else None
    return int(made[2] or made[1]) if made else 0
