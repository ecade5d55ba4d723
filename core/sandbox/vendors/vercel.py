"""Vercel's protocol: deployments of commits, promotion, rollback by alias."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.sandbox.deployments import Deployment, Deployments

TOKEN, PROJECT = "vercel_demo0123456789abcdef", "shop"


class Vercel:
    def __init__(self, deployments: Deployments):
        self.deployments = deployments
        table = (
            ("/v2/user", self.user, "GET"),
            ("/v13/deployments", self.create, "POST"),
            ("/v13/deployments/{id}", self.get, "GET"),
            ("/v6/deployments", self.list, "GET"),
            ("/v3/deployments/{id}/events", self.events, "GET"),
            (f"/v9/projects/{PROJECT}", self.project, "GET"),
            (f"/v1/projects/{PROJECT}/rollback/{{id}}", self.rollback, "POST"),
            (f"/v10/projects/{PROJECT}/promote/{{id}}", self.rollback, "POST"),
        )
        self.routes = [Route("/vercel" + path, self._signed(work), methods=[method]) for path, work, method in table]

    def _signed(self, work):
        async def answer(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return JSONResponse({"error": {"code": "forbidden", "message": "Not authorized"}}, 403)
            if "id" in request.path_params and request.path_params["id"] not in self.deployments.all:
                return JSONResponse(
                    {"error": {"code": "not_found", "message": "The deployment could not be found"}}, 404
                )
            return work(request, await request.json() if request.method == "POST" and await request.body() else {})

        return answer

    def user(self, request: Request, body: dict) -> Response:
        return JSONResponse({"user": {"id": "user_demo", "username": "demo", "email": "demo@shop.example"}})

    def create(self, request: Request, body: dict) -> Response:
        meta, source = body.get("meta", {}), body.get("gitSource") or {}
        if "deploymentId" in body:
            old = self.deployments.all.get(body["deploymentId"])
            if old is None:
                return JSONResponse(
                    {"error": {"code": "not_found", "message": "The deployment could not be found"}}, 404
                )
            made = self.deployments.create(old.sha, old.ref, body.get("target") or "preview", meta)
        elif source.get("sha"):
            made = self.deployments.create(source["sha"], source.get("ref", ""), body.get("target") or "preview", meta)
        else:
            return JSONResponse(
                {"error": {"code": "bad_request", "message": "gitSource or deploymentId is required"}}, 400
            )
        return JSONResponse(self._detail(made))

    def get(self, request: Request, body: dict) -> Response:
        return JSONResponse(self._detail(self.deployments.all[request.path_params["id"]]))

    def _detail(self, made: Deployment) -> dict:
        return {
            "id": made.id,
            "name": PROJECT,
            "url": f"127.0.0.1:{made.port}",
            "readyState": made.state,
            "createdAt": made.created,
            "target": made.target if made.target == "production" else None,
            "meta": made.meta,
            "gitSource": {"type": "github", "sha": made.sha, "ref": made.ref},
            "errorMessage": "\n".join(made.output[-5:]) if made.state == "ERROR" else None,
        }

    def list(self, request: Request, body: dict) -> Response:
        until, limit = int(request.query_params.get("until") or 0), int(request.query_params.get("limit", 20))
        rows = sorted(self.deployments.all.values(), key=lambda d: (d.created, d.id), reverse=True)
        rows = [d for d in rows if not until or d.created < until]
        page = [self._detail(d) for d in rows[:limit]]
        listed = [{**d, "uid": d["id"], "created": d["createdAt"], "state": d["readyState"]} for d in page]
        following = listed[-1]["created"] if len(rows) > limit else None
        return JSONResponse(
            {"deployments": listed, "pagination": {"count": len(listed), "next": following, "prev": None}}
        )

    def events(self, request: Request, body: dict) -> Response:
        made = self.deployments.all[request.path_params["id"]]
        return JSONResponse(
            [{"type": "stdout", "created": made.created, "payload": {"text": line}} for line in made.output]
        )

    def project(self, request: Request, body: dict) -> Response:
        live = self.deployments.production()
        return JSONResponse(
            {
                "id": "prj_shop",
                "name": PROJECT,
                "targets": {"production": self._detail(live) if live else None},
                "lastAliasRequest": {
                    "toDeploymentId": self.deployments.alias,
                    "jobStatus": "succeeded",
                    "fromDeploymentId": self.deployments.previous,
                    "type": "rollback",
                    "requestedAt": self.deployments.changed,
                },
            }
        )

    def rollback(self, request: Request, body: dict) -> Response:
        self.deployments.point(request.path_params["id"])
        return JSONResponse({}, 201)
