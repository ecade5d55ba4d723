"""The command line: ``python -m core COMMAND``. Each command prints for people, or JSON with --json."""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

# commands whose own modules read their arguments
OWN = {
    "fix": ("core.cli.fix", "Repair one crash in a repository."),
    "blame": ("core.cli.blame", "Read incidents as JSON lines; print the suspected components of each."),
    "stage": ("core.cli.stage", "Run one stage of one issue, for Kestra."),
    "demo": ("core.demo.command", "Run a shop with real bugs and simulated vendors."),
    "replay": ("core.cli.replay", "Replay past decisions under another policy."),
    "user": ("core.cli.user", "Add, list, disable and enable people."),
    "token": ("core.cli.token", "Issue, list and revoke API tokens of programs."),
}
# commands that answer each line of standard input with a line; they start faster, because they read no settings
STREAMS = {
    "detect": (
        "core.cli.streams",
        "Read CSV (timestamp,value with a header); print an anomaly score from 0 to 1 for each row.",
    ),
    "group": ("core.cli.streams", "Read log lines; print the group id of each line."),
    "correlate": ("core.cli.correlate", "Read records as JSON lines; print them with their issue id."),
}


def main(argv: list[str] | None = None) -> int:
    argv = (sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        return _stream(*argv) if argv[0] in STREAMS else _command(argv)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains at its end
        return 0
    except KeyboardInterrupt:
        return 130


def _stream(name: str, *rest: str) -> int:
    module, text = STREAMS[name]
    argparse.ArgumentParser(prog=f"python -m core {name}", description=text).parse_args(rest)
    if isinstance(sys.stdout, io.TextIOWrapper):  # JSON can hold half a surrogate pair; it is written as its escape
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return getattr(importlib.import_module(module), name)(sys.stdin.buffer, sys.stdout, sys.stderr)


def _command(argv: list[str]) -> int:
    from core.policy.reader import ConfigurationError

    try:
        if argv[0] in OWN:
            return importlib.import_module(OWN[argv[0]][0]).main(argv[1:])
        arguments = _parser(argv[:1]).parse_args(argv)
        return arguments.work(arguments)
    except ConfigurationError as error:
        print(f"configuration: {error}", file=sys.stderr)
        return 2


def _parser(called: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of ``called`` (a command's name, or nothing): the actions are only loaded where they are needed."""
    parser = argparse.ArgumentParser(prog="python -m core", description="DevOps Intelligence Platform")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: Callable, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(work=work)
        return added

    checked = command("doctor", doctor, "Check the setup: what works, what is missing, and how to fix it.")
    checked.add_argument("--json", action="store_true")
    checked.add_argument("--repository", default="", help="try everything that a fix of this repository needs")
    run = command("run", run_rounds, "Run the engine in the foreground.")
    run.add_argument(
        "--once", action="store_true", help="run one collection cycle, wait for its issues to settle, then exit"
    )
    command("worker", worker, "Run the engine without a console.")
    state = command("status", status, "Show the current state.")
    state.add_argument("--json", action="store_true")
    state.add_argument("--every", type=float, metavar="SECONDS", help="show it again and again, until interrupted")
    command("decide", decide, "Read a situation as JSON from standard input; print its decision receipt.")
    audit = command(
        "audit", verify_audit, "Verify the audit trail against its signed heads, or accept it after a restore."
    )
    audit.add_argument("what", choices=["verify", "accept"])
    audit.add_argument("--reason", default="", help="for accept: why the trail is correct, e.g. a restored backup")
    audit.add_argument(
        "--head", default="", metavar="LINE", help="for verify: also check a head that was sent elsewhere"
    )
    for name, (_, text) in {**OWN, **STREAMS}.items():
        command(name, _stream, text)
    if not called or called[0] not in commands.choices:
        _add_actions(commands)
    return parser


def _add_actions(commands) -> None:
    from core.cli import actions

    for name, action in actions.commands().items():
        text = f"{action.description} {action.dialog.consequence}"
        actions.describe(commands.add_parser(name, help=action.description, description=text), action)


def _open():
    from core import bootstrap
    from core import settings as configuration
    from core.db import store

    settings = configuration.load()
    store.open_store(settings.database)
    return bootstrap.build(settings)


def doctor(arguments) -> int:
    from core.cli.doctor import examine
    from core.cli.doctor_repository import show
    from core.cli.terminal import shown
    from core.models import recorded

    if arguments.repository:
        return show(_open(), arguments.repository, arguments.json)
    lines = list(examine(_open()))
    if arguments.json:
        print(json.dumps([recorded.plain(line) for line in lines]))
    else:
        width = max(len(line.what) for line in lines)
        for line in lines:
            way_out = f"\n{'':>{width + 8}}-> {line.fix}" if line.fix else ""
            print(shown(f"{line.state:<5} {line.what:<{width}}  {line.message}{way_out}"))
    return 1 if any(line.state == "fault" for line in lines) else 0


def run_rounds(arguments) -> int:
    from core import scheduler
    from core import settings as configuration
    from core.cli.terminal import shown
    from core.models.counted import counted

    if not arguments.once:
        return worker(arguments)
    engine = scheduler.Engine(configuration.load(), "run")
    try:
        detail = engine.round() or {}
        for name, source in detail.items():
            fault = f", {source['error']}" if source["error"] else ""
            print(shown(f"{name}: {counted(source['records'], 'new record')}{fault}"))
        engine.rest()
        engine.deliver()
        return status(argparse.Namespace(json=False))
    finally:
        engine.stop()


def worker(arguments) -> int:
    """Until SIGTERM or SIGINT; waiting issues go on at the next start."""
    from core import scheduler
    from core import settings as configuration
    from core.access import accounts

    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    engine = scheduler.start(configuration.load(), "worker")
    accounts.demo(engine.settings)
    print(
        f"worker {engine.executor.id} is running; a collection cycle starts every {engine.settings.round_seconds:g} s",
        flush=True,
    )
    done.wait()
    scheduler.stop()
    os._exit(0)  # threads of issues that wait for days must not keep the process; their state is in the store


def status(arguments) -> int:
    from core.cli.terminal import shown
    from core.queries import status as overview

    _open()
    while True:
        state = overview.status()
        print(json.dumps(state, default=str) if arguments.json else shown("\n".join(_status_lines(state))), flush=True)
        if not arguments.every:
            return 0
        time.sleep(arguments.every)


def _status_lines(state: dict) -> Iterator[str]:
    for message in state["alarms"]:
        yield f"ALARM {message}"
    for name, number in state["issues"].items():
        yield f"{number:>5} {name}"
    for hold in state["held"]:
        scope = "all releases" if hold["scope"] == "*" else hold["scope"]
        yield f"      on hold: {scope}, {hold['by']}: {hold['reason']}"
    for connector in state["connectors"]:
        yield f"      {connector['name']}: {connector['error'] or connector['note'] or 'ok'}"


def decide(arguments) -> int:
    from core import settings as configuration
    from core.decision import receipt, situation
    from core.models import strict_json
    from core.policy import reader

    try:
        given = strict_json.loads(sys.stdin.buffer.read())
        if not isinstance(given, dict):
            raise TypeError("the case is not a JSON object")
        case = situation.read_situation(given.get("situation", given))
        policy = reader.Policy(**given["policy"]) if "policy" in given else configuration.load().policy
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        print(f"decide: {error}", file=sys.stderr)
        return 2
    print(json.dumps(receipt.decide(case, policy).as_json()))
    return 0


def verify_audit(arguments) -> int:
    from core.audit import head

    rt, given = _open(), head.read(arguments.head)
    if arguments.head and given is None:
        print(
            "audit: --head must be a line like: audit-head-1 12 HASH 2026-11-25T10:00:00Z KEY SIGNATURE",
            file=sys.stderr,
        )
        return 2
    if arguments.what == "accept":
        return _accept_audit(rt.settings, arguments.reason)
    verdict = head.verify(rt.settings, given=given)
    print(f"{verdict.state}: {verdict.message}")
    return 0 if verdict.ok else 1


def _accept_audit(settings, reason: str) -> int:
    from core.access import rights
    from core.audit import accept
    from core.cli import cli_actor

    if not reason.strip():
        print("audit: --reason must say why the trail is correct", file=sys.stderr)
        return 2
    try:
        verdict = accept.accept(settings, cli_actor.administrator(settings), reason)
    except rights.Forbidden as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print(f"{verdict.state}: {verdict.message}")
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
