"""Code in the sandbox tries to fill the disk through the folder that it may write: in bytes, in files, by tricks."""

from __future__ import annotations

import errno
import itertools
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.ops import infrastructure
from core.repair.sandbox import runner
from core.repair.sandbox.runner import BubblewrapRunner, LimitedRunner
from core.vendors import command
from core.vendors.command import Ceiling
from tests.real import need

FOREVER = "import os, itertools\nfor n in itertools.count():\n"
ATTACKS = {  # what it does for ever, and what is said of it
    "many bytes": (f"{FOREVER}    open(f'b{{n}}', 'wb').write(bytes(8 << 20))", "MB in the folder"),
    "many files": (f"{FOREVER}    open(f'f{{n}}', 'w').close()", "files in the folder"),
    "many folders": (f"{FOREVER}    os.mkdir(f'd{{n}}')", "files in the folder"),
    "many links": (f"{FOREVER}    os.symlink('l', f'l{{n}}')", "files in the folder"),
    "files without a name": (
        f"held = []\n{FOREVER}    held.append(open('x', 'w+b')); os.unlink('x')\n    held[-1].write(bytes(8 << 20))\n"
        "    held[-1].flush()",
        "MB in the folder",
    ),
    "deep below": (
        f"os = __import__('os')\nos.makedirs('a/' * 40); os.chdir('a/' * 40)\n{FOREVER}"
        "    open(f'b{n}', 'wb').write(bytes(8 << 20))",
        "MB in the folder",
    ),
}


def small(monkeypatch, **given) -> None:
    monkeypatch.setattr(runner, "CEILING", Ceiling(**({"disk": 96 << 20, "files": 5000} | given)))
    monkeypatch.setattr(command, "WALK", 0.05)


@pytest.mark.parametrize("box", [BubblewrapRunner, LimitedRunner])
@pytest.mark.parametrize("name", ATTACKS)
def test_what_fills_the_disk_is_stopped(name, box, tmp_path, monkeypatch):
    if box is BubblewrapRunner:
        need("bwrap")
    small(monkeypatch)
    code, says = ATTACKS[name]
    done = box().run(["python", "-c", code], tmp_path, 60)
    assert not done.ok and not done.timed_out and says in done.stopped, done


def disk_with(monkeypatch, free) -> None:
    """A disk of which ``free()`` bytes are free."""
    monkeypatch.setattr(command.os, "statvfs", lambda _path: SimpleNamespace(f_bavail=free(), f_frsize=1))


@pytest.mark.parametrize("box", [BubblewrapRunner, LimitedRunner])
@pytest.mark.parametrize("code", ["import time; time.sleep(60)", "raise OSError(28, 'No space left on device')"])
def test_a_disk_that_others_have_filled_is_no_fault_of_the_command(tmp_path, monkeypatch, box, code):
    """It says nothing of the code that ran, which is run again when there is room."""
    if box is BubblewrapRunner:
        need("bwrap")
    disk_with(monkeypatch, lambda: 64 << 20)
    with pytest.raises(OSError, match="less than 128 MB of the disk are free") as full:
        box().run(["python", "-c", code], tmp_path, 60)
    assert full.value.errno == errno.ENOSPC and infrastructure.kind(full.value) == infrastructure.PASSING


def test_a_disk_that_is_full_takes_no_success_away(tmp_path, monkeypatch):
    disk_with(monkeypatch, lambda: 64 << 20)
    monkeypatch.setattr(command, "LOOK", 60)
    assert LimitedRunner().run(["python", "-c", "print(1)"], tmp_path, 60).ok


@pytest.mark.parametrize(("left", "after"), [(0, 1 << 40), (80 << 20, 64 << 20)], ids=["no name", "in its folder"])
def test_what_a_command_filled_by_itself_is_its_own_fault(tmp_path, monkeypatch, left, after):
    """Also by a trick that no walk sees: then the room is back when it is gone. Nothing runs it again."""
    (tmp_path / "left").write_bytes(b"x" * left)
    free = itertools.chain([64 << 20], itertools.repeat(after))
    disk_with(monkeypatch, lambda: next(free))
    done = LimitedRunner().run(["python", "-c", "import time; time.sleep(60)"], tmp_path, 60)
    assert "less than 128 MB of the disk are free" in done.stopped


def test_what_stays_within_the_quota_goes_on(tmp_path, monkeypatch):
    small(monkeypatch)
    code = (
        "import time\nfor n in range(100):\n    open(f'f{n}', 'wb').write(bytes(1000))\ntime.sleep(0.3)\nprint('done')"
    )
    done = BubblewrapRunner().run(["python", "-c", code], tmp_path, 60)
    assert done.ok and done.stdout == "done\n"


def test_a_large_tree_is_walked_less_often(tmp_path, monkeypatch):
    """The next walk waits several times as long as the last one took."""
    walks, clock = [], iter(range(0, 10_000))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(command, "_overfull", lambda *_given: walks.append([next(clock) for _ in range(10)][-1]) or "")
    look = command._looking(0, Ceiling(spare=0), (), [Path(tmp_path)])
    for _ in range(120):
        look()
    assert len(walks) >= 2 and all(b - a >= 10 * command.WALKS for a, b in zip(walks, walks[1:], strict=False))
