"""GitHub: pushes as commits, issues as reports; deployments, releases, merges and workflow runs as changes. Pure.

The event is the header ``X-GitHub-Event`` (https://docs.github.com/webhooks/webhook-events-and-payloads).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.inputs.hooks import HookContext, mapping, text
from core.models import Record
from core.models.inputs import Payload
from core.vendors import github
from core.vendors import github_changes as changes


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
    """A pull request that was merged or closed."""
    pull = mapping(body.get("pull_request"))
    if body.get("action") == "closed":
        by = text(mapping(body.get("sender")).get("login"))
        yield changes.merge(pull, repository, context, context.service_of_repository(repository), by)


def _deployment(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    made, status = mapping(body.get("deployment")), mapping(body.get("deployment_status"))
    if not status or text(status.get("state")) in changes.ENDED:
        yield changes.deployment(made, status, repository, context, context.service_of_repository(repository))


def _release(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    if body.get("action") in ("published", "released"):
        made = mapping(body.get("release"))
        yield changes.release(made, repository, context, context.service_of_repository(repository))


def _workflow(body: dict, repository: str, context: HookContext) -> Iterator[Record]:
    run = mapping(body.get("workflow_run"))
    main = mapping(body.get("repository")).get("default_branch")
    if body.get("action") == "completed" and run.get("head_branch") == main:
        yield changes.run(run, repository, context, context.service_of_repository(repository))


EVENTS: dict[str, Callable[[dict, str, HookContext], Iterator[Record]]] = {
    "push": _push,
    "issues": _issue,
    "pull_request": _pull,
    "deployment": _deployment,
    "deployment_status": _deployment,
    "release": _release,
    "workflow_run": _workflow,
}
