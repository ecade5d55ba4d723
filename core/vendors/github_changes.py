"""GitHub's merges, deployments, releases and workflow runs as changes, by webhook and by API alike. Pure.

A change has the same identity both ways, so that it is one signal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.models import Kind, Record
from core.models.enums import PENDING
from core.vendors.redact import Redacting
from core.vendors.values import mapping, text

ENDED = ("success", "failure", "error")  # of a deployment; "inactive" follows from a later one and is no change
Facts = Mapping[str, Any]  # further attributes of a record


def merge(
    pull: dict, repository: str, http: Redacting, service: str = "", by: str = "", facts: Facts | None = None
) -> Record:
    """A pull request that was merged or closed, with further ``facts`` on it.

    ``release`` is its merge commit on the base branch.
    """
    merged = bool(pull.get("merged_at")) or pull.get("merged") is True
    sha = text(pull.get("merge_commit_sha")) if merged else ""
    end, number = "merged" if merged else "closed", int(pull["number"])
    head, base = mapping(pull.get("head")), mapping(pull.get("base"))
    return change(
        repository,
        http,
        service=service,
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
        by=text(mapping(pull.get("merged_by")).get("login")) or by,
        **facts or {},
    )


def pending(pull: dict, repository: str, http: Redacting, facts: Facts) -> Record:
    """An open pull request; each update of it is a record of its own."""
    number, head = int(pull["number"]), text(mapping(pull.get("head")).get("sha"))
    made = change(
        repository,
        http,
        name=f"!{number}:open@{pull['updated_at']}",
        at=pull["updated_at"],
        title=f"Open pull request {number}: {text(pull.get('title'))}",
        url=pull.get("html_url"),
        pull_request=number,
        head=head,
        **facts,
    )
    return made.model_copy(update={"level": PENDING})


def deployment(made: dict, status: dict, repository: str, http: Redacting, service: str = "") -> Record:
    """A deployment, or the end of one by its status."""
    state, place = text(status.get("state")) or "created", text(made.get("environment")) or "production"
    return change(
        repository,
        http,
        service=service,
        name=f"/deployments/{made['id']}:{state}",
        at=status.get("created_at") or made["created_at"],
        release=text(made.get("sha")),
        title=f"Deployment of {text(made.get('ref'))} to {place}: {state}",
        url=status.get("environment_url") or status.get("target_url"),
        environment=place.lower(),
        deployment=made["id"],
        state=state,
    )


def release(made: dict, repository: str, http: Redacting, service: str = "") -> Record:
    tag = text(made.get("tag_name"))
    return change(
        repository,
        http,
        service=service,
        name=f"/releases/{made['id']}",
        at=made.get("published_at") or made["created_at"],
        release=tag,
        title=f"Release {tag} {text(made.get('name'))}".strip(),
        url=made.get("html_url"),
        tag=tag,
    )


def run(row: dict, repository: str, http: Redacting, service: str = "") -> Record:
    """A workflow run that ended."""
    conclusion = text(row.get("conclusion"))
    return change(
        repository,
        http,
        service=service,
        name=f"/runs/{row['id']}:{text(row.get('run_attempt')) or 1}",
        at=row["updated_at"],
        release=text(row.get("head_sha")),
        title=f"Workflow {text(row.get('name'))}: {conclusion}",
        url=row.get("html_url"),
        workflow=text(row.get("path")) or text(row.get("name")),
        run=row["id"],
        conclusion=conclusion,
    )


def reviewed(reviews: Sequence[dict]) -> dict[str, int]:
    """How many people approve, and how many ask for changes: the latest review of each that is no comment counts."""
    latest = {
        text(mapping(row.get("user")).get("login")): state
        for row in reviews
        if (state := text(row.get("state")).upper()) in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
    }
    states = Counter(latest.values())
    return {"approvals": states["APPROVED"], "objections": states["CHANGES_REQUESTED"]}


def change(
    repository: str,
    http: Redacting,
    *,
    name: str,
    at: Any,
    title: str,
    service: str = "",
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
        service=service,
        environment=environment,
        release=release or None,
        level="info",
        title=http.redact(title)[:300],
        url=text(url),
        attributes={"repository": repository, "sha": release, **attributes},
    )
