"""GitHub's protocol for deployments, releases and workflow runs. The demo's shop has none: it deploys at Vercel.

They are what a client writes, and, for runs, what a test adds.
"""

from __future__ import annotations

import itertools
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.demo.vendors.github_issues import now, paged


class SimulatedActivity:
    def __init__(self):
        self.base, self.api = "", ""
        self.made: list[dict] = []
        self.ends: dict[int, list[dict]] = {}
        self.published: list[dict] = []
        self.ran: list[dict] = []
        self.ids = itertools.count(1)

    def at(self, base: str, api: str) -> None:
        self.base, self.api = base, api

    # --- deployments

    def deployments(self, request: Request, body: dict) -> Response:
        if request.method == "GET":
            return paged(request, self.made[::-1], self.api)
        number = next(self.ids)
        kept = {"ref": body["ref"], "sha": body.get("sha") or body["ref"], "task": body.get("task", "deploy")}
        place = body.get("environment", "production")
        row = {"id": number, "environment": place, "created_at": now(), "updated_at": now(), **kept}
        self.made.append(row | {"url": f"{self.base}/deployments/{number}", "production_environment": True})
        return JSONResponse(self.made[-1], 201)

    def deployment(self, request: Request, body: dict) -> Response:
        row = next((one for one in self.made if one["id"] == request.path_params["number"]), None)
        return JSONResponse(row) if row else JSONResponse({"message": "Not Found"}, 404)

    def statuses(self, request: Request, body: dict) -> Response:
        rows = self.ends.setdefault(request.path_params["number"], [])
        if request.method == "GET":
            return paged(request, rows[::-1], self.api)
        rows.append({"id": next(self.ids), "state": body["state"], "created_at": now(), "updated_at": now()})
        return JSONResponse(rows[-1], 201)

    # --- releases

    def releases(self, request: Request, body: dict) -> Response:
        if request.method == "GET":
            return paged(request, self.published[::-1], self.api)
        number = next(self.ids)
        kept = {"tag_name": body["tag_name"], "name": body.get("name") or "", "body": body.get("body") or ""}
        times = {"draft": bool(body.get("draft")), "created_at": now(), "published_at": now()}
        row = {"id": number, "url": f"{self.base}/releases/{number}", "prerelease": False, **kept, **times}
        self.published.append(row)
        return JSONResponse(row, 201)

    # --- workflow runs

    def run(self, name: str, sha: str, conclusion: str, branch: str = "main", at: str = "") -> dict:
        """Add a run that ended."""
        number, when = next(self.ids), at or now()
        times = {"created_at": when, "updated_at": when, "run_started_at": when}
        row = {"id": number, "run_attempt": 1, "name": name, "path": f".github/workflows/{name}.yml", **times}
        row |= {"head_sha": sha, "head_branch": branch, "status": "completed", "conclusion": conclusion}
        self.ran.append(row | {"event": "push", "html_url": f"{self.base}/actions/runs/{number}"})
        return self.ran[-1]

    def runs(self, request: Request, body: dict) -> Response:
        asked = request.query_params
        kept = [row for row in self.ran[::-1] if _fits(row, dict(asked))]
        return paged(request, kept, self.api, "workflow_runs")


def _fits(row: dict, asked: dict) -> bool:
    wanted = asked.get("status")
    if asked.get("branch") not in (None, row["head_branch"]) or wanted not in (None, row["status"], row["conclusion"]):
        return False
    begun = asked.get("created", "").removeprefix(">=")
    return not begun or datetime.fromisoformat(row["created_at"]) >= datetime.fromisoformat(begun)
