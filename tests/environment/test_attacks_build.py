"""What a package's build script can do in the room: it fills its own folder and asks the index, and that is all."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from core.repair.environment.fault import EnvironmentFault
from core.repair.sandbox.runner import BubblewrapRunner
from tests.environment.index import sdist, serving, wheel

TRIES = """
import os, socket, sys, urllib.request
def outcome(act):
    try:
        return repr(act())[:300]
    except BaseException as error:
        return type(error).__name__
def connect(host, port):
    with socket.create_connection((host, port), timeout=5) as made:
        made.sendall(b"GOT OUT\\n")
        return "CONNECTED"
def fetched(path):
    return "FETCHED " + urllib.request.urlopen("http://127.0.0.1:8765" + path, timeout=5).read(300).decode()
"""


@pytest.fixture
def secret(tmp_path) -> Path:
    path = tmp_path / "secret"
    path.write_text("the crown jewels")
    return path


@pytest.fixture
def listener():
    """A server of this machine that is no index; what reached it."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        going = threading.Event()

        def listen():
            while not going.is_set():
                try:
                    made, _ = server.accept()
                except TimeoutError:
                    continue
                with made:
                    heard.append(made.recv(1000))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        going.set()
        thread.join()


def said_by(scripts: list[str], checkout, built, judging) -> str:
    """What came of the expressions within a build, which then fails so that uv shows it."""
    told = ", ".join(f"outcome(lambda: {script})" for script in scripts)
    package = sdist("attacker", "1.0", f"{TRIES}\nsys.exit('SAID ' + repr([{told}]))")
    with serving([package, *judging]) as index, pytest.raises(EnvironmentFault) as fault:
        built(checkout({"requirements.txt": "attacker\n"}), index.url)
    return fault.value.message


def test_a_build_reaches_no_other_host(checkout, built, judging, listener):
    port, heard = listener
    assert "CONNECTED" not in said_by([f"connect('127.0.0.1', {port})"], checkout, built, judging)
    assert not heard


def test_the_way_to_the_index_leads_nowhere_else(checkout, built, judging, listener):
    port, heard = listener
    paths = [f"/0/file/http/127.0.0.1:{port}/x", "/7/x", "/0/../x", f"http://127.0.0.1:{port}/x", "/0/pytest/"]
    told = said_by([f"fetched({path!r})[:7]" for path in paths], checkout, built, judging)
    assert told.count("FETCHED") == 1 and "SAID" in told, "only the index itself may be asked"
    assert not heard


def test_a_build_reads_no_file_of_the_machine(checkout, built, judging, secret):
    paths = (secret, Path("/etc/shadow"), Path(__file__), Path.home() / ".bashrc", Path("/root"))
    told = said_by([f"open({str(path)!r}).read()" for path in paths], checkout, built, judging)
    assert "crown" not in told and told.count("FileNotFoundError") + told.count("IsADirectoryError") == len(paths)


def test_a_build_writes_nowhere_but_into_its_own_folder(checkout, built, judging, secret, tmp_path):
    before = sorted(os.listdir(tmp_path))
    paths = (secret, tmp_path / "new", Path("/usr/local/lib/evil.py"), Path("/etc/evil"), Path("/way-out/evil"))
    told = said_by([f"open({str(path)!r}, 'w').write('x')" for path in paths], checkout, built, judging)
    assert told.count("OSError") == 3, told  # what it writes below /tmp is the room's own memory
    assert secret.read_text() == "the crown jewels" and not Path("/usr/local/lib/evil.py").exists()
    assert set(os.listdir(tmp_path)) - set(before) <= {"tree", "data"}


def test_one_repository_cannot_poison_another_or_its_own_next_build(checkout, built, judging):
    """A build script overwrites every wheel and environment that it can find; the next build has clean ones."""
    poison = """
import glob, os
for top in {os.path.dirname(os.path.dirname(os.environ["TMPDIR"])), os.environ["UV_CACHE_DIR"], "/w", "/tmp"}:
    for path in glob.glob(top + "/**/victim*", recursive=True):
        try:
            open(path, "w").write("owned = True\\n")
        except OSError:
            pass
"""
    victim = wheel("victim", "1.0", {"victim.py": "owned = False\n"})
    with serving([sdist("poison", "1.0", poison), victim, *judging]) as index:
        built(checkout({"requirements.txt": "victim\npoison\n"}), index.url, name="evil")
        for name in ("evil", "good"):
            made = built(checkout({"requirements.txt": "victim\n"}), index.url, name=name)
            tree = checkout({"x.py": ""})
            done = BubblewrapRunner(made.interpreter).run(["python", "-c", "import victim; print(victim.owned)"], tree)
            assert done.stdout == "False\n"


def test_what_runs_in_an_environment_cannot_change_it(checkout, built, judging):
    tree = checkout({"requirements.txt": "victim\n"})
    with serving([wheel("victim", "1.0", {"victim.py": "owned = False\n"}), *judging]) as index:
        made = built(tree, index.url)
    runner = BubblewrapRunner(made.interpreter)
    code = "import victim; open(victim.__file__, 'w').write('owned = True')"
    assert "Read-only file system" in runner.run(["python", "-c", code], tree).stderr
    assert runner.run(["python", "-c", "import victim; print(victim.owned)"], tree).stdout == "False\n"


def test_packages_of_a_service_stand_in_for_no_module_of_our_scripts(checkout, built, judging):
    """The scripts of the platform load the standard library's modules, whatever the service's packages are called."""
    fakes = {f"{name}.py": "raise SystemExit('shadowed')\n" for name in ("json", "hmac", "hashlib", "ast", "asyncio")}
    tree = checkout({"requirements.txt": "shadows\n", "shop.py": "def f():\n    return 1\n", **fakes})
    from core.repair.sandbox.probe import Call, probe

    with serving([wheel("shadows", "1.0", fakes), *judging]) as index:
        made = built(tree, index.url)
    (outcome,) = probe(tree, [Call("from shop import f", "f()")], BubblewrapRunner(made.interpreter))
    assert outcome.result == "int 1"
