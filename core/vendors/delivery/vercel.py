"""Vercel as a way to production: a preview of the commit, then a production deployment of the same build."""

from __future__ import annotations

import json
import shlex

from core.policy.services import Repository
from core.vendors.base import Check, Deployed, VendorError
from core.vendors.delivery.types import ReleaseOrder, RollbackTrial
from core.vendors.vercel import Vercel

BUILD_SECONDS = 600.0


class VercelDelivery:
    """One project of Vercel."""

    name = "vercel"
    previews = promotes = True
    patience = limit = BUILD_SECONDS

    def __init__(self, client: Vercel, repository: Repository):
        self.client, self.repository, self.project = client, repository, repository.vercel_project

    def preview(self, order: ReleaseOrder) -> Deployed:
        if self.repository.environment:
            self.client.configure(self.project, self.repository.environment)
        return self.client.preview(self.project, self.repository.github, order.branch, order.sha, order.key)

    def promote(self, order: ReleaseOrder) -> Deployed:
        return self.client.promote(self.project, order.preview, order.key)

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
