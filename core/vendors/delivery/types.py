"""What a way to production must offer (``Deliverer``), and what it is told about one release (``ReleaseOrder``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.vendors.base import Check, Deployed

ENDED_BADLY = ("ERROR", "CANCELED", "BLOCKED")
FINISHED = ("READY", *ENDED_BADLY)


@dataclass(frozen=True)
class ReleaseOrder:
    """One release. ``key`` is the idempotency key: a second call with it finds what the first call made.

    ``branch`` holds ``sha`` at the remote. ``preview`` is the vendor id of its preview, ``vendor_id`` that of its
    production deployment where it is known, and ``previous`` what production served before it.
    """

    key: str
    sha: str
    branch: str = ""
    preview: str = ""
    vendor_id: str = ""
    previous: str = ""


class Deliverer(Protocol):
    """The way to production of one repository.

    ``previews``: it deploys a preview that can be asked for its health. ``promotes``: the platform releases; if not,
    people do, by merging. ``patience`` is for how many seconds one step may wait for a build: 0 where the flow waits
    durably instead; ``limit`` is for how many seconds a deployment may take in all.

    ``serve`` makes sure that production serves a finished deployment. ``with_key`` lists what was made for an order,
    oldest first. ``cancel`` stops a deployment that is not finished and leaves a finished one alone; it raises
    VendorError while one cannot be stopped. ``rollback`` returns production to ``order.previous``. Each call raises
    VendorError.
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

    def check(self) -> Check: ...


class Tested:
    """The preview of a way that has none: the tested commit itself. Nothing is deployed."""

    previews = False
    promotes = True

    def preview(self, order: ReleaseOrder) -> Deployed:
        return Deployed(order.sha, "", "READY", order.sha)
