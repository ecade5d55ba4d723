"""Checks whether the platform can work for a repository: each step is really tried, and reports its result.

A step that was not tried gives the reason. A step is ok only if it was seen to work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, func, select

from core.db import store
from core.models import Webhook
from core.models.counted import counted
from core.policy.services import Repository
from core.repair.environment.fault import EnvironmentFault
from core.repair.localize import sources
from core.repair.prove.proof import Tests, run_tests
from core.repair.sandbox.desk import desk, script
from core.repair.sandbox.newer_syntax import reader
from core.repair.sandbox.runner import interpreter_of, version_of
from core.runtime import Runtime
from core.settings import Settings
from core.stages import imports_inside, test, workspace
from core.stages.ground import Ground, prepared
from core.stages.workspace import Clone
from core.vendors import registry
from core.vendors.base import VendorError
from core.vendors.command import CommandError
from core.vendors.github import GitHub
from core.vendors.redact import Redactor

OK, FAULT, UNSURE, NOT_TRIED = "ok", "fault", "unsure", "not tried"
MODULES, IMPORTS_SECONDS = 200, 120.0
HOOKS = {
    "sentry": "sentry_webhook_secret",
    "github": "github_webhook_secret",
    "datadog": "datadog_webhook_token",
    "vercel": "vercel_webhook_secret",
}


@dataclass(frozen=True)
class ReadinessStep:
    """One step. ``state`` is ok, fault, unsure (works in part) or not tried; ``message`` is the result of ``tried``."""

    what: str
    state: str
    tried: str
    message: str
    fix: str = ""
    seconds: float = 0.0


def examine(rt: Runtime, name: str) -> Iterator[ReadinessStep]:
    """Yield each step as soon as it is done. After a fault, the steps that depend on it are not tried."""
    repository = rt.policy.repositories.get(name)
    if repository is None:
        known = ", ".join(sorted(rt.policy.repositories)) or "none"
        yield ReadinessStep(
            "policy", FAULT, f"repositories.{name} in {rt.settings.platform_file}",
            rt.policy_error or f"no such repository; configured: {known}", "correct the name, or add the repository",
        )  # fmt: skip
        return
    yield from _code(rt, name, repository)
    yield _health(rt, repository)
    yield from _webhooks(rt.settings)
    yield from _tokens(rt, repository)


def _code(rt: Runtime, name: str, repository: Repository) -> Iterator[ReadinessStep]:
    started = time.monotonic()
    remote = Redactor()(repository.remote)
    try:
        found = workspace.clone(rt, name, repository)
    except CommandError as error:
        text = Redactor()(str(error))
        fix = f"check repositories.{name}.remote, and that this machine and GITHUB_TOKEN can read it"
        yield ReadinessStep("clone", FAULT, f"git fetch of {remote}", text, fix, _since(started))
        yield from _left("clone", "branch", "environment", "imports", "tests")
        return
    yield ReadinessStep("clone", OK, f"git fetch of {remote}", "fetched all branches", seconds=_since(started))
    head, step = _branch(name, found)
    yield step
    yield _pushes(found, head) if head else ReadinessStep("push", NOT_TRIED, "", "the branch does not exist")
    if not head:
        yield from _left("branch", "environment", "imports", "tests")
        return
    with ExitStack() as held:
        root = held.enter_context(workspace.tree(rt, found, f"readiness-{name}", head))
        yield from _run(rt, name, repository, root)


def _branch(name: str, found: Clone) -> tuple[str, ReadinessStep]:
    wanted = found.repository.branch
    tried = f"the head of {wanted}"
    try:
        head = found.head(f"refs/remotes/origin/{wanted}")
        return head, ReadinessStep("branch", OK, tried, f"{wanted} is at {head[:12]}")
    except CommandError:
        there = found.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin").split()
        text = f"no branch {wanted}; existing branches: {', '.join(there[:12]) or 'none'}"
        return "", ReadinessStep("branch", FAULT, tried, text, f"correct repositories.{name}.branch in platform.toml")


def _pushes(found: Clone, head: str) -> ReadinessStep:
    tried = "git push --dry-run of a platform branch; nothing is written"
    try:
        found.try_push(head)
        return ReadinessStep("push", OK, tried, "the remote would accept it")
    except CommandError as error:
        fix = "give GITHUB_TOKEN (or this machine's ssh key) write access to contents"
        return ReadinessStep("push", FAULT, tried, Redactor()(str(error)), fix)


def _run(rt: Runtime, name: str, repository: Repository, root: Path) -> Iterator[ReadinessStep]:
    if rt.runner is None:
        why = "this machine has no sandbox for repository code; install bubblewrap"
        yield ReadinessStep("environment", FAULT, "a sandbox", why, "see the sandbox line of python -m core doctor")
        yield from _left("environment", "imports", "tests")
        return
    started = time.monotonic()
    tried = "read the manifests, and installed their packages with uv in a sandbox"
    try:
        ground = prepared(rt, name, repository, root)
    except EnvironmentFault as fault:
        yield ReadinessStep("environment", FAULT, tried, fault.message, fault.fix, _since(started))
        yield from _left("environment", "imports", "tests")
        return
    yield _layout(ground, repository)
    yield _environment(ground, tried, _since(started))
    tree = ground.within(root)
    yield from (_syntax(ground, tree), _imports(ground, tree), _tests(ground, tree, rt.policy.fix.tests_seconds))


def _left(after: str, *names: str) -> Iterator[ReadinessStep]:
    for name in names:
        yield ReadinessStep(name, NOT_TRIED, "", f"needs the step {after!r} to work first")


def _layout(ground: Ground, given: Repository) -> ReadinessStep:
    found, values = ground.repository, []
    for key in ("folder", "source", "tests", "test_command"):
        value = getattr(found, key)
        how = "set" if key in given.model_fields_set else "the default" if key == "test_command" else "found"
        values.append(f"{key} = {json.dumps(value)} ({how})")
    fix = (
        "if a value is wrong, set it in platform.toml"
        if set(given.model_fields_set) < {"folder", "source", "tests"}
        else ""
    )
    return ReadinessStep("layout", OK, "searched for the source and the tests", "; ".join(values), fix)


def _environment(ground: Ground, tried: str, seconds: float) -> ReadinessStep:
    made = ground.environment
    servers = [f"its own {one.name} at {one.variable}" for one in ground.servers.all]
    how = "from the cache" if made.found else f"built in {made.seconds:.0f} s"
    return ReadinessStep(
        "environment", OK, tried, "; ".join([f"{made.message}, {how}", *made.notes, *servers]), seconds=seconds
    )


def _syntax(ground: Ground, tree: Path) -> ReadinessStep:
    """Parse every file: with the platform's parser, or with the service's interpreter where the syntax is newer."""
    paths = [*sources.files(tree), *sources.files(tree, tests=True)]
    newer = [path for path in paths if not _parses(tree / path)]
    with sources.reading(reader(ground.runner)):
        unread = [path for path in newer if not _parses(tree / path)]
    tried, own = f"read {counted(len(paths), 'Python file')}", version_of(ground.runner)
    service = f"the service's Python {own[0]}.{own[1]}" if own else "the platform's Python"
    if not unread:
        by = f", {len(newer)} by {service}, because their syntax is newer than the platform's Python" if newer else ""
        return ReadinessStep("syntax", OK, tried, f"all parsed{by}")
    text = f"{counted(len(unread), 'file')} cannot be parsed by {service}: {', '.join(unread[:5])}"
    fix = "correct the syntax of these files, or set python to the version they are written for"
    return ReadinessStep("syntax", UNSURE, tried, text, fix)


def _parses(path: Path) -> bool:
    try:
        sources.tree_of(path.read_text("utf-8"))
    except sources.UNREADABLE:
        return False
    return True


def _imports(ground: Ground, tree: Path) -> ReadinessStep:
    started = time.monotonic()
    modules = _modules(ground, tree)
    tried = f"imported {counted(len(modules), 'module')} of the source in the sandbox"
    with desk(tree) as made:
        made.put("job", json.dumps(modules))
        code = script(Path(str(imports_inside.__file__)))
        done = ground.runner.run(["python", "-P", "-c", code, made.name], tree, IMPORTS_SECONDS)
        report = dict(made.report()[0])
    failed = {name: why for name, why in report.items() if why}
    if len(report) < len(modules):
        failed["the rest"] = done.stopped or done.stderr.strip()[-300:] or "the run ended early"
    if not failed:
        state, text = (OK, "all can be imported") if modules else (NOT_TRIED, "no module found")
        return ReadinessStep("imports", state, tried, text, seconds=_since(started))
    shown = "; ".join(f"{name}: {why}" for name, why in list(failed.items())[:5])
    text = f"{len(failed)} of {counted(len(modules), 'module')} failed: {shown}"
    fix = "add missing packages to the service's requirements, or set environment_build, services or environment"
    return ReadinessStep("imports", UNSURE if len(failed) < len(modules) else FAULT, tried, text, fix, _since(started))


def _modules(ground: Ground, tree: Path) -> list[str]:
    """The importable modules of the source, as many as are tried."""
    within = tuple("" if folder == "." else f"{folder}/" for folder in ground.repository.source)
    with sources.rooted(interpreter_of(ground.runner).roots):
        modules = [sources.module_of(path) for path in sources.files(tree) if path.startswith(within)]
    return [name for name in modules if sources.importable(name) and name not in ("setup", "conftest")][:MODULES]


def _tests(ground: Ground, tree: Path, limit: float) -> ReadinessStep:
    command = ground.repository.test_command
    result = run_tests(tree, command, ground.runner, timeout=limit)
    tried = f"ran {' '.join(command)} in the sandbox, as for every fix"
    ran, failures = test.counts(result)
    seconds = round(result.done.seconds, 1) if result.done else 0.0
    if why := _unfinished(result, ran, limit):
        return ReadinessStep("tests", FAULT, tried, *why, seconds)
    if failures:
        names = ", ".join(sorted(test.failed(result))[:8])
        if failures == ran:
            text = f"no test passes, so the tests cannot judge a fix: {names}"
            return ReadinessStep(
                "tests", FAULT, tried, text, "run test_command by hand and fix its first error", seconds
            )
        text = f"{failures} of {counted(ran, 'test')} fail already, so they do not block a fix: {names}"
        return ReadinessStep("tests", UNSURE, tried, text, "fix these tests, or provide what they need", seconds)
    return ReadinessStep("tests", OK, tried, f"{counted(ran, 'test')} passed", seconds=seconds)


def _unfinished(run: Tests, ran: int, limit: float) -> tuple[str, str] | None:
    """(why the test run gave no result, how to fix that); None if it gave one."""
    if run.done and run.done.timed_out:
        text = f"too slow: the suite did not finish within {limit:.0f} s; each fix is judged by its related tests"
        return text, "set a faster test_command, or raise fix.tests_seconds"
    output = "" if run.done is None else (run.done.stderr.strip() or run.done.stdout.strip())[-800:]
    if not run.finished:
        broken = "; ".join(f"{name}: {text.splitlines()[0][:300]}" for name, text in run.results.items() if text)
        return f"the run did not finish: {broken or output}", "set test_command to a command that runs pytest"
    return (f"no test ran: {output}", "set tests and test_command in platform.toml") if not ran else None


def _health(rt: Runtime, repository: Repository) -> ReadinessStep:
    if not repository.production_url:
        return ReadinessStep("health", NOT_TRIED, "", "production_url is not set", "set it to watch releases")
    url = f"{repository.production_url.rstrip('/')}{repository.health_path}"
    why = rt.probe(url)
    fix = "correct production_url or health_path in platform.toml" if why else ""
    return ReadinessStep("health", FAULT if why else OK, f"GET {url}", why or "returned 200", fix)


def _webhooks(settings: Settings) -> Iterator[ReadinessStep]:
    with store.read() as session:
        last = {vendor: at for vendor, at in _received(session)}
    for vendor, setting in HOOKS.items():
        what, where = f"webhook of {vendor}", f"{settings.public_url}/hooks/{vendor}"
        if not getattr(settings, setting).get_secret_value():
            yield ReadinessStep(what, NOT_TRIED, "", f"{setting.upper()} is not set, so {where} is closed")
        elif vendor in last:
            yield ReadinessStep(what, OK, "looked for a verified delivery", f"last delivery: {last[vendor]:%F %T} UTC")
        else:
            fix = f"send a test delivery from {vendor} to {where}"
            text = "no delivery yet, so it is unknown whether one would arrive"
            yield ReadinessStep(what, UNSURE, "looked for a verified delivery", text, fix)


def _received(session: Session):
    return session.exec(select(Webhook.vendor, func.max(col(Webhook.received_at))).group_by(Webhook.vendor)).all()


def _tokens(rt: Runtime, repository: Repository) -> Iterator[ReadinessStep]:
    for name, check in registry.checks(rt.settings):
        off = check.message.startswith("not connected")
        state = OK if check.ok else NOT_TRIED if off else FAULT
        tried = "" if off else "sent a request with the configured credential"
        yield ReadinessStep(f"access to {name}", state, tried, check.message, check.fix)
    host = registry.github(rt.settings)
    if host is not None and repository.github:
        yield _rights(host, repository.github)


def _rights(host: GitHub, github: str) -> ReadinessStep:
    what, tried = "rights of GITHUB_TOKEN", f"asked GitHub for the token's rights in {github}"
    try:
        rights = host.permissions(github)
    except VendorError as error:
        return ReadinessStep(what, FAULT, tried, error.message, "see the step 'access to github'")
    if not rights:
        text = "GitHub does not report the rights of this kind of token; the step 'push' tests write access"
        return ReadinessStep(what, NOT_TRIED, tried, text)
    granted = ", ".join(sorted(name for name, given in rights.items() if given))
    if rights.get("push"):
        return ReadinessStep(what, OK, tried, granted)
    return ReadinessStep(
        what, FAULT, tried, granted, "give the token read and write access to contents and pull requests"
    )


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)
