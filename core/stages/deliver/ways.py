"""The way to production of each repository: a table of the policy's ``delivery`` values."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

from dotenv import dotenv_values

from core.models import ChangeSet, Deployment
from core.ops import fencing
from core.policy.reader import ConfigurationError, Policy
from core.policy.services import Repository
from core.runtime import Runtime
from core.settings import env_file
from core.stages.deliver import by_pull_request, exports, traffic
from core.stages.deliver.by_pull_request import PullRequests
from core.vendors.delivery import argo, commands, github_actions, kubernetes, vercel
from core.vendors.delivery.commands import CommandDelivery
from core.vendors.delivery.github_actions import ActionsDelivery
from core.vendors.delivery.types import Deliverer, ReleaseOrder
from core.vendors.delivery.vercel import VercelDelivery


def _vercel(rt: Runtime, name: str, repository: Repository) -> Deliverer:
    if rt.vercel is None:
        raise ConfigurationError("set VERCEL_TOKEN to deploy with Vercel")
    return VercelDelivery(rt.vercel, repository, _held(rt))


def _held(rt: Runtime) -> dict[str, str]:
    """The variables of the platform: its environment, which goes before the file beside platform.toml."""
    beside = {name: value for name, value in dotenv_values(env_file(rt.settings)).items() if value is not None}
    return beside | os.environ


def _commands(rt: Runtime, name: str, repository: Repository) -> Deliverer:
    return CommandDelivery(repository, partial(exports.of, rt, name, repository), _held(rt))


def _actions(rt: Runtime, name: str, repository: Repository) -> Deliverer:
    http = getattr(rt.host, "http", None)
    if http is None:
        raise ConfigurationError("set GITHUB_TOKEN to deploy with GitHub Actions")
    return ActionsDelivery(http, repository)


def _kubernetes(rt: Runtime, name: str, repository: Repository) -> Deliverer:
    if rt.cluster is None:
        raise ConfigurationError("set KUBERNETES_API_URL and KUBERNETES_TOKEN to deploy with Kubernetes")
    return argo.delivery(rt.cluster, repository)


WAYS: dict[str, Callable[[Runtime, str, Repository], Deliverer]] = {
    "pull_request": PullRequests,
    "github_actions": _actions,
    "commands": _commands,
    "vercel": _vercel,
    "kubernetes": _kubernetes,
}
BY_HAND: dict[str, Callable[[Repository, ReleaseOrder], str]] = {
    "pull_request": by_pull_request.by_hand,
    "github_actions": github_actions.by_hand,
    "commands": commands.by_hand,
    "vercel": vercel.by_hand,
    "kubernetes": kubernetes.by_hand,
}


def of(rt: Runtime, name: str) -> Deliverer:
    """The repository's way to production. Raises ConfigurationError when it is not connected."""
    repository = rt.policy.repositories[name]
    return cast(Deliverer, fencing.around(WAYS[repository.way](rt, name, repository), fencing.DEPLOYS))


def find(rt: Runtime, name: str) -> Deliverer | None:
    """Like ``of``, but None when it is not connected."""
    try:
        return of(rt, name)
    except ConfigurationError:
        return None


def order_of(row: Deployment, change: ChangeSet | None = None, preview: str = "") -> ReleaseOrder:
    """The order for the release of a deployment's row."""
    branch = change.branch if change else ""
    return ReleaseOrder(row.key, row.sha, branch, preview, row.vendor_id, row.previous_vendor_id, traffic.steps(row))


def by_hand(row: Deployment, policy: Policy) -> str:
    """The command for a manual rollback, without the platform."""
    repository = policy.repositories.get(row.repository) or Repository(remote="", vercel_project=row.repository)
    if not row.previous_vendor_id:
        return "there is no earlier deployment; deploy a good commit"
    merged = row.judged.get("merged", {}).get("sha")  # where people merge, what they would revert
    return BY_HAND[repository.way](repository, replace(order_of(row), vendor_id=merged or row.vendor_id))
