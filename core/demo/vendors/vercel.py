"""Vercel's protocol: deployments of commits and of uploaded files, promotion, rollback by alias, variables.

Complete enough for Vercel's own command line: deploy --prebuilt, list, inspect, promote, rollback.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.demo.deployments import DemoDeployment, Deployments
from core.demo.vendors.vercel_rolling import RollingFault, SimulatedRolling

TOKEN, PROJECT, PROJECT_ID, TEAM = "vercel_demo0123456789abcdef", "shop", "prj_shop", "team_demo"
DOMAIN = "shop.example"
ALIAS_SECONDS = 0.3  # delay of an alias change
USER = {"id": "user_demo", "uid": "user_demo", "username": "demo", "email": "demo@shop.example", "name": "Demo"}


class VercelFault(Exception):
    def __init__(self, status: int, code: str, message: str, **more):
        super().__init__(message)
        self.status, self.body = status, {"error": {"code": code, "message": message, **more}}


class SimulatedVercel:
    def __init__(self, deployments: Deployments, prefix: str = "/vercel"):
        self.deployments = deployments
        self.files: dict[str, bytes] = {}  # uploaded, by SHA-1
        self.job: dict | None = None  # lastAliasRequest
        self.named: dict[str, str] = {}  # deployment by an alias that is not production's
        self.rolling = SimulatedRolling(deployments, self._detail)
        one, projects = "/deployments/{id}", ("/{version}/projects/{project}")
        table = (
            ("/v2/user", self.user, "GET"),
            ("/v2/teams", self.teams, "GET"),
            ("/teams/{team}", self.team, "GET"),
            ("/v2/teams/{team}", self.team, "GET"),
            ("/v2/files", self.upload, "POST"),
            ("/v13/deployments", self.create, "POST"),
            (f"/v13{one}", self.get, "GET"),
            (f"/v12{one}/cancel", self.cancel, "PATCH"),
            ("/v6/deployments", self.list, "GET"),
            ("/v7/deployments", self.list, "GET"),
            (f"/v3{one}/events", self.events, "GET"),
            (f"/v3/now{one}/events", self.events, "GET"),
            (f"/v11{one}/builds", self.builds, "GET"),
            (f"/v2{one}/aliases", self.aliases, "GET"),
            (f"/v2{one}/aliases", self.assign, "POST"),
            (projects, self.project, "GET"),
            (f"{projects}/env", self.variables, "GET"),
            (f"{projects}/env", self.set_variable, "POST"),
            (f"{projects}/rollback/{{id}}", self.roll_back, "POST"),
            (f"{projects}/promote/{{id}}", self.promote, "POST"),
            (f"{projects}/promote/aliases", self.moved_aliases, "GET"),
            *self.rolling.table(),
        )
        self.routes = [Route(prefix + path, self._signed(work), methods=[method]) for path, work, method in table]

    def _signed(self, work):
        async def answer(request: Request) -> Response:
            try:
                if request.headers.get("authorization") != f"Bearer {TOKEN}":
                    raise VercelFault(403, "forbidden", "Not authorized", invalidToken=True)
                if request.path_params.get("project", PROJECT) not in (PROJECT, PROJECT_ID):
                    raise VercelFault(404, "not_found", "Project not found")
                return await work(request)
            except VercelFault as fault:
                return JSONResponse(fault.body, fault.status)
            except RollingFault as fault:
                return JSONResponse({"error": {"code": "bad_request", "message": str(fault)}}, 400)

        return answer

    def _one(self, request: Request) -> DemoDeployment:
        """The deployment with this id or host."""
        name = request.path_params["id"]
        found = self.deployments.all.get(name) or next(
            (d for d in self.deployments.all.values() if name == f"127.0.0.1:{d.port}"), None
        )
        if found is None:
            raise VercelFault(404, "not_found", "The deployment could not be found")
        return found

    async def user(self, request: Request) -> Response:
        return JSONResponse({"user": {**USER, "version": "northstar", "defaultTeamId": TEAM, "limited": False}})

    async def teams(self, request: Request) -> Response:
        return JSONResponse({"teams": [_team()], "pagination": {"count": 1, "next": None, "prev": None}})

    async def team(self, request: Request) -> Response:
        return JSONResponse(_team())

    # --- deployments

    async def upload(self, request: Request) -> Response:
        body = await request.body()
        digest = hashlib.sha1(body).hexdigest()  # noqa: S324 - Vercel's own name of a file
        named = request.headers.get("x-now-digest") or request.headers.get("x-vercel-digest")
        if named != digest:
            raise VercelFault(400, "invalid_digest", "The digest does not fit the file")
        self.files[digest] = body
        return JSONResponse({"urls": []})

    async def create(self, request: Request) -> Response:
        body = await request.json()
        meta, target, source = body.get("meta") or {}, body.get("target") or "preview", body.get("gitSource") or {}
        if "deploymentId" in body:
            old = self.deployments.all.get(body["deploymentId"])
            if old is None:
                raise VercelFault(404, "not_found", "The deployment could not be found")
            made = self.deployments.again(old, target, meta)
        elif source.get("sha"):
            made = self.deployments.create(source["sha"], source.get("ref", ""), target, meta)
        elif "files" in body:
            made = self._from_files(body["files"], target, meta)
        else:
            raise VercelFault(400, "bad_request", "gitSource, files or deploymentId is required")
        return JSONResponse(self._detail(made))

    def _from_files(self, listed: list[dict], target: str, meta: dict) -> DemoDeployment:
        missing = sorted({f["sha"] for f in listed if "sha" in f} - self.files.keys())
        if missing:
            raise VercelFault(400, "missing_files", "Missing files", missing=missing)
        files = {f["file"]: self.files[f["sha"]] if "sha" in f else f["data"].encode() for f in listed}
        digest = hashlib.sha256(json.dumps(sorted((f, len(c)) for f, c in files.items())).encode()).hexdigest()
        return self.deployments.create(digest[:40], "", target, meta, files)

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._detail(self._one(request)))

    async def cancel(self, request: Request) -> Response:
        made = self._one(request)
        if not self.deployments.cancel(made):
            raise VercelFault(400, "bad_request", "The deployment is finished and cannot be canceled")
        return JSONResponse(self._detail(made))

    def _detail(self, made: DemoDeployment) -> dict:
        live = self.deployments.alias == made.id
        fault = {"errorCode": "BUILD_FAILED", "errorMessage": "The shop did not start"}
        return {
            "id": made.id,
            "name": PROJECT,
            "url": f"127.0.0.1:{made.port}",
            "readyState": made.state,
            "status": made.state,
            "createdAt": made.created,
            "ready": made.ready if made.state == "READY" else None,
            "buildingAt": made.created,
            "target": made.target if made.target == "production" else None,
            "projectId": PROJECT_ID,
            "ownerId": TEAM,
            "team": {"id": TEAM, "slug": "demo", "name": "Demo"},
            "creator": USER,
            "meta": made.meta,
            "regions": ["local1"],
            "public": False,
            "type": "LAMBDAS",
            "version": 2,
            "inspectorUrl": None,
            "alias": [DOMAIN] if live else [],
            "aliasAssigned": made.created if made.state == "READY" else None,  # its own address, not the domain
            "aliasError": None,
            "gitSource": {"type": "github", "sha": made.sha, "ref": made.ref} if made.files is None else None,
            **(fault if made.state == "ERROR" else {}),
        }

    async def list(self, request: Request) -> Response:
        given = request.query_params
        until, limit = int(given.get("until") or 0), int(given.get("limit", 20))
        rows = sorted(self.deployments.all.values(), key=lambda d: (d.created, d.id), reverse=True)
        rows = [d for d in rows if not until or d.created < until]
        rows = [d for d in rows if given.get("target") in (None, d.target)]
        page = [self._detail(d) for d in rows[:limit]]
        listed = [{**d, "uid": d["id"], "created": d["createdAt"], "state": d["readyState"]} for d in page]
        following = listed[-1]["created"] if len(rows) > limit else None
        return JSONResponse(
            {"deployments": listed, "pagination": {"count": len(listed), "next": following, "prev": None}}
        )

    async def events(self, request: Request) -> Response:
        """The build's output: a list or, with ``format=lines`` as the command line requests it, one JSON per line."""
        made = self._one(request)
        rows = [{"type": "stdout", "created": made.created, "payload": {"text": line}} for line in made.output]
        if request.query_params.get("format") != "lines":
            return JSONResponse(rows)
        lines = [{"type": row["type"], "created": row["created"], **row["payload"]} for row in rows]
        return Response("".join(json.dumps(line) + "\n" for line in lines), media_type="application/stream+json")

    async def builds(self, request: Request) -> Response:
        made = self._one(request)
        build = {
            "id": f"bld_{made.id}",
            "deploymentId": made.id,
            "readyState": made.state,
            "entrypoint": ".",
            "output": [],
        }
        return JSONResponse({"builds": [build]})

    async def aliases(self, request: Request) -> Response:
        made, created = self._one(request), {"created": "2026-01-01T00:00:00.000Z"}
        names = [DOMAIN] * (made.id == self.deployments.alias)
        names += [alias for alias, named in self.named.items() if named == made.id]
        rows = [{"uid": f"als_{alias}", "alias": alias, **created} for alias in names]
        return JSONResponse({"aliases": rows})

    async def assign(self, request: Request) -> Response:
        made, alias = self._one(request), str((await request.json()).get("alias"))
        if made.state != "READY":
            raise VercelFault(400, "deployment_not_ready", "The deployment is not READY and can not be aliased")
        if alias == DOMAIN:
            raise VercelFault(403, "forbidden", "The domain belongs to production")
        old, self.named[alias] = self.named.get(alias), made.id
        if old == made.id:
            raise VercelFault(409, "alias_already_assigned", "The alias is already assigned to the deployment")
        created = {"created": "2026-01-01T00:00:00.000Z", "oldDeploymentId": old}
        return JSONResponse({"uid": f"als_{alias}", "alias": alias, **created})

    # --- the project

    async def project(self, request: Request) -> Response:
        live = self.deployments.production()
        return JSONResponse(
            {
                "id": PROJECT_ID,
                "name": PROJECT,
                "accountId": TEAM,
                "autoAssignCustomDomains": self.deployments.auto_assign,
                "targets": {"production": self._detail(live) if live else None},
                "lastAliasRequest": self.job,
            }
        )

    async def variables(self, request: Request) -> Response:
        both = ["preview", "production"]
        rows = [
            {"id": f"env_{k}", "key": k, "value": v, "type": "plain", "target": both}
            for k, v in self.deployments.variables.items()
        ]
        return JSONResponse({"envs": rows})

    async def set_variable(self, request: Request) -> Response:
        body = await request.json()
        if body["key"] in self.deployments.variables and request.query_params.get("upsert") != "true":
            raise VercelFault(403, "ENV_CONFLICT", f"The environment variable {body['key']} exists already")
        self.deployments.variables[body["key"]] = body["value"]
        return JSONResponse({"created": {"key": body["key"], "type": body["type"]}, "failed": []}, 201)

    async def roll_back(self, request: Request) -> Response:
        return self._move(self._one(request), "rollback")

    async def promote(self, request: Request) -> Response:
        return self._move(self._one(request), "promote")

    def _move(self, made: DemoDeployment, kind: str) -> Response:
        if made.target != "production" or made.state != "READY":
            raise VercelFault(400, "bad_request", "The deployment is not a production deployment that is ready")
        job = {
            "fromDeploymentId": self.deployments.alias,
            "toDeploymentId": made.id,
            "jobStatus": "pending",
            "requestedAt": int(time.time() * 1000),
            "type": kind,
        }
        self.job = job

        def work():
            self.deployments.auto_assign = kind == "promote"
            self.rolling.abort()
            if kind == "rollback" or not self.rolling.begin(made):
                self.deployments.point(made.id)
            job["jobStatus"] = "succeeded"

        timer = threading.Timer(ALIAS_SECONDS, work)
        timer.daemon = True
        timer.start()
        return JSONResponse({}, 201)

    async def moved_aliases(self, request: Request) -> Response:
        last = self.job or {}
        status = {"succeeded": "completed"}.get(last.get("jobStatus", ""), "pending")
        rows = [{"status": status, "alias": DOMAIN, "id": "als_1"}] if self.job else []
        rows = [] if request.query_params.get("failedOnly") == "true" else rows
        return JSONResponse({"aliases": rows, "pagination": {"count": len(rows), "next": None, "prev": None}})


def _team() -> dict:
    return {"id": TEAM, "slug": "demo", "name": "Demo", "creatorId": USER["id"], "billing": {"plan": "pro"}}
