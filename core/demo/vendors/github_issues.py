"""GitHub's protocol for issues and their comments, and its pages; numbers are shared with pull requests."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MOST = 100  # rows of a page


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def paged(request: Request, rows: list, base: str, name: str = "") -> Response:
    """A page of the rows with the Link header to the next one; ``base`` is the public address of the API.

    ``name``: the response is an object with the rows under this key.
    """
    asked = dict(request.query_params)
    size, page = min(int(asked.get("per_page", 30)), MOST), int(asked.get("page", 1))
    last = max(1, -(-len(rows) // size))
    url = f"{base}{request.url.path.removeprefix('/github')}"
    ways = {"next": page + 1, "last": last} if page < last else {"prev": page - 1, "first": 1} if page > 1 else {}
    link = ", ".join(f'<{url}?{urlencode(asked | {"page": n})}>; rel="{way}"' for way, n in ways.items())
    part = rows[(page - 1) * size : page * size]
    found = {"total_count": len(rows), name: part} if name else part
    return JSONResponse(found, headers={"Link": link} if link else {})


class Issues:
    def __init__(self, name: str):
        self.name, self.base, self.web = name, "", ""
        self.rows: dict[int, dict] = {}
        self.comments: dict[int, list[dict]] = {}
        self.numbers, self.ids = itertools.count(1), itertools.count(1001)
        self.lock = threading.Lock()

    def at(self, url: str) -> None:
        self.base, self.web = f"{url}/github", url

    def number(self) -> int:
        return next(self.numbers)

    def file(self, title: str, body: str, labels: list[str], author: str = "support") -> dict:
        with self.lock:
            number, at = self.number(), now()
            self.rows[number] = {
                "id": 5000 + number,
                "number": number,
                "title": title,
                "body": body,
                "state": "open",
                "labels": [{"name": name} for name in labels],
                "user": {"login": author, "id": 7, "type": "User"},
                "comments": 0,
                "created_at": at,
                "updated_at": at,
                "closed_at": None,
                "html_url": f"{self.web}/{self.name}/issues/{number}",
                "url": f"{self.base}/repos/{self.name}/issues/{number}",
            }
            return self.rows[number]

    def listing(self, request: Request, body: dict) -> Response:
        if request.method == "POST":
            return JSONResponse(self.file(body["title"], body.get("body") or "", body.get("labels") or []), 201)
        asked = request.query_params
        key = {"updated": "updated_at"}.get(asked.get("sort", "created"), "created_at")
        state, since = asked.get("state", "open"), asked.get("since", "")
        with self.lock:
            rows = [r for r in self.rows.values() if state in ("all", r["state"]) and r["updated_at"] >= since]
        rows.sort(key=lambda r: (r[key], r["number"]), reverse=asked.get("direction", "desc") == "desc")
        return paged(request, rows, self.base)

    def one(self, request: Request, body: dict) -> Response:
        row = self.rows.get(request.path_params["number"])
        if row is None:
            return JSONResponse({"message": "Not Found"}, 404)
        if request.method == "PATCH":
            row.update({k: v for k, v in body.items() if k in ("title", "body", "state")}, updated_at=now())
            row["closed_at"] = now() if row["state"] == "closed" else None
        return JSONResponse(row)

    def comment(self, request: Request, body: dict) -> Response:
        number = request.path_params["number"]
        rows = self.comments.setdefault(number, [])
        if request.method == "GET":
            return paged(request, rows, self.base)
        rows.append(
            {
                "id": next(self.ids),
                "body": body["body"],
                "user": {"login": "platform", "id": 8, "type": "Bot"},
                "created_at": now(),
                "updated_at": now(),
                "html_url": f"{self.web}/{self.name}/issues/{number}#comment",
            }
        )
        return JSONResponse(rows[-1], 201)
