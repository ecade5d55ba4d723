"""GitHub: pushes as commits, issues as reports; deployments, releases, merges and workflow runs as changes. Pure.

The event is the header ``X-GitHub-Event`` (https://docs.github.com/webhooks/webhook-events-and-payloads).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.inputs.hooks import HookContext, mapping, text
from core.models import Kind, Record
from core.models.inputs import Payload
from core.vendors import github

ENDED = ("success", "failure", "error", "inactive")


def read(payload: Payload, context: HookContext) -> list[Record]:
    body = mapping(payload.body)
    repository = text(mapping(body.get("repository")).get("full_name"))
    make = EVENTS.get(payload.kind)
    return [*make(body, repository, context)] if make and repository else []


def _push(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    """The commits of the main branch, as a collection cycle reads them."""
    if body.get("ref") != f"refs/heads/{mapping(body.get('repository')).get('default_branch')}":
        return
    for commit in body.get("commits") or []:
        files = [name for part in ("added", "modified", "removed") for name in commit.get(part) or []]
        row = {
            "sha": commit["id"],
            "commit": {"message": commit["message"], "committer": {"date": commit["timestamp"]}},
            "html_url": commit.get("url"),
        }
        yield github.change(row, repository, files, context)


def _issue(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    issue = mapping(body.get("issue"))
    if issue.get("state") == "open" and "pull_request" not in issue:
        yield github.report(issue, repository, context)


def _pull(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    """A pull request that was merged or closed. ``release`` is its merge commit on the base branch."""
    pull = mapping(body.get("pull_request"))
    if body.get("action") != "closed":
        return
    merged = pull.get("merged") is True
    sha = text(pull.get("merge_commit_sha")) if merged else ""
    end = "merged" if merged else "closed"
    head, base = mapping(pull.get("head")), mapping(pull.get("base"))
    number = int(pull["number"])
    yield _change(
        body,
        repository,
        context,
        name=f"!{number}:{end}",
        at=pull["closed_at"],
        release=sha,
        title=f"Pull request {number} {end}: {text(pull.get('title'))}",
        url=pull.get("html_url"),
        pull_request=number,
        merged=merged,
        merge_commit=sha,
        head=text(head.get("sha")),
        branch=text(head.get("ref")),
        base=text(base.get("ref")),
        by=text(mapping(pull.get("merged_by") or body.get("sender")).get("login")),
    )


def _deployment(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    made, status = mapping(body.get("deployment")), mapping(body.get("deployment_status"))
    state = text(status.get("state")) or "created"
    if status and state not in ENDED:
        return
    place = text(made.get("environment")) or "production"
    yield _change(
        body,
        repository,
        context,
        name=f"/deployments/{made['id']}:{state}",
        at=status.get("created_at") or made["created_at"],
        release=text(made.get("sha")),
        title=f"Deployment of {text(made.get('ref'))} to {place}: {state}",
        url=status.get("environment_url") or status.get("target_url"),
        environment=place.lower(),
        deployment=made["id"],
        state=state,
    )


def _release(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    made = mapping(body.get("release"))
    if body.get("action") not in ("published", "released"):
        return
    tag = text(made.get("tag_name"))
    yield _change(
        body,
        repository,
        context,
        name=f"/releases/{made['id']}",
        at=made.get("published_at") or made["created_at"],
        release=tag,
        title=f"Release {tag} {text(made.get('name'))}".strip(),
        url=made.get("html_url"),
        tag=tag,
    )


def _workflow(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    run = mapping(body.get("workflow_run"))
    main = mapping(body.get("repository")).get("default_branch")
    if body.get("action") != "completed" or run.get("head_branch") != main:
        return
    conclusion = text(run.get("conclusion"))
    yield _change(
        body,
        repository,
        context,
        name=f"/runs/{run['id']}:{text(run.get('run_attempt')) or 1}",
        at=run["updated_at"],
        release=text(run.get("head_sha")),
        title=f"Workflow {text(run.get('name'))}: {conclusion}",
        url=run.get("html_url"),
        workflow=text(run.get("path")) or text(run.get("name")),
        run=run["id"],
        conclusion=conclusion,
    )


def _change(
    body: dict,
    repository: str,
    context: HookContext,
    *,
    name: str,
    at: Any,
    title: str,
    release: str = "",
    url: Any = "",
    environment: str = "production",
    **attributes: Any,
) -> Record:
    return Record(
        source="github",
        vendor_id=f"{repository}{name}",
        kind=Kind.CHANGE,
        at=at,
        service=context.service_of_repository(repository),
        environment=environment,
        release=release or None,
        level="info",
        title=context.redact(title)[:300],
        url=text(url),
        attributes={"repository": repository, "sha": release, **attributes},
    )


EVENTS: dict[str, Callable[[dict, str, HookContext], Iterator[Record]]] = {
    "push": _push,
    "issues": _issue,
    "pull_request": _pull,
    "deployment": _deployment,
    "deployment_status": _deployment,
    "release": _release,
    "workflow_run": _workflow,
}
