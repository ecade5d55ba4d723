"""Pull requests as a way to production: people merge, the team's own pipeline releases, and the platform watches.

The platform promotes nothing. The pull request serves as the preview, and a revert pull request as the rollback. A
commit identifies what production serves: the newest deployment that the code host reports or, without one, the newest
merged release of the platform.
"""

from __future__ import annotations

from sqlmodel import col, select

from core.db import store
from core.models import Deployment
from core.policy.services import Repository
from core.runtime import Runtime
from core.vendors.base import Check, Deployed, VendorError
from core.vendors.delivery.types import ReleaseOrder, RollbackTrial

CHANGED = (
    "this repository is released by merging pull requests now. Merge the pull request, or start a new run of the issue"
)


class PullRequests:
    """The pull requests of one repository."""

    name = "pull_request"
    previews = promotes = False
    patience = limit = 0.0

    def __init__(self, rt: Runtime, name: str, repository: Repository):
        self.rt, self.repository_name, self.repository = rt, name, repository

    def preview(self, order: ReleaseOrder) -> Deployed:
        return Deployed(order.sha, "", "READY", order.sha)

    def promote(self, order: ReleaseOrder) -> Deployed:
        raise VendorError(self.name, CHANGED, permanent=True)

    def status(self, order: ReleaseOrder, made: Deployed) -> Deployed:
        return made

    def serve(self, made: Deployed) -> Deployed:
        return made

    def with_key(self, order: ReleaseOrder) -> list[Deployed]:
        return [Deployed(order.vendor_id, "", "READY", order.vendor_id)] if order.vendor_id else []

    def cancel(self, made: Deployed) -> None:
        """Nothing to cancel: the platform runs no deployment here."""

    def production(self) -> Deployed | None:
        """The newest deployment that the host knows of, or the platform's newest release if that is newer."""
        ours, theirs = self._ours(), self.releases()
        newest = theirs[0] if theirs else None
        if ours and newest and ours.since and newest.since and newest.since > ours.since:
            return newest
        return ours or newest

    def releases(self) -> list[Deployed]:
        """Deployments to production that the host knows of, newest first."""
        github = self.repository.github
        return self.rt.host.releases(github) if self.rt.host and github else []

    def _ours(self) -> Deployed | None:
        with store.read() as session:
            row = session.exec(
                select(Deployment)
                .where(Deployment.repository == self.repository_name, Deployment.environment == "production")
                .where(col(Deployment.status).in_(("watching", "verified", "reverting")), Deployment.vendor_id != "")
                .order_by(col(Deployment.id).desc())
                .limit(1)
            ).first()
        return Deployed(row.vendor_id, row.url, "READY", row.vendor_id, since=row.ready_at) if row else None

    def rollback(self, order: ReleaseOrder) -> Deployed:
        raise VendorError(self.name, "a revert is proposed as a pull request, not carried out", permanent=True)

    def rehearse(self, order: ReleaseOrder) -> RollbackTrial:
        return RollbackTrial(False, "the revert is rehearsed while the pull request waits for its merge")

    def check(self) -> Check:
        if self.rt.host is None:
            return Check(
                True, "the branch of each fix is pushed; merges are detected in git, because no code host is connected"
            )
        return self.rt.host.check()


def by_hand(repository: Repository, order: ReleaseOrder) -> str:
    return f"git revert {order.vendor_id} on {repository.branch} (a merge commit with -m 1), and release it"
