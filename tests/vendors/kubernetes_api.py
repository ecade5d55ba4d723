"""A simulator of the Kubernetes API server, for tests: Deployments with their ReplicaSets, and Rollouts of Argo.

It is no cluster: it has the shapes, the patch types and the status fields of the API, and a controller that moves a
rollout on with each read. kubectl itself is asked whether it takes this for an API server (test_kubernetes.py).
"""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

TOKEN = "eyJ-service-account"
APPS, ARGO = "/apis/apps/v1/namespaces/{namespace}", "/apis/argoproj.io/v1alpha1/namespaces/{namespace}"
KINDS = {"deployments": ("Deployment", "apps/v1"), "rollouts": ("Rollout", "argoproj.io/v1alpha1")}


VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.0", "gitCommit": "c", "gitTreeState": "clean",
           "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.24", "compiler": "gc",
           "platform": "linux/amd64"}  # fmt: skip


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fault(code: int, reason: str, message: str) -> JSONResponse:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code}  # fmt: skip
    return JSONResponse(body, code)


class Refused(Exception):
    pass


def json_patch(document: dict, patch: list[dict]) -> None:
    """RFC 6902: test, add, replace and remove."""
    for change in patch:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in change["path"].split("/")[1:]]
        place: Any = document
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        key: Any = int(last) if isinstance(place, list) else last
        if change["op"] != "add" and not isinstance(place, list) and key not in place:
            raise Refused(f"{change['path']} is missing")
        if change["op"] == "test":
            if place[key] != change["value"]:
                raise Refused(f"testing {change['path']} failed")
        elif change["op"] == "remove":
            del place[key]
        else:
            place[key] = change["value"]


def strategic_merge(document: dict, patch: dict) -> None:
    """Objects are merged, lists of named objects by their name, null removes."""
    for key, value in patch.items():
        if value is None:
            document.pop(key, None)
        elif isinstance(value, dict):
            strategic_merge(document.setdefault(key, {}), value)
        elif isinstance(value, list) and value and isinstance(value[0], dict) and "name" in value[0]:
            rows = document.setdefault(key, [])
            for one in value:
                known = next((row for row in rows if row.get("name") == one["name"]), None)
                if known is None:
                    rows.append(one)
                else:
                    strategic_merge(known, one)
        elif not key.startswith("$"):
            document[key] = value


class KubernetesApi:
    """``bad`` images never become available; ``slow``: so many reads until a rollout is complete."""

    def __init__(self, image: str, replicas: int = 2, slow: int = 1, steps: list | None = None):
        self.bad: set[str] = set()
        self.anonymous = False  # for kubectl, which sends no token without TLS
        self.slow, self.sent, self.version = slow, [], 100
        self.faults: dict[str, Response] = {}
        self.objects: dict[tuple[str, str], dict] = {}
        self.sets: list[dict] = []
        for plural in KINDS:
            self._make(plural, image, replicas, steps)
        self.app = Starlette(routes=self._routes())

    def _make(self, plural: str, image: str, replicas: int, steps: list | None) -> None:
        kind, version = KINDS[plural]
        template = {"metadata": {"labels": {"app": plural}}, "spec": {"containers": [{"name": "web", "image": image},
                    {"name": "proxy", "image": "envoy:1"}]}}  # fmt: skip
        found = {
            "kind": kind, "apiVersion": version,
            "metadata": {"name": "shop", "namespace": "prod", "uid": f"uid-{plural}", "generation": 1,
                         "creationTimestamp": now(), "annotations": {}},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": plural}}, "template": template,
                     "strategy": {"canary": {"steps": steps or []}} if plural == "rollouts" else {}},
            "status": {},
        }  # fmt: skip
        self.objects[plural, "shop"] = found
        self._changed(plural, found)
        self._complete(plural, found)
        found["left"] = 0

    # --- the controller

    def _changed(self, plural: str, found: dict) -> None:
        """After a change of the spec: a ReplicaSet for its template, and a rollout that begins."""
        self.version += 1
        found["metadata"]["resourceVersion"] = str(self.version)
        template = found["spec"]["template"]
        digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
        revision = str(max([0, *(int(s["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
                                 for s in self.sets if s["owner"] == plural)]) + 1)  # fmt: skip
        known = next((s for s in self.sets if s["owner"] == plural and s["digest"] == digest), None)
        if known is None:
            labels = {**template["metadata"]["labels"], "pod-template-hash": digest}
            copied = copy.deepcopy(template)
            copied["metadata"]["labels"] = labels
            known = {
                "owner": plural, "digest": digest, "kind": "ReplicaSet", "apiVersion": "apps/v1",
                "metadata": {"name": f"shop-{digest}", "namespace": "prod", "uid": digest, "labels": labels,
                             "annotations": {}, "creationTimestamp": now(), "ownerReferences": [
                                 {"apiVersion": found["apiVersion"], "kind": found["kind"], "name": "shop",
                                  "uid": found["metadata"]["uid"], "controller": True}]},
                "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": copied},
                "status": {"replicas": 1},
            }  # fmt: skip
            self.sets.append(known)
        elif known["metadata"]["annotations"].get("deployment.kubernetes.io/revision") == str(int(revision) - 1):
            return  # it is the newest already
        known["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = revision
        found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = revision
        found["left"], found["step"], found["promoted"] = self.slow, 0, False
        found["status"].pop("abort", None)

    def _complete(self, plural: str, found: dict) -> None:
        """The status of a rollout that is over; of one with a bad image, that it has failed."""
        wanted, generation = found["spec"]["replicas"], found["metadata"]["generation"]
        images = {one["image"] for one in found["spec"]["template"]["spec"]["containers"]}
        failed, aborted = bool(images & self.bad), found["status"].get("abort")
        reason = "ProgressDeadlineExceeded" if failed else "NewReplicaSetAvailable"
        known = [c for c in found["status"].get("conditions") or () if c["reason"] == reason]
        condition = known[0] if known else {
            "type": "Progressing", "status": "False" if failed else "True", "reason": reason,
            "lastUpdateTime": now(), "lastTransitionTime": now(), "message": reason}  # fmt: skip
        if plural == "rollouts":
            phase = "Degraded" if failed or aborted else "Healthy"
            keep = {"abort": True} if aborted else {}
            found["status"] = {"observedGeneration": str(generation), "phase": phase, "message": reason,
                               "conditions": [condition], **keep}  # fmt: skip
            return
        up = 0 if failed else wanted
        found["status"] = {"observedGeneration": generation, "replicas": wanted, "updatedReplicas": wanted,
                           "availableReplicas": up, "readyReplicas": up, "conditions": [condition]}  # fmt: skip

    def _turn(self, plural: str, found: dict) -> None:
        """One turn of the controller."""
        if found["left"] > 0:
            found["left"] -= 1
            generation = found["metadata"]["generation"]
            if plural == "rollouts":
                found["status"] |= {"observedGeneration": str(generation), "phase": "Progressing", "message": "more"}
            else:
                found["status"] |= {"observedGeneration": generation, "updatedReplicas": 0, "conditions": []}
            return
        if plural == "rollouts" and self._paused(found):
            return
        self._complete(plural, found)

    def _paused(self, found: dict) -> bool:
        """Does the canary pause at a step? A pause ends when somebody removes it; weights are set at once."""
        steps, status = found["spec"]["strategy"]["canary"]["steps"], found["status"]
        if status.get("abort") or found["promoted"] or not steps:
            return False
        index = found["step"]
        if status.get("phase") == "Paused" and not status.get("pauseConditions"):
            index += 1  # somebody removed the pause
        while index < len(steps) and "pause" not in steps[index]:
            index += 1
        found["step"], found["promoted"] = index, index >= len(steps)
        if found["promoted"]:
            return False
        found["status"] = {"observedGeneration": str(found["metadata"]["generation"]), "phase": "Paused",
                           "message": "CanaryPauseStep", "currentStepIndex": index,
                           "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": now()}]}  # fmt: skip
        return True

    # --- the API

    def _routes(self) -> list[Route]:
        routes = [
            Route("/version", lambda r: JSONResponse(VERSION)),
            Route("/version/", lambda r: JSONResponse(VERSION)),
            Route("/api", lambda r: JSONResponse({"kind": "APIVersions", "versions": ["v1"]})),
            Route("/api/v1", lambda r: JSONResponse(self._resources("v1"))),
            Route("/apis", lambda r: JSONResponse(self._groups())),
            Route("/apis/apps/v1", lambda r: JSONResponse(self._resources("apps/v1", "deployments", "replicasets"))),
            Route("/apis/argoproj.io/v1alpha1",
                  lambda r: JSONResponse(self._resources("argoproj.io/v1alpha1", "rollouts"))),
            Route(f"{APPS}/replicasets", self._replica_sets),
        ]  # fmt: skip
        for base, plural in ((APPS, "deployments"), (ARGO, "rollouts")):
            routes += [
                Route(f"{base}/{plural}", self._list(plural)),
                Route(f"{base}/{plural}/{{name}}", self._one(plural), methods=["GET", "PATCH"]),
                Route(f"{base}/{plural}/{{name}}/status", self._one(plural, True), methods=["PATCH"]),
            ]
        return routes

    def _groups(self) -> dict:
        found = [{"groupVersion": version, "version": version.split("/")[1]} for _, version in KINDS.values()]
        groups = [{"name": v["groupVersion"].split("/")[0], "versions": [v], "preferredVersion": v} for v in found]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _resources(self, version: str, *plurals: str) -> dict:
        kinds = {"deployments": "Deployment", "replicasets": "ReplicaSet", "rollouts": "Rollout"}
        rows = [{"name": name, "singularName": kinds[name].lower(), "namespaced": True, "kind": kinds[name],
                 "verbs": ["get", "list", "patch", "watch"]} for name in plurals]  # fmt: skip
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows}

    def _barred(self, request: Request, body: bytes = b"") -> Response | None:
        self.sent.append((request.method, request.url.path, dict(request.headers), body))
        if not self.anonymous and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return fault(401, "Unauthorized", "Unauthorized")
        return next((found for part, found in self.faults.items() if part in f"{request.method} {request.url}"), None)

    def _shown(self, found: dict) -> dict:
        return {
            name: part for name, part in found.items() if name not in ("left", "step", "promoted", "owner", "digest")
        }

    async def _replica_sets(self, request: Request) -> Response:
        if barred := self._barred(request):
            return barred
        wanted = dict(pair.split("=") for pair in request.query_params.get("labelSelector", "").split(",") if pair)
        rows = [s for s in self.sets if wanted.items() <= s["metadata"]["labels"].items()]
        body = {"kind": "ReplicaSetList", "apiVersion": "apps/v1", "metadata": {}, "items": [*map(self._shown, rows)]}
        return JSONResponse(body)

    def _list(self, plural: str):
        async def answer(request: Request) -> Response:
            if barred := self._barred(request):
                return barred
            found = self.objects[plural, "shop"]
            if request.query_params.get("watch"):
                return StreamingResponse(self._events(plural, found), media_type="application/json")
            kind, version = KINDS[plural]
            listed = {"kind": f"{kind}List", "apiVersion": version, "metadata": {"resourceVersion": str(self.version)}}
            return JSONResponse(listed | {"items": [self._shown(found)]})

        return answer

    async def _events(self, plural: str, found: dict):
        for _ in range(self.slow + 3):
            self._turn(plural, found)
            yield json.dumps({"type": "MODIFIED", "object": self._shown(found)}) + "\n"

    def _one(self, plural: str, only_status: bool = False):
        async def answer(request: Request) -> Response:
            body = await request.body()
            if barred := self._barred(request, body):
                return barred
            name = request.path_params["name"]
            found = self.objects.get((plural, name))
            if found is None or request.path_params["namespace"] != "prod":
                return fault(404, "NotFound", f'{plural} "{name}" not found')
            if request.method == "PATCH":
                return self._patched(plural, found, request, body, only_status)
            self._turn(plural, found)
            return JSONResponse(self._shown(found))

        return answer

    def _patched(self, plural: str, found: dict, request: Request, body: bytes, only_status: bool) -> Response:
        kind, patch, changed = request.headers["content-type"].split(";")[0], json.loads(body), copy.deepcopy(found)
        try:
            if kind == "application/json-patch+json":
                json_patch(changed, patch)
            elif kind == "application/strategic-merge-patch+json" and plural == "deployments":
                strategic_merge(changed, patch)
            else:
                return fault(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {kind}")
        except (Refused, LookupError, TypeError) as error:
            return fault(422, "Invalid", str(error))
        if request.query_params.get("dryRun") == "All":
            return JSONResponse(self._shown(changed))
        part = "status" if only_status else "spec"
        if changed[part] != found[part]:
            found[part] = changed[part]
            if not only_status:
                found["metadata"]["generation"] += 1
                self._changed(plural, found)
        return JSONResponse(self._shown(found))
