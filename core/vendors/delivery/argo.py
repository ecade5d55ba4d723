"""An Argo Rollout as a way to production: like a Kubernetes Deployment, but with shares of the traffic.

The steps are those of the Rollout: ``setWeight`` and then ``pause: {}`` for each share. A Rollout that pauses without a
duration is promoted as by ``kubectl argo rollouts promote``; one in progress is aborted before it is rolled back. The
share is computed as in Argo's controller (``GetCurrentSetWeight`` in its utils/replicaset/canary.go).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.policy.services import Repository
from core.vendors.base import Check, VendorError, understood
from core.vendors.delivery.cluster import NAME, Cluster, Patch
from core.vendors.delivery.kubernetes import KubernetesDelivery, image_of, key_of
from core.vendors.delivery.types import FINISHED, ReleaseOrder

ALL = 100  # percent


class RolloutDelivery(KubernetesDelivery):
    """One Rollout."""

    def _read(self) -> dict:
        return self.cluster.rollout(*self.place)

    def _patch(self, patch: Patch, dry: bool = False) -> dict:
        return self.cluster.patch_rollout(*self.place, patch, dry=dry)

    def _state(self, found: Mapping, steps: tuple[int, ...] = ()) -> tuple[str, str]:
        return ("READY", "") if steps and paused_for_good(found) and not aborted(found) else argo_state(found)

    def _pushed_on(self, found: dict, order: ReleaseOrder) -> None:
        if paused_for_good(found) and not order.steps:
            self._promoted()

    def _promoted(self) -> None:
        self.cluster.patch_rollout_status(*self.place, [{"op": "remove", "path": "/status/pauseConditions"}])

    def _stopped(self, found: dict) -> None:
        if argo_state(found)[0] not in FINISHED and not aborted(found):
            self.cluster.patch_rollout_status(*self.place, [{"op": "add", "path": "/status/abort", "value": True}])

    def _earlier(self, found: Mapping, image: str) -> dict | None:
        return None  # the image is enough: Argo finds the ReplicaSet of the same template itself

    def check(self) -> Check:
        found = super().check()
        if not (found.ok and self.steps):
            return found
        try:
            self.accepts(ReleaseOrder("", "", steps=self.steps))
        except VendorError as error:
            return Check(False, error.message, "repositories.….steps in platform.toml")
        return found

    # --- shares of traffic

    def accepts(self, order: ReleaseOrder) -> None:
        found = shares_of(steps_of(self._read()))
        if found != list(order.steps):
            message = f"the Rollout pauses without a duration at the weights {found} and not at {list(order.steps)}"
            raise VendorError(NAME, f"{message}: change steps in platform.toml, or the Rollout", permanent=True)

    def share(self, order: ReleaseOrder) -> int:
        return self._share(self._read(), order)

    def _share(self, found: Mapping, order: ReleaseOrder) -> int:
        mine = key_of(found) == order.key or image_of(found, self.rules.container) == order.vendor_id
        return weight_of(found) if mine else 0

    def shift(self, order: ReleaseOrder, share: int) -> int:
        found = self._read()
        if aborted(found):
            raise VendorError(NAME, "the Rollout was aborted", permanent=True)
        if argo_state(found)[0] == "ERROR":
            raise VendorError(NAME, f"the Rollout is degraded: {argo_state(found)[1]}".rstrip(": "), permanent=True)
        if (reached := self._share(found, order)) < share and paused_for_good(found):
            self._promoted()
        return reached


def delivery(cluster: Cluster, repository: Repository) -> KubernetesDelivery:
    kind = RolloutDelivery if repository.kubernetes.rollout == "argo" else KubernetesDelivery
    return kind(cluster, repository)


# --- parsing of the API's JSON. Pure -----------------------------------------------------------------


@understood(NAME)
def argo_state(found: Mapping) -> tuple[str, str]:
    """(state, description) of a Rollout by its ``status.phase``."""
    status = found.get("status") or {}
    if str(status.get("observedGeneration", "")) != str(found["metadata"]["generation"]):
        return "QUEUED", "the cluster has not seen the change yet"
    words = str(status.get("message") or "")[:300]
    phases = {"Healthy": "READY", "Degraded": "ERROR", "Paused": "BUILDING", "Progressing": "BUILDING"}
    return phases.get(str(status.get("phase")), "BUILDING"), words


def aborted(found: Mapping) -> bool:
    return bool((found.get("status") or {}).get("abort"))


@understood(NAME)
def steps_of(found: Mapping) -> list[dict]:
    """The canary's steps; empty for another strategy."""
    return list(((found["spec"].get("strategy") or {}).get("canary") or {}).get("steps") or ())


@understood(NAME)
def paused_for_good(found: Mapping) -> bool:
    """Does the Rollout pause until somebody promotes it, at a step without a duration or before a blue-green switch?"""
    status = found.get("status") or {}
    reasons = {condition.get("reason") for condition in status.get("pauseConditions") or ()}
    if "BlueGreenPause" in reasons:
        return True
    steps, current = steps_of(found), status.get("currentStepIndex") or 0
    step: Any = steps[current] if current < len(steps) else {}
    return "CanaryPauseStep" in reasons and _waits(step)


def _waits(step: Mapping) -> bool:
    """Is it a pause without a duration?"""
    return "pause" in step and not (step["pause"] or {}).get("duration")


@understood(NAME)
def shares_of(steps: Sequence[Mapping]) -> list[int]:
    """The weights below 100 at which a Rollout waits until somebody promotes it."""
    weight, found = 0, []
    for step in steps:
        weight = int(step.get("setWeight", weight))
        if _waits(step) and weight < ALL:
            found.append(weight)
    return found


@understood(NAME)
def weight_of(found: Mapping) -> int:
    """The percentage of the traffic that the newest template serves. It has reached a weight when it pauses there."""
    state, _ = argo_state(found)
    if state == "READY":
        return ALL
    if state in ("QUEUED", "ERROR") or aborted(found):
        return 0
    steps = steps_of(found)
    done = steps[: int((found.get("status") or {}).get("currentStepIndex") or 0)]
    return next((int(step["setWeight"]) for step in reversed(done) if "setWeight" in step), 0)
