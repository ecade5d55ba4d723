"""Lays a real case out as a service: the broken version as a repository, its environment, and its crash report.

Everything lies in a cache folder outside of the repository ($REAL_CASES, else ~/.cache/real-cases). The repository is
the project's source distribution, with its tests where it ships them. The environment has the project's dependencies
and its metadata, but not its code, which is the repository's own. Cases of one version share both.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.repair.real_case import RealCase
from tests.bench.repair.real_checks import MARK

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("REAL_CASES", Path.home() / ".cache" / "real-cases"))
TOOLS = ("pytest", "coverage")  # what a service's environment has to run its tests
GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgsign=false")
TESTS = ("tests", "test", "testing")
UV = str(Path(sys.executable).with_name("uv"))


class Unprepared(Exception):
    """A case cannot be laid out here: a version does not install, or its call does not crash."""


@dataclass(frozen=True)
class Prepared:
    """Folders of a case: ``repo`` (broken version), ``env`` and ``after`` (the fixed version's code)."""

    case: RealCase
    folder: Path

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    @property
    def crash(self) -> Path:
        return self.folder / f"{self.case.id}.json"

    @property
    def python(self) -> Path:
        return self.folder / "env" / "bin" / "python"

    @property
    def after(self) -> Path:
        return self.folder / f"after-{self.case.fixed}"

    @property
    def tests(self) -> str:
        """Folder of the project's tests, as its operator would name it."""
        package = self.case.file.removeprefix(f"{self.case.root}/").split("/")[0]
        around = (".", package, f"{self.case.root}/{package}")
        found = (f"{place}/{name}".removeprefix("./") for place in around for name in TESTS)
        return next((name for name in found if (self.repo / name).is_dir()), "tests")


def prepared(case: RealCase) -> Prepared:
    """The case laid out, from the cache as far as that is whole. Raises Unprepared."""
    made = Prepared(case, CACHE / f"{case.project}-{case.broken}-{case.python}")
    whole = made.folder / "whole"
    if not whole.exists():
        shutil.rmtree(made.folder, ignore_errors=True)
        made.folder.mkdir(parents=True)
        _repository(made)
        _environment(made)
        whole.touch()
    if case.fixed and not made.after.exists():
        _install(made, "--target", str(made.after), "--no-deps", f"{case.project}=={case.fixed}")
    if not made.crash.exists():
        made.crash.write_text(json.dumps(_crash(made), indent=1), encoding="utf-8")
    return made


def start_over(made: Prepared) -> None:
    """The repository as it was committed."""
    for arguments in (("checkout", "-q", "-f", "main"), ("clean", "-q", "-f", "-d", "-x")):
        run([*GIT, *arguments], cwd=made.repo)


def given(made: Prepared, expressions: Sequence[str], root: Path | None = None) -> list[str]:
    """What the expressions give with the repository's code, or with the code in ``root``."""
    with tempfile.TemporaryDirectory() as scratch:
        asked = Path(scratch) / "checks.json"
        asked.write_text(json.dumps({"setup": made.case.setup, "expressions": list(expressions)}), encoding="utf-8")
        argv = [str(made.python), "-B", str(HERE / "real_checks.py"), str(asked)]
        done = _plain(argv, scratch, {"PYTHONPATH": str(root or made.repo / made.case.root)})
    lines = [line[len(MARK) :] for line in done.splitlines() if line.startswith(MARK)]
    return json.loads(lines[-1]) if lines else ["!no answer"] * len(expressions)


def right(made: Prepared) -> bool:
    """Whether the repository, as it now is, passes all hidden checks."""
    wanted = [gives for _, gives in made.case.checks]
    return given(made, [expression for expression, _ in made.case.checks]) == wanted


def run(argv: Sequence[str], cwd: Path | None = None, timeout: float = 300) -> str:
    """Output of a command. Raises Unprepared with the end of what it said when it fails."""
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise Unprepared(f"{' '.join(argv[:6])}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def _plain(argv: Sequence[str], cwd: str, more: dict[str, str], timeout: float = 120) -> str:
    """Output of the case's own code, which runs in a clean environment."""
    env = {"PATH": "/usr/bin:/bin", "HOME": cwd, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0"} | more
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(argv, cwd=cwd, env=env, start_new_session=True, **pipes) as process:
        try:
            return process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with what it started: an endless check would keep a core busy
            return ""


def _repository(made: Prepared) -> None:
    """The source distribution of the broken version, committed as one commit."""
    case, scratch = made.case, made.folder / "download"
    wanted = ["--no-deps", "--no-binary", case.project, f"{case.project}=={case.broken}"]
    run([_base(case.python), "-m", "pip", "download", "-q", "-d", str(scratch), *wanted])
    archive = next(iter(scratch.iterdir()))
    _unpack(archive, scratch / "in")
    inside = next(path for path in (scratch / "in").iterdir() if path.is_dir())
    inside.rename(made.repo)
    shutil.rmtree(scratch)
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A", "-f"), ("commit", "-q", "-m", f"{case.broken}")):
        run([*GIT, *arguments], cwd=made.repo)


def _unpack(archive: Path, to: Path) -> None:
    if archive.suffix == ".zip":
        zipfile.ZipFile(archive).extractall(to)
    else:
        with tarfile.open(archive) as packed:
            packed.extractall(to, filter="data")


def _environment(made: Prepared) -> None:
    """The environment of the broken version, without the project's own code."""
    case = made.case
    run([_base(case.python), "-m", "venv", "--without-pip", str(made.folder / "env")])
    _install(made, f"{case.project}=={case.broken}", *case.requires, *TOOLS)
    _without_code(case.project, next((made.folder / "env" / "lib").glob("python3*/site-packages")))


def _install(made: Prepared, *wanted: str) -> None:
    run([UV, "pip", "install", "-q", "--python", str(made.python), *wanted])


def _without_code(project: str, packages: Path) -> None:
    name = project.replace("-", "_").replace(".", "_").lower()
    folders = packages.glob("*.dist-info")
    info = next(path for path in folders if path.name.split("-")[0].replace(".", "_").lower() == name)
    for row in csv.reader((info / "RECORD").read_text(encoding="utf-8").splitlines()):
        if ".dist-info" not in row[0] and not row[0].startswith(".."):
            (packages / row[0]).unlink(missing_ok=True)


def _base(python: str) -> str:
    """The interpreter of a version. Raises Unprepared when this machine has none."""
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return str(Path(sys.base_prefix) / "bin" / "python3")
    kept = sorted(Path.home().glob(f".pyenv/versions/{python}.*/bin/python"))
    return str(kept[-1]) if kept else run([UV, "python", "find", "--system", python]).strip()


def _crash(made: Prepared) -> dict:
    """The report as the monitoring tool would send it, with locals. Raises Unprepared when it is not the told one."""
    case, trigger = made.case, made.folder / f"{made.case.id}.py"
    trigger.write_text(case.trigger, encoding="utf-8")
    argv = [str(made.python), "-B", str(HERE / "capture.py"), str(made.repo.resolve()), str(trigger.resolve())]
    said = _plain(argv, str(made.folder), {"PYTHONPATH": str(made.repo / case.root)})
    lines = [line[2:] for line in said.splitlines() if line.startswith("@@{")]
    if not lines:
        raise Unprepared(f"{case.id}: the call does not raise")
    crash = json.loads(lines[-1])
    own = [frame for frame in crash["frames"] if frame["in_app"]]
    told = (crash["exception"]["type"], own[-1]["file"] if own else "", own[-1]["function"] if own else "")
    if told != (case.raises, case.file, case.function):
        raise Unprepared(f"{case.id}: raises {told}, not {(case.raises, case.file, case.function)}")
    head = {"schema": 1, "source": "sentry", "service": case.project, "environment": "production"}
    head |= {"release": case.broken, "level": "error", "count": 7}
    return head | {"first_seen": "2026-03-02T08:00:00Z", "last_seen": "2026-03-02T09:30:00Z"} | crash
