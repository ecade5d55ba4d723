"""A team's pipeline on the simulated GitHub: deployments with their statuses, and workflows that are dispatched.

https://docs.github.com/rest/deployments and https://docs.github.com/rest/actions: the parts that a release touches.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.demo.vendors.github import SimulatedGitHub
from core.demo.vendors.github_issues import now, paged
from tests.services.production import Failed


class Pipeline:
    """``deploy(sha)`` puts a commit into production. Raises production.Failed."""

    def __init__(self, hub: SimulatedGitHub, deploy: Callable[[str], None]):
        self.hub, self.deploy = hub, deploy
        self.ids = itertools.count(7001)
        self.deployments: dict[int, dict] = {}
        self.runs: dict[int, dict] = {}
        table = (
            ("/deployments", self.listed, "GET POST"),
            ("/deployments/{number:int}/statuses", self.statuses, "GET POST"),
            ("/actions/workflows/{file}/dispatches", self.dispatch, "POST"),
            ("/actions/workflows/{file}/runs", self.run_list, "GET"),
            ("/actions/workflows/{file}", self.workflow, "GET"),
            ("/actions/runs", self.run_list, "GET"),
            ("/actions/runs/{number:int}", self.run, "GET"),
            ("/actions/runs/{number:int}/jobs", self.jobs, "GET"),
            ("/actions/runs/{number:int}/pending_deployments", self.pending, "GET"),
            ("/actions/runs/{number:int}/cancel", self.cancel, "POST"),
            ("/environments/{name}", self.environment, "GET"),
        )
        self.routes = [Route(hub.path + path, hub._signed(work), methods=words.split()) for path, work, words in table]

    # --- deployments

    def release(self, sha: str) -> None:
        """Deploy a commit as the pipeline does after a merge, and tell GitHub of it."""
        made = self._deployment(sha, "main")
        try:
            self.deploy(sha)
            self._status(made, "success")
        except Failed:
            self._status(made, "failure")

    def _deployment(self, sha: str, ref: str) -> dict:
        number = next(self.ids)
        url = f"{self.hub.base}/deployments/{number}"
        row = {
            "id": number,
            "url": url,
            "sha": sha,
            "ref": ref,
            "task": "deploy",
            "environment": "production",
            "production_environment": True,
            "transient_environment": False,
            "payload": {},
            "created_at": now(),
            "updated_at": now(),
            "statuses_url": f"{url}/statuses",
            "statuses": [],
        }
        self.deployments[number] = row
        return row

    def _status(self, row: dict, state: str) -> None:
        made = {"id": next(self.ids), "state": state, "environment": row["environment"], "target_url": ""}
        row["statuses"].insert(0, made | {"description": "", "created_at": now(), "updated_at": now()})

    def listed(self, request: Request, body: dict) -> Response:
        if request.method == "POST":
            row = self._deployment(self._commit(body["ref"]), body["ref"])
            return JSONResponse(self._told(row) | {"payload": body.get("payload") or {}}, 201)
        asked = request.query_params
        rows = [self._told(row) for row in reversed(self.deployments.values())]
        fits = [
            row for row in rows if all(asked.get(key, row[key]) == row[key] for key in ("sha", "ref", "environment"))
        ]
        return paged(request, fits, self.hub.tickets.base)

    def _told(self, row: dict) -> dict:
        return {key: value for key, value in row.items() if key != "statuses"}

    def statuses(self, request: Request, body: dict) -> Response:
        row = self.deployments.get(request.path_params["number"])
        if row is None:
            return JSONResponse({"message": "Not Found"}, 404)
        if request.method == "POST":
            self._status(row, body["state"])
            return JSONResponse(row["statuses"][0], 201)
        return paged(request, row["statuses"], self.hub.tickets.base)

    def _commit(self, ref: str) -> str:
        return self.hub.git("rev-parse", "--verify", f"{ref}^{{commit}}").strip()

    # --- workflows

    def workflow(self, request: Request, body: dict) -> Response:
        file = request.path_params["file"]
        return JSONResponse({"id": 1, "name": "Deploy", "path": f".github/workflows/{file}", "state": "active"})

    def dispatch(self, request: Request, body: dict) -> Response:
        """Runs at once; the commit is that of the inputs, or of the ref."""
        inputs, text = body.get("inputs") or {}, self._text(request.path_params["file"])
        if unknown := [name for name in inputs if not re.search(rf"(?m)^ +{re.escape(name)}:", text)]:
            return JSONResponse({"message": f"Unexpected inputs provided: {unknown}"}, 422)
        row = self._run(request.path_params["file"], body["ref"], titled(text, inputs))
        threading.Thread(target=self._carry_out, args=(row, inputs.get("sha") or row["head_sha"]), daemon=True).start()
        told = {"workflow_run_id": row["id"], "run_url": row["url"], "html_url": row["html_url"]}
        return JSONResponse(told) if body.get("return_run_details") else Response(status_code=204)

    def by_hand(self, file: str, sha: str) -> None:
        """The team's own dispatch, followed to its end."""
        row = self._run(file, "main", titled(self._text(file), {"sha": sha, "key": "by hand"}))
        self._carry_out(row, sha)

    def _text(self, file: str) -> str:
        return self.hub.git("show", f"main:.github/workflows/{file}")

    def _run(self, file: str, ref: str, title: str) -> dict:
        number = next(self.ids)
        row = {
            "id": number,
            "name": "Deploy",
            "display_title": title,
            "path": f".github/workflows/{file}",
            "event": "workflow_dispatch",
            "status": "in_progress",
            "conclusion": None,
            "head_sha": self._commit(ref),
            "head_branch": ref,
            "html_url": f"{self.hub.url}/{self.hub.name}/actions/runs/{number}",
            "url": f"{self.hub.base}/actions/runs/{number}",
            "created_at": now(),
            "updated_at": now(),
            "run_started_at": now(),
            "run_attempt": 1,
        }
        self.runs[number] = row
        return row

    def _carry_out(self, row: dict, sha: str) -> None:
        made = self._deployment(sha, row["head_branch"])
        try:
            self.deploy(sha)
            ended = "success"
        except (Failed, RuntimeError):
            ended = "failure"
        self._status(made, ended)
        row.update(status="completed", conclusion=ended, updated_at=now())

    def run_list(self, request: Request, body: dict) -> Response:
        asked = request.query_params
        rows = [row for row in reversed(self.runs.values()) if asked.get("event", row["event"]) == row["event"]]
        if (status := asked.get("status")) is not None:
            rows = [row for row in rows if status in (row["status"], row["conclusion"])]
        return JSONResponse({"total_count": len(rows), "workflow_runs": rows})

    def run(self, request: Request, body: dict) -> Response:
        row = self.runs.get(request.path_params["number"])
        return JSONResponse(row) if row else JSONResponse({"message": "Not Found"}, 404)

    def jobs(self, request: Request, body: dict) -> Response:
        row = self.runs[request.path_params["number"]]
        job = {"id": row["id"] * 10, "run_id": row["id"], "name": "deploy", "steps": []}
        return JSONResponse(
            {"total_count": 1, "jobs": [job | {k: row[k] for k in ("status", "conclusion", "html_url")}]}
        )

    def pending(self, request: Request, body: dict) -> Response:
        return JSONResponse([])

    def cancel(self, request: Request, body: dict) -> Response:
        return JSONResponse({"message": "Cannot cancel a workflow run that is completed."}, 409)

    def environment(self, request: Request, body: dict) -> Response:
        return JSONResponse({"id": 1, "name": request.path_params["name"], "protection_rules": []})


def titled(workflow: str, inputs: dict[str, str]) -> str:
    """What a run is called: the workflow's ``run-name`` with its inputs, else the workflow's name."""
    found = re.search(r"(?m)^run-name: *(.+)$", workflow) or re.search(r"(?m)^name: *(.+)$", workflow)
    text = found[1] if found else "workflow"
    return re.sub(r"\$\{\{ *inputs\.(\w+) *\}\}", lambda m: inputs.get(m[1], ""), text)
