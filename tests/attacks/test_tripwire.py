"""The tripwire: one whole journey over a repository that carries every trick, while the kernel's own record is kept.

strace writes down every start of a program and every open of a file in the engine's whole tree of processes. From
that record: nothing of the repository is executed, imported or read as configuration outside of the sandbox.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys

import pytest

from core.settings import ROOT
from tests.attacks import parsing, record, repository
from tests.real import need

# what the engine itself reads as data, by the module that opens it: source text, and manifests as text
READERS = {
    "core.repair.engine": ".py",  # the program's text, before any of it has run
    "core.repair.localize.sources": ".py",  # syntax trees for the fixers
    "core.repair.prove.proof": ".py",  # writes candidates and tests
    "core.repair.localize.fixability": ".py",
    "core.repair.sandbox.checkout": ".py",  # the texts of the commit's programs
    "core.repair.localize.locate": ".py",
    "core.stages.review.text_gates": ".py",  # secrets, imports and docstrings of changed files
    "core.stages.review.gates": ".py",  # where a changed function ends
    "core.stages.review.runtime_gates": ".py",
    "core.stages.review.imports": ".py",
    "core.repair.reproduce.test_modules": ".py",  # the tests' setups, as syntax trees
    "core.stages.workspace": ".py",  # the changed files, to be committed
    "core.stages.review.patch_gates": ".py",  # texts that are compared: what a patch can newly do
    "core.stages.review.documents": ".py .md .rst .txt",  # docstrings of changed files; names in README and changelog
    "core.stages.review.manifests": ".txt .toml .cfg .py",  # manifests, as text that the sandbox parses
}
pytestmark = pytest.mark.timeout(1000)  # the traced journey is many times slower than a plain one
OWN = (".git", ".probe-", ".proof-", ".timing-")  # files that the platform made there itself
# ``file`` is Python's own platform.architecture(), which asks it of the interpreter
PROGRAMS = {"file", "bwrap", os.path.basename(sys.executable), os.path.basename(os.path.realpath(sys.executable))}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(the folder, how the journey ended, the calls outside of the sandbox, all calls).

    The workers of one run share a journey: several traced at once on a few cores last for many minutes.
    """
    need("bwrap")
    need("strace")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tripwire"
    shared.mkdir(exist_ok=True)
    folder, written, result = shared.resolve() / "journey", shared / "strace.txt", shared / "result.json"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            folder.mkdir()
            result.write_text(json.dumps(traced(folder, written)))
    code, out, err = json.loads(result.read_text())
    assert code == 0, err[-3000:]
    return folder, json.loads(out.splitlines()[-1]), record.outside(written), [*record.calls(written)]


def traced(folder, written) -> tuple[int, str, str]:
    """Exit code and output of a journey that strace records."""
    repository.build(folder)
    (folder / parsing.SETTINGS).write_text(json.dumps(sorted(parsing.settings_of(folder / "team"))))
    argv = [
        need("strace"),
        *record.COMMAND[1:],
        str(written),
        sys.executable,
        "-m",
        "tests.attacks.tripwire",
        str(folder),
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=900)
    return done.returncode, done.stdout, done.stderr


def strangers(folder) -> tuple[str, ...]:
    """What a stranger wrote, or could write, as the engine's processes see it."""
    return tuple(f"{folder}/{name}/" for name in ("data/worktrees", "origin.git", "team", "outside", "canary"))


def folders_of(folder) -> tuple[str, ...]:
    """The ends of the paths of folders: they are listed and removed, and there is nothing in them to read."""
    team = folder / "team"
    inside = [f"/{path.relative_to(team)}" for path in team.rglob("*") if path.is_dir() and path.name != "team"]
    planted = ["/vendored", "/vendored/.git", "/vendored/.git/objects", "/vendored/.git/refs"]
    planted += ["/.pytest_cache", "/.pytest_cache/v", "/.pytest_cache/v/cache"]
    labels = ["/issue-1-1-1", "/review-1", "/test-1"]
    return (*inside, *planted, *labels, *(f"{label}.git" for label in labels))


def read_as_data(path: str, module: str) -> bool:
    name = os.path.basename(path)
    ours = name.startswith(OWN) or "/.desk-" in path or ".git/" in path and module == "core.repair.sandbox.checkout"
    return ours or name.endswith(tuple(READERS.get(module, "nothing").split()))


def test_the_journey_went_all_the_way(told):
    folder, ended, _, every = told
    assert ended["status"] == "resolved", ended["reason"]
    assert [effect.split()[0] for effect in ended["effects"]] == ["pull", "preview", "production", "merge"]
    looked = {gate["gate"] for gate in ended["gates"] if gate["passed"]}
    assert {"security", "style", "coverage", "documentation"} <= looked
    opened = {call.path for call in every if call.name == "openat" and call.worked}
    assert {"/w/conftest.py", "/w/evil_plugin.py"} <= opened, "the tricks were there, and ran in the sandbox"


def test_no_trick_left_a_trace(told):
    assert sorted(path.name for path in (told[0] / "canary").iterdir()) == []


def test_no_program_but_the_engine_and_the_sandbox_is_started(told):
    folder, _, calls, _ = told
    started = {call.path for call in calls if call.name.startswith("execve") and call.worked}
    assert {os.path.basename(path) for path in started} <= PROGRAMS, started
    told_of = [call.given for call in calls if call.name.startswith("execve") and call.program != "bwrap"]
    assert not [given for given in told_of if any(place in given for place in strangers(folder))]


def test_no_process_outside_enters_a_strangers_folder(told):
    folder, _, calls, _ = told
    entered = [call.path for call in calls if call.name == "chdir" and f"{call.path}/".startswith(strangers(folder))]
    assert not entered


def test_what_is_opened_outside_is_data_and_read_by_those_who_may(told):
    folder, ended, calls, _ = told
    below, opener, folders = strangers(folder), {}, folders_of(folder)
    for path, module in ended["opened"]:
        opener.setdefault(os.path.normpath(path), set()).add(module)
    wrong = []
    for call in calls:
        if "open" in call.name and call.path.startswith(below) and not call.path.endswith(folders):
            readers = opener.get(call.path, {"not the engine's own code"})
            wrong += [(call.path, module) for module in readers if not read_as_data(call.path, module)]
    assert not wrong, "\n".join(map(str, sorted({*wrong})))


def test_no_settings_of_the_repository_are_parsed_outside(told):
    """Whoever opened them: the sandbox answers with what they say."""
    assert not told[1]["parsed"]


def test_a_parser_that_is_given_settings_is_seen():
    code = "from tests.attacks import parsing\nimport configparser, io, json, tomllib, yaml\n"
    code += "from packaging.requirements import Requirement\nfrom core.models import strict_json\nparsing.watch()\n"
    given = {
        "tomllib.loads({!r})": "line-length = 9",
        "tomllib.load(io.BytesIO({!r}.encode()))": "select = ['E']",
        "json.load(io.StringIO({!r}))": '{"scripts": 1}',
        "strict_json.loads({!r}.encode())": '{"crons": 1}',
        "configparser.ConfigParser().read_string({!r})": "[metadata]",
        "yaml.safe_load({!r})": "on: push",
        "Requirement({!r})": "flask==2.0.1",
    }
    code += "".join(f"{call.format(text)}\n" for call, text in given.items())
    code += f"print(json.dumps(sorted({{row[2] for row in parsing.parsed(set({[*given.values()]!r}))}})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert json.loads(done.stdout) == sorted(given.values()), done.stderr


def test_nothing_was_imported_from_there(told):
    folder, ended, calls, _ = told
    assert not ended["imported"]
    compiled = [call.path for call in calls if "open" in call.name and "__pycache__" in call.path]
    assert not [path for path in compiled if path.startswith(strangers(folder))]
