"""The protocol of a way to production (``Deliverer``), and its input for one release (``ReleaseOrder``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from core.vendors.base import Check, Deployed

ENDED_BADLY = ("ERROR", "CANCELED", "BLOCKED")
FINISHED = ("READY", *ENDED_BADLY)


@dataclass(frozen=True)
class ReleaseOrder:
    """One release. ``key`` is the idempotency key: a second call with it finds the result of the first.

    ``branch`` contains ``sha`` at the remote. ``preview`` is the vendor id of its preview, ``vendor_id`` that of its
    production deployment if known, and ``previous`` that of the deployment that production served before. ``steps`` are
    the ascending shares of production's traffic, in percent, before it serves all; empty: it serves all at once.
    """

    key: str
    sha: str
    branch: str = ""
    preview: str = ""
    vendor_id: str = ""
    previous: str = ""
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class RollbackTrial:
    """The rehearsal of a rollback, without a change to production. ``done`` is False if this way cannot rehearse it."""

    done: bool
    message: str


class Deliverer(Protocol):
    """The way to production of one repository.

    ``previews``: it deploys a preview whose health can be checked. ``promotes``: the platform releases; if not, people
    do, by merging. ``patience`` is how many seconds one step may wait for a build: 0 if the flow waits durably instead;
    ``limit`` is how many seconds a deployment may take in total.

    ``serve`` makes sure that production serves a finished deployment. ``with_key`` lists the deployments of an order,
    oldest first. ``cancel`` stops an unfinished deployment and does not affect a finished one; it raises VendorError
    while one cannot be stopped. ``rollback`` makes production serve ``order.previous``. ``rehearse`` tries that before
    the release without changing production. Each call raises VendorError; a failed rehearsal raises a permanent one.
    """

    name: str
    previews: bool
    promotes: bool
    patience: float
    limit: float

    def preview(self, order: ReleaseOrder) -> Deployed: ...

    def promote(self, order: ReleaseOrder) -> Deployed: ...

    def status(self, order: ReleaseOrder, made: Deployed) -> Deployed: ...

    def serve(self, made: Deployed) -> Deployed: ...

    def with_key(self, order: ReleaseOrder) -> list[Deployed]: ...

    def cancel(self, made: Deployed) -> None: ...

    def production(self) -> Deployed | None: ...

    def rollback(self, order: ReleaseOrder) -> Deployed: ...

    def rehearse(self, order: ReleaseOrder) -> RollbackTrial: ...

    def check(self) -> Check: ...


@runtime_checkable
class Stepwise(Protocol):
    """The additional protocol of a way to production that can give a release a share of the traffic.

    ``accepts`` raises a permanent VendorError if the target is not configured for exactly these steps. ``share`` is the
    percentage of production's traffic that the release serves now: 0 if it was aborted or replaced. ``shift`` raises it
    to at least this share and returns the current share; a share that is already reached stays unchanged, and the
    caller repeats the call for a slow target. It raises a permanent VendorError if the release was aborted.
    """

    def accepts(self, order: ReleaseOrder) -> None: ...

    def share(self, order: ReleaseOrder) -> int: ...

    def shift(self, order: ReleaseOrder, share: int) -> int: ...


@runtime_checkable
class Configured(Protocol):
    """The additional protocol of a way to production that manages the variables of its deployments."""

    def compared(self) -> dict[str, dict[str, str]]:
        """By name and environment, how the vendor's variable compares with the policy's; never a value."""
        ...


class Tested:
    """The preview of a way without previews: the tested commit itself. Nothing is deployed."""

    previews = False
    promotes = True

    def preview(self, order: ReleaseOrder) -> Deployed:
        return Deployed(order.sha, "", "READY", order.sha)

    def rehearse(self, order: ReleaseOrder) -> RollbackTrial:
        return RollbackTrial(False, "this way to production cannot try a rollback")
