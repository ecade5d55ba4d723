"""What a way to production must offer (``Deliverer``), and what it is told about one release (``ReleaseOrder``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from core.vendors.base import Check, Deployed

ENDED_BADLY = ("ERROR", "CANCELED", "BLOCKED")
FINISHED = ("READY", *ENDED_BADLY)


@dataclass(frozen=True)
class ReleaseOrder:
    """One release. ``key`` is the idempotency key: a second call with it finds what the first call made.

    ``branch`` holds ``sha`` at the remote. ``preview`` is the vendor id of its preview, ``vendor_id`` that of its
    production deployment where it is known, and ``previous`` what production served before it. ``steps`` are the shares
    of production's traffic, in percent and rising, that it serves before it serves all; empty: it serves all at once.
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
    """A rollback that was tried without a change to production. ``done`` is false where this way cannot try it."""

    done: bool
    says: str


class Deliverer(Protocol):
    """The way to production of one repository.

    ``previews``: it deploys a preview that can be asked for its health. ``promotes``: the platform releases; if not,
    people do, by merging. ``patience`` is for how many seconds one step may wait for a build: 0 where the flow waits
    durably instead; ``limit`` is for how many seconds a deployment may take in all.

    ``serve`` makes sure that production serves a finished deployment. ``with_key`` lists what was made for an order,
    oldest first. ``cancel`` stops a deployment that is not finished and leaves a finished one alone; it raises
    VendorError while one cannot be stopped. ``rollback`` returns production to ``order.previous``. ``rehearse`` tries
    that before the release, and changes nothing that production serves. Each call raises VendorError; a rehearsal that
    failed raises a permanent one.
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
    """What a way to production offers besides, if it can give a release a share of the traffic.

    ``accepts`` raises a permanent VendorError where the target is not set up for exactly these steps. ``share`` is the
    percentage of production's traffic that the release serves now: 0 when it was aborted or replaced. ``shift`` brings
    it to at least this share and returns the share of now; what is there already is left alone, and a target that
    takes its time is asked again. It raises a permanent VendorError for a release that was aborted.
    """

    def accepts(self, order: ReleaseOrder) -> None: ...

    def share(self, order: ReleaseOrder) -> int: ...

    def shift(self, order: ReleaseOrder, share: int) -> int: ...


class Tested:
    """The preview of a way that has none: the tested commit itself. Nothing is deployed."""

    previews = False
    promotes = True

    def preview(self, order: ReleaseOrder) -> Deployed:
        return Deployed(order.sha, "", "READY", order.sha)

    def rehearse(self, order: ReleaseOrder) -> RollbackTrial:
        return RollbackTrial(False, "this way to production cannot try a rollback")
