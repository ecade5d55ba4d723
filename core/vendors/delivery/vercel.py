"""Vercel as a way to production: a preview of the commit, then a production deployment of that very build."""

from __future__ import annotations

import shlex

from core.policy.services import Repository
from core.vendors.base import Check, Deployed
from core.vendors.delivery.types import ReleaseOrder
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
        return self.client.rollback(self.project, order.previous)

    def check(self) -> Check:
        return self.client.check()


def by_hand(repository: Repository, order: ReleaseOrder) -> str:
    return f"vercel rollback {shlex.quote(order.previous)} --yes   (project {repository.vercel_project})"
