"""Whether the platform can work for a repository: each step is tried for real, and says what was tried and what came.

A step that was not tried says why; nothing is called good that was not seen to work.
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
    """One step. ``state`` is ok, fault, unsure (it works in part) or not tried; ``says`` is what came of it."""

    what: str
    state: str
    tried: str
    says: str
    fix: str = ""
    seconds: float = 0.0


def examine(rt: Runtime, name: str) -> Iterator[ReadinessStep]:
    """The steps in their order, each as soon as it is done. A fault ends what depends on it, and that is said."""
    repository = rt.policy.repositories.get(name)
    if repository is None:
        known = ", ".join(sorted(rt.policy.repositories)) or "none"
        yield ReadinessStep(
            "policy", FAULT, f"repositories.{name} in {rt.settings.platform_file}",
            rt.policy_error or f"there is no such repository; there are: {known}", "correct the name, or add it",
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
        says = Redactor()(str(error))
        fix = f"check repositories.{name}.remote, and that this machine and GITHUB_TOKEN may read it"
        yield ReadinessStep("clone", FAULT, f"git fetch of {remote}", says, fix, _since(started))
        yield from _left("clone", "branch", "environment", "imports", "tests")
        return
    yield ReadinessStep("clone", OK, f"git fetch of {remote}", "all branches were fetched", seconds=_since(started))
    head, step = _branch(name, found)
    yield step
    yield _pushes(found, head) if head else ReadinessStep("push", NOT_TRIED, "", "there is no branch to start from")
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
        return head, ReadinessStep("branch", OK, tried, f"{wanted} stands at {head[:12]}")
    except CommandError:
        there = found.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin").split()
        says = f"there is no branch {wanted}; there are: {', '.join(there[:12]) or 'none'}"
        return "", ReadinessStep("branch", FAULT, tried, says, f"correct repositories.{name}.branch in platform.toml")


def _pushes(found: Clone, head: str) -> ReadinessStep:
    tried = "git push --dry-run of a branch of the platform; nothing is written"
    try:
        found.try_push(head)
        return ReadinessStep("push", OK, tried, "the remote would take it")
    except CommandError as error:
        fix = "give GITHUB_TOKEN (or the ssh key of this machine) the right to write contents"
        return ReadinessStep("push", FAULT, tried, Redactor()(str(error)), fix)


def _run(rt: Runtime, name: str, repository: Repository, root: Path) -> Iterator[ReadinessStep]:
    if rt.runner is None:
        why = "there is no sandbox for repository code; install bubblewrap"
        yield ReadinessStep("environment", FAULT, "a sandbox", why, "see the line on the sandbox in the general check")
        yield from _left("environment", "imports", "tests")
        return
    started = time.monotonic()
    tried = "read its manifests, and build what they name with uv in a sandbox"
    try:
        stands = prepared(rt, name, repository, root)
    except EnvironmentFault as fault:
        yield ReadinessStep("environment", FAULT, tried, fault.says, fault.fix, _since(started))
        yield from _left("environment", "imports", "tests")
        return
    yield _layout(stands, repository)
    yield _environment(stands, tried, _since(started))
    tree = stands.within(root)
    yield from (_syntax(stands, tree), _imports(stands, tree), _tests(stands, tree, rt.policy.fix.tests_seconds))


def _left(after: str, *names: str) -> Iterator[ReadinessStep]:
    for name in names:
        yield ReadinessStep(name, NOT_TRIED, "", f"the step {after!r} has to work first")


def _layout(stands: Ground, given: Repository) -> ReadinessStep:
    found, told = stands.repository, []
    for key in ("folder", "source", "tests", "test_command"):
        value = getattr(found, key)
        how = "set" if key in given.model_fields_set else "the default" if key == "test_command" else "found"
        told.append(f"{key} = {json.dumps(value)} ({how})")
    fix = "set what is wrong in platform.toml" if set(given.model_fields_set) < {"folder", "source", "tests"} else ""
    return ReadinessStep("layout", OK, "looked where its source and tests are", "; ".join(told), fix)


def _environment(stands: Ground, tried: str, seconds: float) -> ReadinessStep:
    made = stands.environment
    servers = [f"a {one.name} of its own at {one.variable}" for one in stands.servers.all]
    how = "from the cache" if made.found else f"built in {made.seconds:.0f} s"
    return ReadinessStep(
        "environment", OK, tried, "; ".join([f"{made.says}, {how}", *made.notes, *servers]), seconds=seconds
    )


def _syntax(stands: Ground, tree: Path) -> ReadinessStep:
    """The platform reads the code too: what its own parser does not know, the service's interpreter parses."""
    paths = [*sources.files(tree), *sources.files(tree, tests=True)]
    newer = [path for path in paths if not _parses(tree / path)]
    with sources.reading(reader(stands.runner)):
        unread = [path for path in newer if not _parses(tree / path)]
    tried, own = f"read {counted(len(paths), 'Python file')}", version_of(stands.runner)
    service = f"the service's Python {own[0]}.{own[1]}" if own else "the platform's Python"
    if not unread:
        by = f", {len(newer)} of them by {service}: their syntax is newer than the platform's Python" if newer else ""
        return ReadinessStep("syntax", OK, tried, f"all of them are understood{by}")
    says = f"{counted(len(unread), 'file')} cannot be read by {service}: {', '.join(unread[:5])}"
    fix = "correct the syntax of these files, or set python to the version that they are written for"
    return ReadinessStep("syntax", UNSURE, tried, says, fix)


def _parses(path: Path) -> bool:
    try:
        sources.tree_of(path.read_text("utf-8"))
    except sources.UNREADABLE:
        return False
    return True


def _imports(stands: Ground, tree: Path) -> ReadinessStep:
    started = time.monotonic()
    within = tuple("" if folder == "." else f"{folder}/" for folder in stands.repository.source)
    with sources.rooted(interpreter_of(stands.runner).roots):
        modules = [sources.module_of(path) for path in sources.files(tree) if path.startswith(within)]
    modules = [name for name in modules if sources.importable(name) and name not in ("setup", "conftest")][:MODULES]
    tried = f"imported {counted(len(modules), 'module')} of the source in the sandbox"
    with desk(tree) as made:
        made.put("job", json.dumps(modules))
        code = script(Path(str(imports_inside.__file__)))
        done = stands.runner.run(["python", "-P", "-c", code, made.name], tree, IMPORTS_SECONDS)
        told = dict(made.report()[0])
    failed = {name: why for name, why in told.items() if why}
    if len(told) < len(modules):
        failed["the rest"] = done.stopped or done.stderr.strip()[-300:] or "the run ended before"
    if not failed:
        return ReadinessStep("imports", OK if modules else NOT_TRIED, tried, "all of them can be imported" if modules
                             else "no module was found", seconds=_since(started))  # fmt: skip
    says = "; ".join(f"{name}: {why}" for name, why in list(failed.items())[:5])
    fix = "name what is missing in the service's requirements, or set environment_build, services or environment"
    state = UNSURE if len(failed) < len(modules) else FAULT
    return ReadinessStep("imports", state, tried, f"{len(failed)} of {len(modules)} fail: {says}", fix, _since(started))


def _tests(stands: Ground, tree: Path, limit: float) -> ReadinessStep:
    command = stands.repository.test_command
    told = run_tests(tree, command, stands.runner, timeout=limit)
    tried = f"{' '.join(command)} in the sandbox, as every fix is proved"
    ran, failures = test.counts(told)
    seconds = round(told.done.seconds, 1) if told.done else 0.0
    if why := _unfinished(told, ran, limit):
        return ReadinessStep("tests", FAULT, tried, *why, seconds)
    if failures:
        names = ", ".join(sorted(test.failed(told))[:8])
        if failures == ran:
            says = f"no test passes, so the tests say nothing about a fix: {names}"
            return ReadinessStep(
                "tests", FAULT, tried, says, "run test_command by hand, and look at its first error", seconds
            )
        says = f"{failures} of {counted(ran, 'test')} fail and are known by name, so that they block no fix: {names}"
        return ReadinessStep("tests", UNSURE, tried, says, "mend them, or look at what they need", seconds)
    return ReadinessStep("tests", OK, tried, f"{counted(ran, 'test')} passed", seconds=seconds)


def _unfinished(told: Tests, ran: int, limit: float) -> tuple[str, str] | None:
    """Why a run of the tests says nothing, and the way out."""
    if told.done and told.done.timed_out:
        says = f"too slow: the suite did not end within {limit:.0f} s; fixes are judged by their related tests"
        return says, "set a faster test_command, or raise fix.tests_seconds"
    said = "" if told.done is None else (told.done.stderr.strip() or told.done.stdout.strip())[-800:]
    if not told.finished:
        broken = "; ".join(f"{name}: {text.splitlines()[0][:300]}" for name, text in told.results.items() if text)
        return f"the run did not come to its end: {broken or said}", "set test_command to a command that runs pytest"
    return (f"no test ran: {said}", "set tests and test_command in platform.toml") if not ran else None


def _health(rt: Runtime, repository: Repository) -> ReadinessStep:
    if not repository.production_url:
        return ReadinessStep("health", NOT_TRIED, "", "production_url is not set", "set it to have releases watched")
    url = f"{repository.production_url.rstrip('/')}{repository.health_path}"
    why = rt.probe(url)
    fix = "correct production_url or health_path in platform.toml" if why else ""
    return ReadinessStep("health", FAULT if why else OK, f"GET {url}", why or "it answered 200", fix)


def _webhooks(settings: Settings) -> Iterator[ReadinessStep]:
    with store.read() as session:
        last = {vendor: at for vendor, at in _received(session)}
    for vendor, setting in HOOKS.items():
        what, where = f"webhook of {vendor}", f"{settings.public_url}/hooks/{vendor}"
        if not getattr(settings, setting).get_secret_value():
            yield ReadinessStep(what, NOT_TRIED, "", f"{setting.upper()} is not set, so {where} is closed")
        elif vendor in last:
            yield ReadinessStep(
                what, OK, "looked for a verified delivery", f"the last one came {last[vendor]:%F %T} UTC"
            )
        else:
            fix = f"send a test delivery from {vendor} to {where}"
            says = "none has come yet, so it is not known whether it would arrive"
            yield ReadinessStep(what, UNSURE, "looked for a verified delivery", says, fix)


def _received(session: Session):
    return session.exec(select(Webhook.vendor, func.max(col(Webhook.received_at))).group_by(Webhook.vendor)).all()


def _tokens(rt: Runtime, repository: Repository) -> Iterator[ReadinessStep]:
    for name, check in registry.checks(rt.settings):
        off = check.says.startswith("not connected")
        state = OK if check.ok else NOT_TRIED if off else FAULT
        tried = "" if off else "asked with the credential that is set"
        yield ReadinessStep(f"access to {name}", state, tried, check.says, check.fix)
    host = registry.github(rt.settings)
    if host is None or not repository.github:
        return
    tried = f"asked GitHub what the token may do in {repository.github}"
    try:
        rights = host.permissions(repository.github)
    except VendorError as error:
        yield ReadinessStep("rights of GITHUB_TOKEN", FAULT, tried, error.message, "see access to github")
        return
    if not rights:
        says = "GitHub does not say it of this kind of token; the step 'push' tried to write"
        yield ReadinessStep("rights of GITHUB_TOKEN", NOT_TRIED, tried, says)
        return
    said = ", ".join(sorted(name for name, given in rights.items() if given))
    fix = "" if rights.get("push") else "give it contents and pull requests: read and write"
    yield ReadinessStep("rights of GITHUB_TOKEN", OK if rights.get("push") else FAULT, tried, said, fix)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)
