"""``python -m core demo``: the shop, its vendors and the console; or every fault in turn, headless."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from core.demo import following, overlap, scoring, server, setup, targets
from core.demo.faults import FAULTS, DemoFault
from core.demo.remote import RemoteControl, behaves
from core.policy.reader import read_policy

ROOT = Path(__file__).resolve().parents[2]
PORT, CONSOLE_PORT, RATE = 8600, 8501, 30.0
CALM, FOUND, DONE = 25.0, 180.0, 600.0  # seconds: before the first fault, until an issue, until it has ended
ENOUGH = 50  # automatic deployments per hour after a person raised the limit
ENDED = ("resolved", "escalated", "dismissed")
LOG = "simulator.log"  # the first file of a demo


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m core demo", description=__doc__)
    parser.add_argument("--dir", type=Path, default=ROOT / "data" / "demo", help="folder for all files of the demo")
    parser.add_argument("--port", type=int, default=PORT, help="port of the simulator on loopback")
    parser.add_argument("--console-port", type=int, default=CONSOLE_PORT, help="port of the console on loopback")
    parser.add_argument("--rate", type=float, default=RATE, help="visitor requests per second")
    agents = "connect a scripted model, simulated Kestra and CodeRabbit, and the Cline CLI where it is installed"
    parser.add_argument("--agents", action="store_true", help=agents)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="Run only the simulator.")
    commands.add_parser("env", help="Write the product's settings for a running simulator into DIR/.env.")
    broken = commands.add_parser("break", help="Ship a bug to a running demo.")
    broken.add_argument("name", choices=list(FAULTS))
    run = commands.add_parser("run", help="Ship bugs in turn, without the console.")
    run.add_argument("names", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)}")
    run.add_argument("--all", action="store_true")
    run.add_argument("--overlap", action="store_true", help="ship all bugs within two minutes")
    run.add_argument("--seed", type=int, default=1, help="seed of the order and times of --overlap")
    run.add_argument("--limit", type=int, help="maximum automatic deployments an hour")
    run.add_argument("--approve", action="store_true", help="approve what waits for approval")
    run.add_argument("--json", action="store_true")
    given = parser.parse_args(list(argv))
    if given.command == "env":
        return setup.write_environment(given.dir)
    work = {"serve": serve, "break": break_, "run": run_faults, None: demo}[given.command]
    return work(given)


def serve(given) -> int:
    server.serve(given.dir, given.port, given.rate, given.agents)
    return 0


def break_(given) -> int:
    print(json.dumps(RemoteControl(given.dir).post("break", given.name)))
    return 0


@contextlib.contextmanager
def process(argv: Sequence[str], env: dict[str, str], log: Path | None = None) -> Iterator[subprocess.Popen]:
    """A child process whose whole tree ends with this process."""
    out = log.open("w") if log else None
    child = subprocess.Popen(argv, cwd=ROOT, env=os.environ | env, stdout=out, stderr=out, start_new_session=True)
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@contextlib.contextmanager
def simulator(given) -> Iterator[dict[str, str]]:
    """A fresh world; yields the product's environment for it. Only the folder of an earlier demo is replaced."""
    if given.dir.exists() and any(given.dir.iterdir()) and not (given.dir / LOG).exists():
        raise SystemExit(f"{given.dir} holds other files. Name an empty or a new folder with --dir.")
    shutil.rmtree(given.dir, ignore_errors=True)
    given.dir.mkdir(parents=True)
    options = ["--dir", str(given.dir), "--port", str(given.port), "--rate", str(given.rate)]
    options += ["--agents"] if given.agents else []
    argv = [sys.executable, "-m", "core", "demo", *options, "serve"]
    with process(argv, {}, given.dir / LOG) as child:
        deadline = time.monotonic() + 60
        while not (given.dir / "sandbox.json").exists():
            if child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The simulator did not start: {(given.dir / 'simulator.log').read_text()[-800:]}")
            time.sleep(0.2)
        yield setup.environment(given.dir)


def demo(given) -> int:
    """The console on port 8501; the first fault is shipped after a calm period."""
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    print("Starting the shop and the simulated vendors …", flush=True)
    password = f"demo-{secrets.token_hex(5)}"
    port = given.console_port
    with simulator(given) as env, process(_console(port), _told(env, port, password)) as console:
        print(
            f"\n  Console: http://localhost:{port}\n"
            f"  Sign in with one click, or as viewer, operator, approver or admin with the password {password}\n"
            f"  The first bug ships in {CALM:.0f} s. Ship more with: python -m core demo break NAME\n",
            flush=True,
        )
        shipped, begin = False, time.monotonic()
        try:
            while console.poll() is None:
                time.sleep(0.5)
                if not shipped and time.monotonic() - begin > CALM:
                    RemoteControl(given.dir).post("break", "cart-address")
                    shipped = True
        except KeyboardInterrupt:
            print("\nStopping …")
    return 0


def _told(env: dict[str, str], port: int, password: str) -> dict[str, str]:
    return {**env, "PUBLIC_URL": f"http://localhost:{port}", "DEMO_PASSWORD": password}


def _console(port: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "console/server/app.py",
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
        "--server.headless",
        "true",
        "--browser.gatherUsageStats",
        "false",
    ]


# --- headless ----------------------------------------------------------------------------------------


def run_faults(given) -> int:
    """Ship each fault, wait for its end, score it, restore the shop; one row per fault."""
    faults = [FAULTS[name] for name in (FAULTS if given.all or given.overlap and not given.names else given.names)]
    if not faults:
        raise SystemExit("Name a bug, or use --all.")
    rows = []
    with _at_work(given) as env, following.issues(env) as issues:
        if given.overlap:
            found = overlap.run(_world(given, env, issues), faults, given.seed)
        else:
            found = (_one(given, env, issues, fault) for fault in faults)
        for row in found:
            rows.append(row)
            print(json.dumps(row) if given.json else scoring.line(row), flush=True)
    if len(rows) > 1:
        measured = targets.measured(rows)
        print(json.dumps({"summary": measured}) if given.json else "\n".join(map(targets.line, measured)), flush=True)
    return 0 if all(row["right"] for row in rows) else 1


@contextlib.contextmanager
def _at_work(given) -> Iterator[dict[str, str]]:
    """A fresh world with a worker, after a calm period; yields the environment of its approver."""
    password = f"demo-{secrets.token_hex(5)}"
    with simulator(given) as world:
        if given.limit is not None:
            _limit(Path(world["PLATFORM_FILE"]), given.limit)
        worker = [sys.executable, "-m", "core", "worker"]
        with process(worker, world | {"DEMO_PASSWORD": password}, given.dir / "worker.log"):
            time.sleep(CALM)
            yield world | {"PLATFORM_TOKEN": _token(world, password)}


def _limit(policy: Path, number: int) -> None:
    text = policy.read_text(encoding="utf-8")
    policy.write_text(re.sub(r"(?m)^deployments_per_hour = .*", f"deployments_per_hour = {number}", text))


def _world(given, env: dict[str, str], issues: Callable[[], list[dict]]) -> overlap.OverlapWorld:
    def does(name: str) -> Callable[[int], None]:
        def answer(issue: int) -> None:
            with contextlib.suppress(RuntimeError):  # answered meanwhile, or its approval is being replaced
                _core(env, name, "--issue", str(issue))

        return answer

    remote = RemoteControl(given.dir)
    answers = {"awaiting_approval": does("approve"), "scheduled": does("start-now")}
    return overlap.OverlapWorld(
        policy=read_policy(Path(env["PLATFORM_FILE"])),
        ship=lambda fault: remote.post("break", fault.name)["at"],
        issues=issues,
        answers=answers if given.approve else {},
        behaves=lambda fault: behaves(given.dir, fault),
        seconds=scoring.seconds,
        curable=(*overlap.CURABLE, *(("model",) if given.agents else ())),
        raise_limit=lambda: _limit(Path(env["PLATFORM_FILE"]), ENOUGH),
    )


def _token(env: dict[str, str], password: str) -> str:
    """A token of the demo's approver, issued for the password that the worker set."""
    scopes = ("--scope", "view", "--scope", "operate", "--scope", "approve")
    words = ("token", "add", "approver", "--label", "demo run", *scopes, "--password-stdin")
    return _core(env, *words, text=password).strip()


def _one(given, env: dict[str, str], issues: Callable[[], list[dict]], fault: DemoFault) -> dict:
    remote = RemoteControl(given.dir)
    before = {issue["id"]: issue["run"] for issue in issues()}
    shipped = remote.post("break", fault.name)["at"]
    issue = _await(lambda: _new(issues(), before), FOUND)
    waited = False
    deadline = time.monotonic() + DONE
    while issue and issue["status"] not in ENDED and time.monotonic() < deadline:
        if issue["status"] == "awaiting_approval":
            waited = True
            if not given.approve:
                break
            _core(env, "approve", "--issue", str(issue["id"]))
        issue = next(i for i in issues() if i["id"] == issue["id"])
    checked = bool(issue and issue["status"] == "resolved" and fault.checks)
    right = behaves(given.dir, fault) if checked else None
    row = scoring.scored(fault, issue, shipped, waited, right, given.agents)
    _settle(remote, env, fault, issue)
    return row


def _new(issues: Sequence[dict], before: dict) -> dict | None:
    found = (i for i in issues if before.get(i["id"], -1) < i["run"] and i["run"] > 0)
    return next((i for i in found if not i.get("parent")), None)


def _await(check, seconds: float):
    deadline = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < deadline:
        pass  # each look waits for the next one
    return found


def _settle(remote: RemoteControl, env, fault: DemoFault, issue: dict | None) -> None:
    """Resolve an unfixed issue as the team would: restore the code and record the resolution."""
    if issue and issue["status"] == "resolved":
        return
    with contextlib.suppress(SystemExit):
        remote.post("restore", fault.name)
    if issue and issue["status"] == "escalated":
        _core(env, "resolve", "--issue", str(issue["id"]), "--how", f"the team took back: {fault.title}")


def _core(env, *args: str, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "core", *args],
        cwd=ROOT,
        env=os.environ | env,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"python -m core {args[0]}: {done.stderr.strip()[-500:]}")
    return done.stdout
