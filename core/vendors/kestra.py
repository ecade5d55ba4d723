"""Kestra: start an execution, follow it to its end, read its outputs, resume its pauses; its AI agent as an analyst.

API /api/v1/{tenant}, basic auth (open source, tenant "main") or a bearer token. The event stream of an execution begins
with a stub and may end early, so its state is confirmed by GET. From version 2.0 on, a task's outputs are below
/outputs and actions below /actions; the server's version is in /configs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.signals.analysis.types import Conclusion, IssueFacts
from core.vendors.base import FAULTS, Check, VendorError, understood
from core.vendors.http import Http
from core.vendors.opinion import SYSTEM, fenced, question, tempered

GOOD = ("SUCCESS", "WARNING")
ENDED = (*GOOD, "FAILED", "KILLED", "CANCELLED", "SKIPPED", "RETRIED", "RESUBMITTED")
POLL, SLOWEST = 1.0, 10.0  # seconds between two polls: first, and maximum
# The memory of a service keeps two prompts and two answers. At 3 bytes a token (English text and code have about 4),
# that is below 8,000 tokens (tests/cli/test_kestra_agent.py). The plugin itself can only count messages.
EVIDENCE = 8_000  # bytes of one prompt's evidence
WHERE = "KESTRA_URL, KESTRA_USER and KESTRA_PASSWORD (open source) or KESTRA_TOKEN, KESTRA_TENANT"


@dataclass(frozen=True)
class Execution:
    """``runs`` are its task runs as in Kestra's JSON; ``state`` is one of Kestra's states."""

    id: str
    state: str
    runs: tuple[dict, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Kestra:
    name = "kestra"

    def __init__(self, http: Http, tenant: str = "main", namespace: str = "platform"):
        self.http, self.namespace, self.base = http, namespace, f"/api/v1/{tenant}"
        self._version = ""

    def version(self) -> str:
        """The server's version, e.g. 1.3.26."""
        self._version = self._version or str(self.http.get("/api/v1/configs").json().get("version") or "1")
        return self._version

    @property
    def modern(self) -> bool:
        """Is the version 2.0 or newer?"""
        head = self.version().lstrip("v").split(".")[0]
        return head.isdigit() and int(head) >= 2

    def trigger(self, flow: str, inputs: Mapping[str, str], key: str) -> Execution:
        """Start a flow; idempotent by key: an existing execution is found by its label ``platformKey``."""
        if found := self._find(flow, key):
            return found
        path = f"{self.base}/executions/{self.namespace}/{flow}"
        return execution(self.http.post(path, params={"labels": f"platformKey:{key}"}, files=_parts(inputs)).json())

    def _find(self, flow: str, key: str) -> Execution | None:
        """The newest execution of the flow with the key's label, of the last hundred."""
        params = {"namespace": self.namespace, "flowId": flow, "size": 100}
        rows = self.http.get(f"{self.base}/executions", params=params).json().get("results") or []
        mine = {"key": "platformKey", "value": key}
        found = next((row for row in rows if mine in (row.get("labels") or [])), None)
        return execution(found) if found else None

    def execution(self, execution_id: str) -> Execution:
        return execution(self.http.get(f"{self.base}/executions/{execution_id}").json())

    def follow(self, execution_id: str, seconds: float) -> Execution:
        """The execution once it has ended or waits for a person. Raises VendorError after ``seconds``."""
        deadline, pause = time.monotonic() + seconds, POLL
        while True:
            self._listen(execution_id)
            now = self.execution(execution_id)
            if now.ended or now.state == "PAUSED":
                return now
            if time.monotonic() + pause > deadline:
                raise VendorError(self.name, f"execution {execution_id} is still {now.state} after {seconds:.0f} s")
            time.sleep(pause)
            pause = min(pause * 2, SLOWEST)

    def _listen(self, execution_id: str) -> None:
        """Wait with the event stream until it ends; GET confirms the state, so faults of the stream do not matter."""
        try:
            self.http.request(
                "GET",
                f"{self.base}/executions/{execution_id}/follow",
                idempotent=False,
                headers={"Accept": "text/event-stream"},
            )
        except VendorError as error:
            if error.permanent:
                raise

    def outputs(self, of: Execution, task: str) -> dict[str, Any]:
        """The outputs of a task of an execution. Raises VendorError if there is no such task run."""
        run = next((row for row in reversed(of.runs) if row.get("taskId") == task), None)
        if run is None:
            raise VendorError(self.name, f"execution {of.id} ({of.state}) has no run of task {task!r}", permanent=True)
        if not self.modern:
            return run.get("outputs") or {}
        return self.http.get(f"{self.base}/outputs/{of.id}/{run['id']}").json()

    def deploy(self, flow: str, source: str) -> list[str]:
        """Create or replace a flow; returns the server's objections, with which nothing was changed."""
        yaml = {"content": source.encode(), "headers": {"Content-Type": "application/x-yaml"}}
        faults = self.http.post(f"{self.base}/flows/validate", idempotent=True, **yaml).json(list)
        if faults := [str(row["constraints"]) for row in faults if row.get("constraints")]:
            return faults
        try:
            self.http.request("PUT", f"{self.base}/flows/{self.namespace}/{flow}", **yaml)
        except VendorError as error:
            if error.status != 404:
                raise
            self.http.post(f"{self.base}/flows", **yaml)
        return []

    def check(self) -> Check:
        try:
            version = self.version()
            self.http.get(f"{self.base}/flows/{self.namespace}").json(list)
        except VendorError as error:
            return Check(False, error.message, WHERE)
        return Check(True, f"Kestra {version}, namespace {self.namespace}")


def _parts(inputs: Mapping[str, str]) -> dict | None:
    """Inputs as parts of a multipart form."""
    return {name: (None, value) for name, value in inputs.items()} or None


@understood("kestra")
def execution(row: dict) -> Execution:
    """An execution of either version. Pure."""
    state = row.get("state")
    if not isinstance(state, dict) or not row.get("id"):
        raise VendorError("kestra", "returned no execution")
    return Execution(str(row["id"]), str(state.get("current")), tuple(row.get("taskRunList") or ()))


class KestraAnalyst:
    """The AIAgent of a flow (core/cli/kestra/analysis.yaml), checked and tempered like any other model.

    ``tools`` gives the names of the tools that the policy allows now.
    """

    name = "kestra"
    TASK = "agent"

    def __init__(
        self,
        kestra: Kestra,
        flow: str,
        embedded,
        tools: Callable[[], Sequence[str]] = tuple,
        seconds: float = 170.0,
    ):
        self.kestra, self.flow, self.embedded, self.tools, self.seconds = kestra, flow, embedded, tools, seconds

    def analyze(self, evidence: IssueFacts) -> Conclusion:
        known: Conclusion = self.embedded.analyze(evidence)
        inputs = self._inputs(evidence)
        started = self.kestra.trigger(self.flow, inputs, _digest(json.dumps(inputs, sort_keys=True)))
        done = self.kestra.follow(started.id, self.seconds)
        if done.state not in GOOD:
            raise VendorError(self.name, f"the flow {self.flow} ended {done.state}")
        said = self.kestra.outputs(done, self.TASK)
        return tempered(self.name, f"Kestra's {self.flow}", opinion_of(said), known, tokens_of(said))

    def _inputs(self, evidence: IssueFacts) -> dict[str, str]:
        """The inputs of the flow; none is empty, because Kestra refuses an empty text."""
        return {
            "system": SYSTEM,
            "evidence": self.kestra.http.redact(fenced(evidence, EVIDENCE)),
            "question": self.kestra.http.redact(question(evidence)) or "none",
            "memory": f"analysis-{_digest(evidence.service)[:16]}",
            "tools": ",".join(self.tools()) or "none",
        }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@understood("kestra")
def tokens_of(outputs: dict) -> int:
    """The tokens of the agent's answer; 0 if the server does not say."""
    total = (outputs.get("tokenUsage") or {}).get("totalTokenCount")
    return total if type(total) is int and 0 < total < 10**9 else 0


@understood("kestra")
def opinion_of(outputs: dict) -> Any:
    """The agent's JSON: ``jsonOutput``, or ``textOutput`` that holds it."""
    if outputs.get("jsonOutput"):
        return outputs["jsonOutput"]
    try:
        return json.loads(outputs.get("textOutput") or "")
    except FAULTS:
        raise VendorError("kestra", "the agent returned no JSON object") from None
