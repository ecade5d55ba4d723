"""Kestra's protocol as its two specifications have it, in memory: 1.x has outputs in task runs, 2.x has them apart.

A flow here is a function from its inputs to the outputs of its tasks, and to its ``state`` if that is not SUCCESS;
``pause`` makes it wait for a person first.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from core.demo.vendors.model import opinion

USER, PASSWORD, TOKEN = "admin@kestra.example", "Kestra-demo-1", "kestra-demo-token"


def _at() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class SimulatedKestra:
    def __init__(self, version: str, namespace: str = "platform", under: str = ""):
        """``under`` is the path before /api, where several vendors share an address."""
        self.version, self.modern = version, version.startswith("2")
        self.namespace, self.flows, self.sources = namespace, {}, {}
        self.executions: dict[str, dict] = {}
        self.outputs: dict[str, dict] = {}  # by task run
        self.looks: dict[str, int] = {}  # how many GETs until an execution goes on
        one, act = "/api/v1/{tenant}/executions/{id}", "/actions" if self.modern else ""
        table = [
            ("/api/v1/configs", self.configs, "GET"),
            ("/api/v1/{tenant}/executions", self.search, "GET"),
            (f"{one}{act}/resume", self.resume, "POST"),
            ("/api/v1/{tenant}/executions/{namespace}/{flow}", self.create, "POST"),
            (one, self.get, "GET"),
            (f"{one}/follow", self.follow, "GET"),
            ("/api/v1/{tenant}/logs/{id}/download", self.logs, "GET"),
            ("/api/v1/{tenant}/flows/validate", self.validate, "POST"),
            ("/api/v1/{tenant}/flows/{namespace}", self.flow_list, "GET"),
            ("/api/v1/{tenant}/flows/{namespace}/{flow}", self.put_flow, "PUT"),
            ("/api/v1/{tenant}/flows", self.post_flow, "POST"),
        ]
        if self.modern:
            table.append(("/api/v1/{tenant}/outputs/{id}/{run}", self.output, "GET"))
        self.routes = [Route(under + path, self._signed(work), methods=[method]) for path, work, method in table]

    def _signed(self, work):
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

        async def answer(request: Request) -> Response:
            if request.headers.get("authorization") not in (f"Basic {basic}", f"Bearer {TOKEN}"):
                return JSONResponse({"message": "Unauthorized"}, 401)
            if request.path_params.get("tenant", "main") != "main":
                return JSONResponse({"message": "No such tenant"}, 404)
            try:
                return await work(request)
            except KeyError as missing:
                return JSONResponse({"message": f"Not found: {missing}"}, 404)

        return answer

    async def configs(self, request: Request) -> Response:
        return JSONResponse({"uuid": "u", "version": self.version, "edition": "OSS"})

    # --- executions

    async def create(self, request: Request) -> Response:
        flow, namespace = request.path_params["flow"], request.path_params["namespace"]
        if namespace != self.namespace:
            raise KeyError(namespace)
        work, pause = self.flows[flow]
        inputs = dict(await request.form())
        labels = [
            dict(zip(("key", "value"), text.split(":", 1), strict=True))
            for text in request.query_params.getlist("labels")
        ]
        made = {
            "id": f"e{len(self.executions) + 1:021d}",
            "namespace": namespace,
            "flowId": flow,
            "flowRevision": 1,
            "inputs": inputs,
            "labels": labels,
            "taskRunList": [],
            "state": self._state("CREATED"),
            "deleted": False,
            "tenantId": "main",
            "metadata": {"attemptNumber": 1, "originalCreatedDate": _at()},
        }
        made["originalId"] = made["id"]
        self.executions[made["id"]] = made
        self.looks[made["id"]] = 2
        made["_work"], made["_pause"] = work, pause
        return JSONResponse(self._shown(made) | {"url": f"http://localhost/ui/executions/{made['id']}"})

    def _state(self, current: str) -> dict:
        histories = [{"state": current, "date": _at()}]
        return {"current": current, "histories": histories, "duration": "PT0.1S", "startDate": _at(), "endDate": _at()}

    def _shown(self, made: dict) -> dict:
        return {key: value for key, value in made.items() if not key.startswith("_")}

    def _go_on(self, made: dict) -> None:
        """Each look brings it a step further: CREATED, RUNNING, [PAUSED], its end."""
        self.looks[made["id"]] -= 1
        if made["state"]["current"] in ("CREATED", "RUNNING") and self.looks[made["id"]] > 0:
            made["state"] = self._state("RUNNING")
        elif made["_pause"] and made["state"]["current"] == "RUNNING":
            made["state"] = self._state("PAUSED")
        elif made["state"]["current"] == "RUNNING":
            self._end(made)

    def _end(self, made: dict) -> None:
        try:
            given = made["_work"](made["inputs"])
            state = given.pop("state", "SUCCESS")
        except RuntimeError:
            given, state = {}, "FAILED"
        for task, outputs in given.items():
            run = {
                "id": f"{made['id']}{task}",
                "taskId": task,
                "executionId": made["id"],
                "namespace": made["namespace"],
                "flowId": made["flowId"],
                "state": self._state("SUCCESS"),
            }
            self.outputs[run["id"]] = outputs
            made["taskRunList"].append(run if self.modern else run | {"outputs": outputs})
        made["state"] = self._state(state)

    async def get(self, request: Request) -> Response:
        made = self.executions[request.path_params["id"]]
        self._go_on(made)
        return JSONResponse(self._shown(made))

    async def follow(self, request: Request) -> Response:
        """First a stub, then one step, and an early end."""
        made = self.executions[request.path_params["id"]]
        self._go_on(made)
        events = [{"id": "start", "data": {"id": made["id"]}}, {"id": "progress", "data": self._shown(made)}]
        text = "".join(f"id: {e['id']}\nevent: {e['id']}\ndata: {json.dumps(e['data'])}\n\n" for e in events)
        return StreamingResponse(iter([text.encode()]), media_type="text/event-stream")

    async def search(self, request: Request) -> Response:
        given = request.query_params
        rows = [
            self._shown(e)
            for e in self.executions.values()
            if (e["namespace"], e["flowId"]) == (given["namespace"], given["flowId"])
        ]
        return JSONResponse({"results": rows[::-1][: int(given.get("size", 10))], "total": len(rows)})

    async def resume(self, request: Request) -> Response:
        made = self.executions[request.path_params["id"]]
        if made["state"]["current"] != "PAUSED":
            return JSONResponse({"message": "The execution is not paused"}, 409)
        made["inputs"] |= dict(await request.form())
        self._end(made)
        return JSONResponse(self._shown(made)) if self.modern else Response(status_code=204)

    async def output(self, request: Request) -> Response:
        return JSONResponse(self.outputs[request.path_params["run"]])

    async def logs(self, request: Request) -> Response:
        return PlainTextResponse("INFO it ran")

    # --- flows

    async def flow_list(self, request: Request) -> Response:
        return JSONResponse([{"id": flow, "namespace": self.namespace} for flow in self.sources])

    async def validate(self, request: Request) -> Response:
        text = (await request.body()).decode()
        fault = {} if "namespace:" in text else {"constraints": "namespace: must not be null"}
        return JSONResponse([{"index": 0, "outdated": False, **fault}])

    async def put_flow(self, request: Request) -> Response:
        if request.path_params["flow"] not in self.sources:
            raise KeyError(request.path_params["flow"])
        return await self._store(request, request.path_params["flow"])

    async def post_flow(self, request: Request) -> Response:
        text = (await request.body()).decode()
        return await self._store(request, text.split("id:", 1)[1].split()[0])

    async def _store(self, request: Request, flow: str) -> Response:
        if "yaml" not in request.headers.get("content-type", ""):
            return JSONResponse({"message": "Unsupported Media Type"}, 415)
        self.sources[flow] = (await request.body()).decode()
        return JSONResponse({"id": flow, "namespace": self.namespace, "source": self.sources[flow]})


def demo_agent(inputs: dict) -> dict:
    """The demo's AI agent of the flow ``analysis``: a script, like the demo's model (model.py)."""
    said = opinion(str(inputs.get("evidence", "")))
    tokens = len(str(inputs)) // 4
    return {"agent": {"jsonOutput": said, "tokenUsage": {"totalTokenCount": tokens}}}


def simulated() -> SimulatedKestra:
    """The demo's Kestra, below /kestra, with its one flow."""
    made = SimulatedKestra("1.3.26", under="/kestra")
    made.flows["analysis"] = (demo_agent, False)
    made.sources["analysis"] = "id: analysis"
    return made
