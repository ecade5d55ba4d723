"""New Relic's protocol: NerdGraph run by a real GraphQL engine; NRQL over the shop's transactions; AI issues."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

from graphql import GraphQLError, build_schema, graphql_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.demo.alarms import Alarms, Ringing
from core.demo.telemetry import Telemetry
from core.demo.vendors.nrql import NrqlError, answer

KEY, ACCOUNT = "NRAK-DEMO0123456789ABCDEFGHIJKLM", 1234567
LONG = 3600_000  # ms; an asynchronous query over a longer span is answered later
SCHEMA = build_schema("""
scalar Nrql scalar Seconds scalar NrdbResult scalar EpochMilliseconds
type Query { actor: Actor }
type Actor { account(id: Int!): Account user: User }
type User { email: String id: Int name: String }
type Account {
  id: Int name: String aiIssues: AiIssuesAccountStitchedFields
  nrql(query: Nrql!, timeout: Seconds, async: Boolean): NrdbResultContainer
  nrqlQueryProgress(queryId: ID!): NrdbResultContainer
}
type NrdbResultContainer { nrql: Nrql results: [NrdbResult] metadata: NrdbMetadata queryProgress: NrdbQueryProgress }
type NrdbMetadata { eventTypes: [String] facets: [String] messages: [String] }
type NrdbQueryProgress {
  completed: Boolean queryId: ID resultExpiration: Seconds retryAfter: Seconds retryDeadline: Seconds
}
input TimeWindowInput { endTime: EpochMilliseconds! startTime: EpochMilliseconds! }
enum AiIssuesIssueState { ACTIVATED CLOSED CREATED DEACTIVATED }
enum AiIssuesPriority { CRITICAL HIGH LOW MEDIUM }
input AiIssuesFilterIssues { ids: [ID!] states: [AiIssuesIssueState!] }
type AiIssuesAccountStitchedFields {
  issues(cursor: String, filter: AiIssuesFilterIssues, timeWindow: TimeWindowInput): AiIssuesIssueData
}
type AiIssuesIssueData { issues: [AiIssuesIssue!]! nextCursor: String }
type AiIssuesIssue {
  issueId: ID! title: [String!]! description: [String!]! priority: AiIssuesPriority! state: AiIssuesIssueState!
  createdAt: EpochMilliseconds! activatedAt: EpochMilliseconds updatedAt: EpochMilliseconds!
  closedAt: EpochMilliseconds conditionName: [String!] policyName: [String!] entityNames: [String!]
  deepLinkUrl: [String!]
}
""")


class SimulatedNewRelic:
    def __init__(self, telemetry: Telemetry, alarms: Alarms):
        self.telemetry, self.alarms = telemetry, alarms
        self.running: dict[str, dict] = {}
        self.numbers = itertools.count(1)
        self.routes = [Route("/newrelic/graphql", self.graphql, methods=["POST"])]

    async def graphql(self, request: Request) -> Response:
        if request.headers.get("api-key") != KEY:
            payload = {
                "message": "Invalid API key",
                "extensions": {"error_code": "BAD_API_KEY", "errorClass": "SENTINEL"},
            }
            return JSONResponse({"errors": [payload]})
        body = await request.json()
        opted = "AiIssues" in request.headers.get("nerd-graph-unsafe-experimental-opt-in", "")
        root = {"actor": {"account": lambda _info, id: self._account(id, opted)}}
        done = graphql_sync(SCHEMA, body.get("query", ""), root, variable_values=body.get("variables"))
        return JSONResponse(done.formatted)

    def _account(self, number: int, opted: bool) -> dict | None:
        if number != ACCOUNT:
            return None
        return {
            "id": ACCOUNT,
            "name": "Shop",
            "nrql": lambda _info, query, timeout=5, **more: self._nrql(query, more.get("async", False)),
            "nrqlQueryProgress": lambda _info, queryId: self.running[queryId],  # noqa: N803 - the schema's name
            "aiIssues": {"issues": lambda _info, **asked: self._issues(opted, **asked)},
        }

    def _nrql(self, query: str, asynchronous: bool) -> dict:
        try:
            rows, span = answer(query, self.telemetry)
        except NrqlError as error:
            raise GraphQLError(f"NRQL Syntax Error: {error}", extensions={"errorClass": "INVALID_INPUT"}) from None
        number = f"query-{next(self.numbers)}"
        found = {"nrql": query, "results": rows, "metadata": {}, "queryProgress": _progress(number, True)}
        if not (asynchronous and span > LONG):
            return found
        self.running[number] = found
        return {"nrql": query, "results": None, "queryProgress": _progress(number, False)}

    def _issues(
        self, opted: bool, cursor: str | None = None, filter: dict | None = None, timeWindow: dict | None = None
    ):  # noqa: A002, N803
        """One issue for each active alarm; the shop never has more than a page of them."""
        if not opted:
            raise GraphQLError("this field needs nerd-graph-unsafe-experimental-opt-in: AiIssues")
        states = (filter or {}).get("states") or ["ACTIVATED"]
        end = (timeWindow or {}).get("endTime") or time.time() * 1000
        rows = [r for r in self.alarms.ringing() if r.since * 1000 <= end and "ACTIVATED" in states]
        return {"issues": [_issue(r) for r in rows], "nextCursor": None}


def _progress(number: str, done: bool) -> dict:
    return {"queryId": number, "completed": done, "retryAfter": 1, "retryDeadline": 60, "resultExpiration": 600}


def _issue(found: Ringing) -> dict:
    at = int(found.since * 1000)
    return {
        "issueId": f"nr-{found.id}",
        "title": [f"{found.service} query result is > 0.02 on 'High error rate'"],
        "description": [f"{found.share:.1%} of the requests of {found.service} fail with an error"],
        "priority": "HIGH",
        "state": "ACTIVATED",
        "createdAt": at,
        "activatedAt": at,
        "updatedAt": int(datetime.now(UTC).timestamp() * 1000),
        "conditionName": ["High error rate"],
        "policyName": ["Shop"],
        "entityNames": [found.service],
        "deepLinkUrl": [],
    }
