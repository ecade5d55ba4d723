"""A cluster that runs one service: the simulated API server, and a node that does what it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.services.production import Failed
from tests.vendors.kubernetes_api import KubernetesApi

REGISTRY = "registry.example/courtside"


class ServiceCluster(KubernetesApi):
    """A changed image is pulled and started by ``deploy(sha)``; the rollout is complete when that is done."""

    def __init__(self, sha: str, deploy: Callable[[str], None]):
        self.deploy, self.pulling = deploy, threading.Event()
        super().__init__(f"{REGISTRY}:{sha}", replicas=1)
        self.running = True

    running = False  # while the object is made, nothing is started

    def _changed(self, plural: str, found: dict) -> None:
        super()._changed(plural, found)
        if plural == "deployments" and self.running:
            image = found["spec"]["template"]["spec"]["containers"][0]["image"]
            self.pulling.set()
            threading.Thread(target=self._start, args=(image,), daemon=True).start()

    def _start(self, image: str) -> None:
        try:
            self.deploy(image.rpartition(":")[2])
        except (Failed, RuntimeError):
            self.bad.add(image)
        self.pulling.clear()

    def _turn(self, plural: str, found: dict) -> None:
        if plural == "deployments" and self.pulling.is_set():
            found["left"] = max(found["left"], 1)
        super()._turn(plural, found)
