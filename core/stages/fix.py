"""Fix: a patch with its regression test and proof, committed on a new branch."""

from __future__ import annotations

import difflib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, select

from core.audit import effects
from core.db import store
from core.models import ChangeSet, Crash, Issue, Kind
from core.models.templates import template_of
from core.ops.stage_log import Entry
from core.policy.services import Repository, Service
from core.repair.environment.fault import EnvironmentFault
from core.repair.judge.precision import REVERT, class_of
from core.repair.sandbox.runner import read_back
from core.repair.types import Candidate, Fixer, FixResult
from core.runtime import Runtime
from core.stages import (
    autonomy,
    comments,
    dependence,
    duplicate_fixes,
    fix_record,
    fixer_chain,
    performance,
    revert,
    workspace,
)
from core.stages.context import StageContext, StepContext
from core.stages.crashes import best_crash
from core.stages.deliver import live, release_checks
from core.stages.ground import Ground, ground
from core.stages.pull_request import fenced
from core.stages.results import Fix, FixAttempts, Rebased
from core.stages.security import fix as security_fix
from core.stages.security.bench import SecurityBench
from core.stages.workspace import Clone
from core.vendors.command import CommandError

SHOWN = 100_000  # characters of a proposal and of its files
NO_SANDBOX = (
    "This machine has no sandbox for repository code. Install bubblewrap, or allow the weaker runner with "
    "fix.allow_limited_runner in platform.toml."
)


def attempts(context: StepContext) -> FixAttempts:
    return FixAttempts(context.runtime.policy.fix.attempts)


def run(context: StageContext, feedback: list[str]) -> Fix:
    rt, issue_id, entry = context.runtime, context.issue_id, context.log
    with store.read() as session:
        issue = session.get_one(Issue, issue_id)
        done = _find(session, issue_id, context.run, context.attempt)
        crash, said = best_crash(session, issue_id), comments.feedback(session, issue_id)
    if done is None:
        done = _write(rt, issue, crash, context.run, context.attempt, [*feedback, *said])
    with store.read() as session:
        met = dependence.further_on(rt, session, issue, done)
    entry.message = done.note or done.title
    entry.detail = {"change_set": done.id, "generator": done.generator, "template": done.template}
    if not done.head_sha:
        entry.failed(done.note, "refused")
        return Fix(id=done.id, message=done.note, duplicate_of=done.proof.get("twin"), met=met)
    return Fix(ok=True, id=done.id, needs_approval=release_checks.needs_approval(done), met=met)


def _find(session: Session, issue_id: int, run: int, attempt: int) -> ChangeSet | None:
    return session.exec(
        select(ChangeSet).where(ChangeSet.issue_id == issue_id, ChangeSet.run == run, ChangeSet.attempt == attempt)
    ).first()


def _write(rt: Runtime, issue: Issue, crash: Crash | None, run: int, attempt: int, feedback: list[str]) -> ChangeSet:
    started = time.monotonic()
    change = ChangeSet(issue_id=issue.id, run=run, attempt=attempt, generator="none", status="refused")
    change.kind, change.note = template_of(issue.cause), _hopeless(rt, issue, crash)
    try:
        if not change.note:
            _repair(rt, issue, crash, change, feedback)
    except EnvironmentFault as fault:
        change.note = f"The service's environment could not be built. {fault}"
    except revert.Unfit as reason:
        change.note, change.generator = str(reason), REVERT
    change.seconds = round(time.monotonic() - started, 2)
    with store.write() as session:
        session.add(change)
    return change


def _hopeless(rt: Runtime, issue: Issue, crash: Crash | None) -> str:
    """Why no repair can be tried; empty if one can."""
    if crash is None and issue.kind is not Kind.SECURITY and not performance.concerns(issue):
        return "No report of this issue has a stack trace, so there is nothing to repair."
    return NO_SANDBOX if rt.runner is None else ""


def _repair(rt: Runtime, issue: Issue, crash: Crash | None, change: ChangeSet, feedback: list[str]) -> None:
    """Fill ``change`` with the result of the repair engine."""
    name, repository = rt.repository_of(issue.service)
    found = workspace.clone(rt, name, repository)
    change.base_sha = live.base_of(rt, name, found)
    label = f"issue-{issue.id}-{change.run}-{change.attempt}"
    with rt.workbench, workspace.tree(rt, found, label, change.base_sha) as root:
        code = ground(rt, name, repository, found, change.base_sha, root)
        at = _Workplace(rt, issue, change, found, code, root)
        _keep(at, _security(at, name) if issue.kind is Kind.SECURITY else _climbed(at, crash, feedback))
    if change.head_sha:
        _settle(rt, change, name)


@dataclass(frozen=True)
class _Workplace:
    """Where one change is written: ``root`` is a clean checkout of what production serves, ``code`` its ground."""

    rt: Runtime
    issue: Issue
    change: ChangeSet
    found: Clone
    code: Ground
    root: Path

    @property
    def tree(self) -> Path:
        return self.code.within(self.root)

    @property
    def service(self) -> Service:
        """The rules of all affected services together."""
        return self.rt.policy.together(self.issue.affected)


def _security(at: _Workplace, name: str) -> FixResult:
    rules, globs = at.rt.policy.fix.of(at.service), allowed(at.service, at.code.repository)
    bench = SecurityBench(at.rt, at.issue.id, name, at.code, at.root, rules, globs, at.service.forbidden)
    return security_fix.repair(bench, at.issue)


def _climbed(at: _Workplace, crash: Crash | None, feedback: Sequence[str]) -> FixResult:
    """The result of the fixers, one after the other."""
    job, repository = _job(at, crash), at.code.repository
    return fixer_chain.climb(
        at.issue.id,
        job.fixers,
        _refused(at.found, at.issue.id, at.change, at.code),
        work=job.work,
        tree=at.tree,
        crash=job.crash,
        rules=at.rt.policy.fix.of(at.service),
        allowed=allowed(at.service, repository),
        source=repository.source,
        tests=repository.tests,
        test_command=repository.test_command,
        runner=at.code.runner,
        feedback=[*feedback, *job.told],
    )


def _keep(at: _Workplace, result: FixResult) -> None:
    """Describe the result in the change; commit a fix, or show an unproved proposal."""
    change, code = at.change, at.code
    fix_record.describe(change, result, at.rt.policy.fix.models)
    change.proof["autonomy"] = _autonomy(at.rt, at.issue, result)
    change.test_path = code.path(change.test_path) if change.test_path else ""
    if result.decision == "fix" and result.candidate:
        _commit(at.found, at.issue, change, result.candidate, at.root, code)
    elif result.candidate and not result.test:
        change.proof["proposal"] = _difference(at.tree, result.candidate)


def _settle(rt: Runtime, change: ChangeSet, repository: str) -> None:
    """The status of a committed change; another issue's equal fix makes it a duplicate."""
    services = [name for name, service in rt.policy.services.items() if service.repository == repository]
    with store.read() as session:
        duplicate = duplicate_fixes.find(session, change, services)
    if duplicate is None:
        change.status = "proved" if change.proof.get("complete") else "unproved"
        return
    change.head_sha, change.status = "", "refused"
    change.note = f"Issue {duplicate.id} already has this fix in progress. A second pull request would be a duplicate."
    change.proof = {**change.proof, "twin": duplicate.id}


@dataclass(frozen=True)
class _Job:
    """Who repairs what: ``work`` runs one fixer, None for the repair of a crash; ``told`` goes to the models."""

    fixers: Sequence[Fixer]
    crash: Crash
    work: fixer_chain.Work | None = None
    told: Sequence[str] = ()


def _job(at: _Workplace, crash: Crash | None) -> _Job:
    rt, issue, found, base, code = at.rt, at.issue, at.found, at.change.base_sha, at.code
    if crash is None:  # only a slowdown is repaired without one
        slow = performance.slowdown(issue, found, code, at.tree)
        fixers = performance.fixers(rt, issue, found, base, slow, code)
        return _Job(fixers, slow.report, performance.work(slow), performance.told(slow))
    if issue.reverts:
        return _Job([revert.fixer(found, base, issue.reverts, code)], code.unprefixed(crash))
    return _Job(fixer_chain.ordered(rt.fixers, rt.policy.fix.order), code.unprefixed(crash))


def _difference(tree: Path, candidate: Candidate) -> str:
    """What an unproved proposal would change, for a person to read."""
    lines: list[str] = []
    for path, new in candidate.files.items():
        old = read_back(tree / path, SHOWN)
        lines += difflib.unified_diff(old.splitlines(), new.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return "\n".join(lines)[:SHOWN]


def _commit(found: Clone, issue: Issue, change: ChangeSet, candidate: Candidate, root: Path, code: Ground) -> None:
    """Commit only the candidate's files and its test. Nothing is pushed yet."""
    names = [*map(code.path, candidate.files), *([change.test_path] if change.test_path else [])]
    files = workspace.texts(root, names)
    message = _message(issue, candidate, change.test_path)
    made = found.commit(workspace.ref_of(change), change.base_sha, files, message)
    change.head_sha, change.commit, change.patch = made.sha, made.text, made.patch
    change.patch_hash = found.patch_hash(made.patch)


def _refused(found: Clone, issue_id: int, change: ChangeSet, code: Ground) -> list[dict[str, str]]:
    """The new texts of the files of this run's earlier attempts, each of which the review rejected."""
    with store.read() as session:
        rows = session.exec(
            select(ChangeSet).where(
                ChangeSet.issue_id == issue_id, ChangeSet.run == change.run, ChangeSet.head_sha != ""
            )
        ).all()
    return [_texts(found, row, code) for row in rows if row.attempt != change.attempt]


def _texts(found: Clone, row: ChangeSet, code: Ground) -> dict[str, str]:
    found.restore(row)
    names = found.diff(row.base_sha, row.head_sha, "--no-renames", "--name-only", "-z").split("\0")
    changed = [name for name in names if name and name != row.test_path]
    return {code.inner(name): found.git("show", f"{row.head_sha}:{name}") for name in changed}


def allowed(service: Service, repository: Repository) -> list[str]:
    """Globs that a fix of this service may touch."""
    return service.paths or ["**" if folder == "." else f"{folder}/**" for folder in repository.source]


def _autonomy(rt: Runtime, issue: Issue, result: FixResult) -> dict:
    """Whether the fix may be released without a person, and why; kept with the change. Each affected service must allow
    it.
    """
    if result.candidate is None:
        return {"may": False, "says": "there is no fix", "class": ""}
    kind = class_of(result.candidate)
    if issue.kind is Kind.SECURITY:
        return {"may": False, "says": autonomy.BY_A_PERSON, "class": kind}
    if result.benchmark:
        return {"may": False, "says": performance.BY_A_PERSON, "class": kind}
    with store.read() as session:
        known = [name for name in issue.affected if name in rt.policy.services]
        every = [autonomy.of(session, rt.policy, name, kind) for name in known]
    found = next((one for one in every if not one.may), every[0])
    if why := _undecided(result):
        return {"may": False, "says": f"{why}, so a person decides", "class": found.name}
    return {"may": found.may, "says": found.message, "class": found.name}


def _undecided(result: FixResult) -> str:
    if result.behaviours:
        return "several fixes behave differently"
    return "the right result is not known" if result.proof.open else ""


def _message(issue: Issue, candidate: Candidate, test: str) -> str:
    """The commit message. Title and rationale are untrusted: one line each, without trailers."""
    why = fenced(candidate.rationale, 1000)
    return f"Fix {fenced(issue.title, 60)}\n\n{why}\n\nRegression test: {test or 'none'}\nIssue: {issue.id}\n"


def rebase(context: StageContext, change_id: int) -> Rebased:
    """Rebase the change onto the commit that production serves now. If the patch changes, it needs a new approval.

    In the result, ``again`` means: check once more before the release, because production may change during the tests.
    ``seconds`` is how long production's own deployment must still serve, so that its faults are not attributed to this
    release.
    """
    rt, issue_id, entry = context.runtime, context.issue_id, context.log
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
        tested = release_checks.tested(session, change)
    name, repository = rt.repository_of(issue.service)
    found = workspace.clone_with(rt, name, repository, change)
    base = live.base_of(rt, name, found)
    if base == change.base_sha and not tested:
        entry.message = "The tests have not passed on the commit that production serves. They run again."
        return Rebased(ok=True, moved=True, again=True)
    if base in (change.base_sha, change.head_sha):
        entry.message = "Production has not changed since the fix was written."
        return Rebased(ok=True, seconds=live.young(rt, name))
    try:
        moved = found.moved(change, base)
    except CommandError as error:
        logging.getLogger(__name__).info("issue %s: %s", issue_id, error)
        return _stale(entry, "Production has changed, and the fix no longer applies.")
    if found.patch_hash(moved.patch) != change.patch_hash:
        return _stale(entry, "Production has changed, and rebasing changed the patch.")
    found.push(moved.sha, change.branch)
    effects.of_issue(issue_id, "push", moved.sha, branch=change.branch, sha=moved.sha)
    with store.write() as session:
        row = session.get_one(ChangeSet, change_id)
        row.base_sha, row.head_sha, row.commit, row.patch = base, moved.sha, moved.text, moved.patch
    entry.message = f"Production has changed. The fix was rebased onto {base[:8]}."
    return Rebased(ok=True, moved=True, again=True)


def _stale(entry: Entry, message: str) -> Rebased:
    """The fix must be written and judged again, on what production serves now."""
    entry.failed(message)
    return Rebased(stale=True, message=message)
