"""Vercel as a way to production: a preview of the commit, then a production deployment of the same build."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping

from core.policy.delivery import VariableRules
from core.policy.services import Repository
from core.vendors.base import Check, Deployed, VendorError
from core.vendors.delivery.types import ReleaseOrder, RollbackTrial
from core.vendors.vercel import Vercel
from core.vendors.vercel_variables import ENVIRONMENTS, VariableValue

BUILD_SECONDS = 600.0


class VercelDelivery:
    """One project of Vercel."""

    name = "vercel"
    previews = promotes = True
    patience = limit = BUILD_SECONDS

    def __init__(self, client: Vercel, repository: Repository, held: Mapping[str, str] = os.environ):
        """``held`` are the variables of the platform, among which the secrets are."""
        self.client, self.repository, self.project = client, repository, repository.vercel_project
        self.held = held

    def preview(self, order: ReleaseOrder) -> Deployed:
        if self.repository.environment:
            self.client.configure(self.project, self.repository.environment)
        self._set("preview")
        return self.client.preview(self.project, self.repository.github, order.branch, order.sha, order.key)

    def promote(self, order: ReleaseOrder) -> Deployed:
        self._set("production")
        return self.client.promote(self.project, order.preview, order.key)

    def wanted(self, environment: str) -> dict[str, VariableValue]:
        """The variables of preview or production. Raises a permanent VendorError for a secret that is not set."""
        plain, secret = self.repository.variables.of(environment)
        if missing := [held for held in secret.values() if not self.held.get(held)]:
            raise VendorError(
                self.name, f"{missing[0]} is not set, which a variable of {environment} needs", permanent=True
            )
        return {name: VariableValue(value) for name, value in plain.items()} | {
            name: VariableValue(self.held[held], secret=True) for name, held in secret.items()
        }

    def compared(self) -> dict[str, dict[str, str]]:
        """By name and environment: same, different, missing, unread or -, never a value. Empty without variables."""
        if self.repository.variables == VariableRules():
            return {}
        return self.client.variables.compared(self.project, {name: self.wanted(name) for name in ENVIRONMENTS})

    def _set(self, environment: str) -> None:
        if wanted := self.wanted(environment):
            self.client.variables.set(self.project, environment, wanted)

    def status(self, order: ReleaseOrder, made: Deployed) -> Deployed:
        return self.client.status(made.vendor_id)

    def serve(self, made: Deployed) -> Deployed:
        return self.client.serve(self.project, made.vendor_id)

    def with_key(self, order: ReleaseOrder) -> list[Deployed]:
        return self.client.with_key(self.project, order.key)

    def cancel(self, made: Deployed) -> None:
        self.client.cancel(made.vendor_id)

    def production(self) -> Deployed | None:
        return self.client.production(self.project)

    def rollback(self, order: ReleaseOrder) -> Deployed:
        if order.steps and self.client.rolling.active(self.project, order.vendor_id):
            return self.client.abort(self.project, order.vendor_id, order.previous)
        return self.client.rollback(self.project, order.previous)

    def rehearse(self, order: ReleaseOrder) -> RollbackTrial:
        self.client.rehearse(self.project, order.preview, order.previous)
        return RollbackTrial(True, f"an alias moved to the new build and back to {order.previous}")

    # --- shares of traffic

    def accepts(self, order: ReleaseOrder) -> None:
        found = self.client.rolling.stages(self.project)
        if found != list(order.steps):
            message = (
                f"the project's rolling release has the stages {found} and not {list(order.steps)}. {_configure(order)}"
            )
            raise VendorError(self.name, message, permanent=True)

    def share(self, order: ReleaseOrder) -> int:
        return self.client.rolling.share(self.project, order.vendor_id)

    def shift(self, order: ReleaseOrder, share: int) -> int:
        return self.client.rolling.shift(self.project, order.vendor_id, share)

    def check(self) -> Check:
        found = self.client.check()
        if not (found.ok and self.repository.steps):
            return found
        try:
            self.accepts(ReleaseOrder("", "", steps=tuple(self.repository.steps)))
        except VendorError as error:
            return Check(False, error.message, "repositories.….steps in platform.toml")
        return found


def _configure(order: ReleaseOrder) -> str:
    stages = [{"targetPercentage": share} for share in (*order.steps, 100)]
    config = json.dumps({"enabled": True, "advancementType": "manual-approval", "stages": stages})
    return f"Change steps in platform.toml, or run vercel rolling-release configure --cfg={shlex.quote(config)}"


def by_hand(repository: Repository, order: ReleaseOrder) -> str:
    return f"vercel rollback {shlex.quote(order.previous)} --yes   (project {repository.vercel_project})"
