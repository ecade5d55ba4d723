"""Kubernetes as a way to production: sets the image of a Deployment or Argo Rollout, and follows the rollout.

The commit's image must be in the registry: the team's pipeline builds it for each pushed commit. The image in the
object's spec identifies what production serves. The key is an annotation of the pod template, so its ReplicaSet keeps
it.

The end of a rollout is determined as by ``kubectl rollout status``; a rollback restores the template of the earlier
ReplicaSet as ``kubectl rollout undo`` does. Argo is in core/vendors/delivery/argo.py.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from datetime import datetime

from core.policy.services import Repository
from core.vendors.base import Check, Deployed, VendorError, understood
from core.vendors.delivery.cluster import NAME, Cluster, Patch, selector_of
from core.vendors.delivery.types import FINISHED, ReleaseOrder, RollbackTrial, Tested

KEY = "devops-intelligence-platform/key"
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
ROLLBACK_SECONDS, POLL = 600.0, 2.0
WHERE = "KUBERNETES_TOKEN needs get and patch of the object and list of replicasets in its namespace"


class KubernetesDelivery(Tested):
    """One Deployment; ``argo.RolloutDelivery`` is the same for Argo."""

    name = NAME
    patience = 0.0

    def __init__(self, cluster: Cluster, repository: Repository):
        self.cluster, self.rules, self.steps = cluster, repository.kubernetes, tuple(repository.steps)
        self.limit = self.rules.limit_minutes * 60
        self.place = (self.rules.namespace, self.rules.deployment)

    # --- differences between the two kinds of objects

    def _read(self) -> dict:
        return self.cluster.deployment(*self.place)

    def _patch(self, patch: Patch, dry: bool = False) -> dict:
        return self.cluster.patch_deployment(*self.place, patch, dry=dry)

    def _state(self, found: Mapping, steps: tuple[int, ...] = ()) -> tuple[str, str]:
        return rollout_state(found)

    def _pushed_on(self, found: dict, order: ReleaseOrder) -> None:
        """Resume a paused rollout."""

    def _stopped(self, found: dict) -> None:
        """Abort a rollout in progress; here, setting the earlier image does that."""

    def _earlier(self, found: Mapping, image: str) -> dict | None:
        """The template of the newest ReplicaSet with the image, as ``kubectl rollout undo`` restores it."""
        labels = sorted(found["spec"]["selector"]["matchLabels"].items())
        rows = self.cluster.replica_sets(self.rules.namespace, selector_of(labels))
        return earlier_template(rows, found, image, self.rules.container)

    # --- a Deliverer

    def promote(self, order: ReleaseOrder) -> Deployed:
        """Set the image with the key; an object that already has the key is only followed."""
        found = self._read()
        if key_of(found) == order.key:
            self._pushed_on(found, order)
        elif not order.vendor_id:
            image = self.rules.image.replace("{sha}", order.sha)
            found = self._patch(image_patch(found, self.rules.container, image, order.key))
        return self._made(found, order.steps)

    def status(self, order: ReleaseOrder, made: Deployed) -> Deployed:
        return self._made(self._read(), order.steps)

    def serve(self, made: Deployed) -> Deployed:
        live = self._made(self._read())
        if live.vendor_id != made.vendor_id:
            raise VendorError(NAME, f"production asks for {live.vendor_id} and not {made.vendor_id}", permanent=True)
        return live

    def with_key(self, order: ReleaseOrder) -> list[Deployed]:
        found = self._read()
        return [self._made(found)] if key_of(found) == order.key else []

    def cancel(self, made: Deployed) -> None:
        self._stopped(self._read())

    def production(self) -> Deployed | None:
        return self._made(self._read())

    def rollback(self, order: ReleaseOrder) -> Deployed:
        """Restore the earlier template, or its image if no ReplicaSet has it any more, and follow the rollout."""
        found = self._read()
        if image_of(found, self.rules.container) != order.previous:
            self._stopped(found)
            self._patch(self._undo(found, order))
        return self._followed(order.previous)

    def _followed(self, image: str) -> Deployed:
        deadline = time.monotonic() + ROLLBACK_SECONDS
        while (made := self._made(self._read())).state not in FINISHED and time.monotonic() < deadline:
            time.sleep(POLL)
        if made.state != "READY":
            raise VendorError(NAME, f"the rollback to {image} is {made.state.lower()}: {made.note}".rstrip(": "))
        return made

    def _made(self, found: Mapping, steps: tuple[int, ...] = ()) -> Deployed:
        """Is the rollout finished? With ``steps``, a pause at a step counts as finished."""
        image = image_of(found, self.rules.container)
        state, note = self._state(found, steps)
        sha = sha_of(image, self.rules.image)
        return Deployed(image, "", state, sha, note, progressed(found) if state == "READY" else None)

    def rehearse(self, order: ReleaseOrder) -> RollbackTrial:
        """The undo as a dry run of the server: it checks the rights, the admission rules and the template."""
        found = self._read()
        image = image_of(found, self.rules.container)
        if image != order.previous:
            raise VendorError(NAME, f"production asks for {image} and not for {order.previous}", permanent=True)
        self._patch(self._undo(found, order), dry=True)
        return RollbackTrial(True, f"the server accepted the undo to {order.previous} as a dry run")

    def _undo(self, found: Mapping, order: ReleaseOrder) -> Patch:
        if template := self._earlier(found, order.previous):
            return template_patch(found, template)
        return image_patch(found, self.rules.container, order.previous, f"{order.key}-rollback")

    def check(self) -> Check:
        try:
            found = self._read()
            self._patch(image_patch(found, self.rules.container, image_of(found, self.rules.container), ""), dry=True)
        except VendorError as error:
            return Check(False, error.message, WHERE)
        return Check(True, f"{'/'.join(self.place)} can be read and changed")


# --- parsing of the API's JSON. Pure -----------------------------------------------------------------


@understood(NAME)
def container_of(template: Mapping, name: str) -> tuple[int, Mapping]:
    """(index, container) with this name, or the only one if no name is given."""
    containers = template["spec"]["containers"]
    if not name and len(containers) != 1:
        raise ValueError("the pod has several containers: name one in kubernetes.container")
    found = [(n, one) for n, one in enumerate(containers) if not name or one["name"] == name]
    if not found:
        raise ValueError(f"the pod has no container {name!r}")
    return found[0]


@understood(NAME)
def image_of(found: Mapping, container: str) -> str:
    return str(container_of(found["spec"]["template"], container)[1]["image"])


@understood(NAME)
def key_of(found: Mapping) -> str:
    metadata = found["spec"]["template"].get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(KEY) or "")


@understood(NAME)
def image_patch(found: Mapping, container: str, image: str, key: str) -> Patch:
    """The patch that sets the image and the key; the server refuses it if the containers have changed meanwhile."""
    place, one = container_of(found["spec"]["template"], container)
    at = f"/spec/template/spec/containers/{place}"
    return [
        {"op": "test", "path": f"{at}/name", "value": one["name"]},
        {"op": "replace", "path": f"{at}/image", "value": image},
        *_annotated(found["spec"]["template"], key),
    ]


def _annotated(template: Mapping, key: str) -> Patch:
    path, value = "/spec/template/metadata/annotations", {KEY: key}
    if "metadata" not in template:
        return [{"op": "add", "path": "/spec/template/metadata", "value": {"annotations": value}}]
    if not template["metadata"].get("annotations"):
        return [{"op": "add", "path": path, "value": value}]
    return [{"op": "add", "path": f"{path}/{KEY.replace('/', '~1')}", "value": key}]


@understood(NAME)
def template_patch(found: Mapping, template: dict) -> Patch:
    """The patch that restores a template, unless the object changed since it was read."""
    version = found["metadata"]["resourceVersion"]
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec/template", "value": template},
    ]


@understood(NAME)
def earlier_template(rows: list[dict], found: Mapping, image: str, container: str) -> dict | None:
    """The template of the newest ReplicaSet of this object with the image, without its hash."""
    uid = found["metadata"]["uid"]
    mine = [row for row in rows if any(o["uid"] == uid for o in row["metadata"].get("ownerReferences") or ())]
    fits = [row for row in mine if image_of(row, container) == image]
    newest = max(fits, key=lambda row: int(row["metadata"]["annotations"][REVISION]), default=None)
    if newest is None:
        return None
    template = newest["spec"]["template"]
    labels = {name: value for name, value in template["metadata"]["labels"].items() if name != HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


@understood(NAME)
def rollout_state(found: Mapping) -> tuple[str, str]:
    """(state, description) of a Deployment by the rules of ``kubectl rollout status``."""
    spec, status = found["spec"], found.get("status") or {}
    wanted = spec.get("replicas", 1)
    updated, ready = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if int(status.get("observedGeneration", 0)) < int(found["metadata"]["generation"]):
        return "QUEUED", "the cluster has not seen the change yet"
    for condition in status.get("conditions") or ():
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return "ERROR", f"the rollout exceeded its deadline: {str(condition.get('message') or '')[:300]}"
    if spec.get("paused"):
        return "WAITING", "the rollout is paused in the cluster"
    if updated < wanted:
        return "BUILDING", f"{updated} of {wanted} pods are updated"
    if status.get("replicas", 0) > updated:
        return "BUILDING", f"{status['replicas'] - updated} old pods are pending termination"
    if ready < updated:
        return "BUILDING", f"{ready} of {updated} updated pods are available"
    return "READY", ""


@understood(NAME)
def progressed(found: Mapping) -> datetime | None:
    """When the newest rollout was complete, if the object reports it."""
    for condition in (found.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Progressing" and condition.get("reason") == "NewReplicaSetAvailable":
            return datetime.fromisoformat(condition["lastUpdateTime"])
    return None


def sha_of(image: str, pattern: str) -> str:
    """The commit in an image's name; empty if it names none."""
    before, after = map(re.escape, pattern.split("{sha}", 1))
    found = re.fullmatch(f"{before}([0-9a-f]{{7,40}}){after}", image)
    return found[1] if found else ""


def by_hand(repository: Repository, order: ReleaseOrder) -> str:
    rules = repository.kubernetes
    tool = "argo rollouts " if rules.rollout == "argo" else ""
    kind = "" if rules.rollout == "argo" else "deployment/"
    container = rules.container or "*"
    change = shlex.quote(f"{container}={order.previous}")
    return f"kubectl {tool}set image {kind}{rules.deployment} {change} --namespace {rules.namespace}"
