"""GitHub's protocol for feedback on a commit: statuses, check runs, reviews and their comments."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.demo.vendors.github_issues import now, paged

WORST = ("failure", "error", "pending", "success")  # the combined state is the first of these that occurs


class Reviews:
    def __init__(self, head: Callable[[int], str | None]):
        self.base, self.api, self.head = "", "", head
        self.said: dict[str, dict[str, dict]] = {}  # by commit and context
        self.runs: dict[str, list[dict]] = {}
        self.given: dict[int, list[dict]] = {}
        self.lines: dict[int, list[dict]] = {}
        self.ids = itertools.count(1)
        self.reviewers: list[Callable[[str], None]] = []  # called with a commit whose status is asked for

    def status(self, request: Request, body: dict) -> Response:
        sha = request.path_params["sha"]
        if request.method == "POST":
            told = (body["context"], body.get("state"), body.get("description"), body.get("target_url"))
            return JSONResponse(self.say(sha, *told), 201)
        for review in self.reviewers:
            review(sha)
        written = self.said.get(sha, {})
        states = {row["state"] for row in written.values()}
        state = next((word for word in WORST if word in states), "pending")
        url = f"{self.base}/commits/{sha}/status"
        found = {"state": state, "sha": sha, "url": url, "total_count": len(written), "statuses": [*written.values()]}
        return JSONResponse(found)

    def say(self, sha: str, context: str, state: str | None, says: str | None, url: str | None = None) -> dict:
        """Set the status of a commit in a context."""
        row = {"id": next(self.ids), "url": f"{self.base}/statuses/{sha}", "created_at": now(), "updated_at": now()}
        row |= {"state": state, "context": context, "description": says, "target_url": url}
        self.said.setdefault(sha, {})[context] = row
        return row

    def check_runs(self, request: Request, body: dict) -> Response:
        if request.method == "POST":
            kept = {k: body.get(k) for k in ("name", "head_sha", "status", "conclusion", "output")}
            number = next(self.ids)
            row = {"id": number, "url": f"{self.base}/check-runs/{number}", "started_at": now(), **kept}
            self.runs.setdefault(body["head_sha"], []).append(row)
            return JSONResponse(row, 201)
        rows = self.runs.get(request.path_params["sha"], [])
        return JSONResponse({"total_count": len(rows), "check_runs": rows})

    def reviews(self, request: Request, body: dict) -> Response:
        number = request.path_params["number"]
        if (sha := self.head(number)) is None:
            return JSONResponse({"message": "Not Found"}, 404)
        rows = self.given.setdefault(number, [])
        if request.method == "GET":
            return paged(request, rows, self.api)
        state = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}.get(str(body.get("event")), "COMMENTED")
        rows.append(
            self._row(body) | {"state": state, "commit_id": body.get("commit_id") or sha, "submitted_at": now()}
        )
        return JSONResponse(rows[-1], 200)

    def comments(self, request: Request, body: dict) -> Response:
        """Comments on a line of a pull request's change."""
        number = request.path_params["number"]
        rows = self.lines.setdefault(number, [])
        if request.method == "GET":
            return paged(request, rows, self.api)
        kept = {k: body.get(k) for k in ("path", "line", "side", "commit_id")}
        rows.append(self._row(body) | kept | {"created_at": now(), "updated_at": now()})
        return JSONResponse(rows[-1], 201)

    def _row(self, body: dict) -> dict:
        who = {"login": "reviewer", "id": 9, "type": "User"}
        return {"id": next(self.ids), "user": who, "body": body.get("body") or ""}
