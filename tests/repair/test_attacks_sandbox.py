"""Escapes from the sandbox runner, each tried for real: what leaves, what stays behind, what is left running."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from core.repair.prove.proof import run_tests
from core.repair.sandbox import runner
from core.repair.sandbox.runner import BubblewrapRunner, LimitedRunner, bubblewrap_works, read_back
from core.vendors.command import Ceiling, git, run
from tests.real import need

CANARY = "CANARY-7f3a5c1a"
COMMAND = ["python", "-m", "pytest", "-q"]


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """A repository with a hook folder; a secret stands in this process's environment, and one beside the tree."""
    monkeypatch.setitem(os.environ, "DEPLOY_TOKEN", CANARY)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text(CANARY)
    found = tmp_path / "tree"
    (found / "tests").mkdir(parents=True)
    (found / "app.py").write_text("def one():\n    return 1\n")
    (found / "tests/test_app.py").write_text("from app import one\n\n\ndef test_one():\n    assert one() == 1\n")
    (found / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    git(found, "init", "-q")
    git(found, "add", "-A")
    git(found, "commit", "-qm", "x")
    return found


@pytest.fixture
def listener():
    """A server on loopback that counts who reaches it."""
    reached = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    server.accept()[0].close()
                    reached.append(1)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], reached
        server.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept


def names(word: str) -> list[str]:
    """Command lines of this machine's processes that hold a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if word in line and path.parent.name != str(os.getpid()):
            found.append(line)
    return found


ATTACKS = {
    "network": "import socket; socket.create_connection(('127.0.0.1', PORT), 2)",
    "network by name": "import urllib.request as u; u.urlopen('http://localhost:PORT/', timeout=2)",
    "write a system file": "open('/usr/lib/escape', 'w')",
    "write beside the tree": "open('OUTSIDE/escape', 'w').write('x')",
    "write beside the tree by bytes": "open(b'OUTSIDE/escape', 'w').write('x')",
    "write by a folder's descriptor": (
        "import os; d = os.open('OUTSIDE', os.O_RDONLY); "
        "os.write(os.open('escape', os.O_WRONLY | os.O_CREAT, dir_fd=d), b'x')"
    ),
    "delete beside the tree": "import os; os.remove('OUTSIDE/secret.txt')",
    "move out": "import os; open('mine', 'w').close(); os.rename('mine', 'OUTSIDE/escape')",
    "write through a link": "import os; os.symlink('OUTSIDE', 'out'); open('out/escape', 'w').write('x')",
    "a git hook": "open('.git/hooks/pre-commit', 'w').write('touch OUTSIDE/escape'); raise SystemExit",
    "git's configuration": "open('.git/config', 'a').write('[core]\\nfsmonitor = x'); raise SystemExit",
    "read a file of the machine": "print(open('OUTSIDE/secret.txt').read())",
    "environment": "import os; print(os.environ['DEPLOY_TOKEN'])",
    "environment of process 1": "print(open('/proc/1/environ').read().split('DEPLOY_TOKEN=')[1])",
    "environment of the parent": (
        "import os; print(open('/proc/%d/environ' % os.getppid()).read().split('DEPLOY_TOKEN=')[1])"
    ),
    "kernel's core pattern": "import os; os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)",
    "fill the root": "open('/escape', 'wb').write(b'x')",
    "fill /dev": "open('/dev/escape', 'wb').write(b'x')",
    "a new user namespace": "import os; os.unshare(0x10000000)",
    "signal another process": "import os; os.kill(PARENT, 0)",
    "mount": "import ctypes; assert ctypes.CDLL(None, use_errno=True).mount(b'/usr', b'/w', b'', 4096, None) == 0",
}
# what the weaker runner cannot stop is what it says of itself: reading, and native code
BEYOND = {"read a file of the machine", "a git hook", "git's configuration", "a new user namespace"}
WEAKER = set(ATTACKS) - BEYOND - {"environment of process 1"}


def attack(box, tree, name, port):
    outside = tree.parent / "outside"
    code = ATTACKS[name].replace("PORT", str(port)).replace("OUTSIDE", str(outside)).replace("PARENT", str(os.getpid()))
    if hasattr(os, "unshare") or "unshare" not in code:
        return box.run(["python", "-c", f"{code}\nprint('ESCAPED')"], tree, 20)
    native = "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0"
    return box.run(["python", "-c", f"{native}\nprint('ESCAPED')"], tree, 20)


def contained(done, tree, listener):
    outside = tree.parent / "outside"
    assert "ESCAPED" not in done.stdout and CANARY not in done.stdout + done.stderr, done
    assert sorted(p.name for p in outside.iterdir()) == ["secret.txt"]
    assert not listener[1]
    assert not (tree / ".git/hooks/pre-commit").exists()
    assert "fsmonitor" not in (tree / ".git/config").read_text()


@pytest.mark.parametrize("name", ATTACKS)
def test_bubblewrap_contains(name, tree, listener):
    need("bwrap")
    contained(attack(BubblewrapRunner(), tree, name, listener[0]), tree, listener)


@pytest.mark.parametrize("name", sorted(WEAKER))
def test_the_weaker_runner_contains_what_it_says(name, tree, listener):
    contained(attack(LimitedRunner(), tree, name, listener[0]), tree, listener)


def test_the_weaker_runner_says_what_it_cannot(tree):
    assert "stay readable" in LimitedRunner.weaker_because and "native code" in LimitedRunner.weaker_because
    for code in ("import subprocess; subprocess.run(['id'])", "import os; os.fork()", "import os; os.system('id')"):
        assert "PermissionError" in LimitedRunner().run(["python", "-c", code], tree, 20).stderr
    scratch = "import tempfile; open(tempfile.mkdtemp() + '/x', 'w').write('x'); open('here', 'w').write('x')"
    assert LimitedRunner().run(["python", "-c", scratch], tree, 20).ok


EXHAUSTION = {
    "fork bomb": ("import os\nwhile True:\n    os.fork()", "processes"),
    "thread bomb": (
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(99,)).start()",
        "processes",
    ),
    "memory of many": (
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        x = bytearray(b'x') * (60 << 20)\n"
        "        time.sleep(99)\ntime.sleep(99)",
        "memory",
    ),
}


@pytest.mark.parametrize("name", EXHAUSTION)
def test_many_processes_are_killed_together(name, tree, monkeypatch):
    need("bwrap")
    monkeypatch.setattr(runner, "CEILING", Ceiling(memory=300 << 20))
    code, says = EXHAUSTION[name]
    done = BubblewrapRunner().run(["python", "-c", f"# {CANARY}{os.getpid()}\n{code}"], tree, 60)
    assert not done.ok and not done.timed_out and says in done.stopped
    assert not names(f"{CANARY}{os.getpid()}")


@pytest.mark.parametrize("code", ["x = bytearray(3 << 30)", "open('big', 'wb').write(bytes(65 << 20))"])
def test_one_process_is_bounded(code, tree):
    need("bwrap")
    done = BubblewrapRunner().run(["python", "-c", code], tree, 60)
    assert not done.ok and ("MemoryError" in done.stderr or "File too large" in done.stderr)


def test_endless_output_ends(tree):
    need("bwrap")
    done = BubblewrapRunner().run(["python", "-c", "while True: print('x' * 100000)"], tree, 60)
    assert not done.ok and not done.timed_out
    assert len(done.stdout) <= 200_000


def test_output_is_bounded_where_the_kernel_does_not():
    done = run(["sh", "-c", "yes"], timeout=60, ceiling=Ceiling(output=1 << 20))
    assert "output" in done.stopped and len(done.stdout) <= 200_000


def test_a_daemon_dies_with_its_run(tree):
    """It leaves its session, so that no process group holds it; it ends with its run, in time or at the deadline."""
    need("bwrap")
    mark = f"daemon-{CANARY}{os.getpid()}"
    code = (
        f"import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.execlp('sh', 'sh', '-c', ': {mark}; sleep 99')\n"
    )
    for ending in ("time.sleep(99)", *[""] * 9):
        done = BubblewrapRunner().run(["python", "-c", code + ending], tree, 1.5)
        assert done.timed_out == bool(ending) and not names(mark)


EVIL = """
import os, socket, sys
for attack in (
    lambda: socket.create_connection(("127.0.0.1", PORT), 1),
    lambda: open("OUTSIDE/escape", "w"),
    lambda: open(".git/hooks/pre-commit", "w").write("x"),
    lambda: print(os.environ["DEPLOY_TOKEN"]),
    lambda: open("/proc/sys/kernel/core_pattern", "w"),
):
    try:
        attack()
    except BaseException:
        continue
    print("ESCAPED", file=sys.stderr)
"""


@pytest.mark.parametrize("place", ["conftest.py", "tests/conftest.py", "evilplugin.py"])
def test_a_hostile_conftest_or_plugin_is_contained(place, tree, listener):
    need("bwrap")
    code = EVIL.replace("PORT", str(listener[0])).replace("OUTSIDE", str(tree.parent / "outside"))
    (tree / place).write_text(code)
    command = [*COMMAND, "-s", *(["-p", "evilplugin"] if "plugin" in place else [])]
    done = BubblewrapRunner().run(command, tree, 60)
    contained(done, tree, listener)
    assert "1 passed" in done.stdout


@pytest.mark.parametrize(
    "replaced",
    [
        "os.symlink('/etc/passwd', r)",
        "os.mkfifo(r)",
        "open(r, 'w').write('<x>' * 9)",
        "os.symlink('/dev/zero', r)",
    ],
)
def test_a_replaced_report_neither_reads_nor_blocks(replaced, tree):
    """The report of the tests is written by code under test: it may be a link, a pipe, or nonsense."""
    need("bwrap")
    (tree / "conftest.py").write_text(
        "import atexit, glob, os\n\n\ndef replace():\n    for r in glob.glob('/w/.desk-*/report'):\n"
        f"        os.unlink(r)\n        {replaced}\n\n\natexit.register(replace)\n"
    )
    told = run_tests(tree, COMMAND, BubblewrapRunner())
    assert told.results == {} and not told.finished


def test_only_plain_files_are_read_back(tmp_path):
    (tmp_path / "plain").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    os.mkfifo(tmp_path / "pipe")
    told = [read_back(tmp_path / name, 10) for name in ("plain", "link", "pipe", "missing")]
    assert told == ["x", "", "", ""]
    (tmp_path / "plain").write_text("x" * 11)
    assert read_back(tmp_path / "plain", 10) == ""


def test_a_sandbox_is_to_be_had_in_these_tests():
    need("bwrap")
    assert bubblewrap_works()
