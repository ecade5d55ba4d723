"""OSV's protocol: batches of queries with pages, and single advisories.

It has a few real advisories from the GitHub Advisory Database and the Python Packaging Advisory Database (both
CC BY 4.0), shortened to what the protocol needs. Some are in both, under two ids.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ADVISORIES = Path(__file__).with_name("osv_advisories.json")
MOST, PAGE = 1000, 1000  # queries in a batch; ids in a page of one query
NOT_FOUND, INVALID = 5, 3  # gRPC's codes


class OsvFault(Exception):
    def __init__(self, status: int, code: int, message: str):
        super().__init__(message)
        self.status, self.body = status, {"code": code, "message": message}


@dataclass
class Query:
    name: str
    version: str
    begin: int  # start of its page


class SimulatedOsv:
    """A small ``page`` forces paging."""

    def __init__(self, prefix: str = "/osv", page: int = PAGE):
        self.rows = {row["id"]: row for row in json.loads(ADVISORIES.read_text(encoding="utf-8"))}
        self.page = page
        self.routes = [
            Route(f"{prefix}/v1/querybatch", _answering(self.batch), methods=["POST"]),
            Route(f"{prefix}/v1/vulns/{{id}}", _answering(self.one)),
        ]

    async def batch(self, request: Request) -> dict:
        try:
            queries = (await request.json()).get("queries", [])
        except (ValueError, AttributeError):
            raise OsvFault(400, INVALID, "the body is not the JSON of a batch") from None
        if len(queries) > MOST:
            raise OsvFault(400, INVALID, "too many queries")
        return {"results": [self._result(_query(query, number)) for number, query in enumerate(queries)]}

    def _result(self, query: Query) -> dict:
        found = [row for row in self.rows.values() if affects(row, query.name, query.version)]
        page = found[query.begin : query.begin + self.page]
        payload = {"vulns": [{"id": row["id"], "modified": row["modified"]} for row in page]} if page else {}
        end = query.begin + self.page
        return payload | ({"next_page_token": _token(end)} if end < len(found) else {})

    async def one(self, request: Request) -> dict:
        row = self.rows.get(request.path_params["id"])
        if row is None:
            raise OsvFault(404, NOT_FOUND, "Vulnerability not found")
        return row


def _answering(work):
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await work(request))
        except OsvFault as fault:
            return JSONResponse(fault.body, fault.status)

    return answer


def _query(given: dict, number: int) -> Query:
    package = given.get("package") or {}
    if "purl" in package or "commit" in given:
        raise OsvFault(
            400, INVALID, f"error in query at index {number}: the simulator only supports queries by name and version"
        )
    if not package.get("name") or package.get("ecosystem") != "PyPI":
        raise OsvFault(400, INVALID, f"error in query at index {number}: invalid query")
    begin = _begin(given.get("page_token", ""), number)
    return Query(canonicalize_name(package["name"]), given.get("version", ""), begin)


def _token(place: int) -> str:
    return base64.urlsafe_b64encode(f"P:{place}".encode()).decode()


def _begin(token: str, number: int) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("P:"))
    except ValueError:
        raise OsvFault(400, INVALID, f"error in query at index {number}: invalid cursor") from None


def affects(row: dict, name: str, version: str) -> bool:
    """Whether the version is within an advisory's ranges."""
    mine = [a for a in row["affected"] if canonicalize_name(a["package"]["name"]) == name]
    return any(_within(one["events"], version) for a in mine for one in a["ranges"])


def _within(events: list[dict], version: str) -> bool:
    """OSV's rule: the last event at or below the version decides."""
    try:
        at = Version(version)
    except InvalidVersion:
        return False
    passed = [kind for event in events for kind, edge in event.items() if Version(edge) <= at]
    return passed[-1:] == ["introduced"]
