"""GitHub as a way to production: a dispatched workflow, or a deployment that the team's pipeline picks up.

With ``workflow``: POST /repos/R/actions/workflows/W/dispatches on the main branch, with the inputs of the policy.
GitHub's response names no run, so the workflow must put the key into its name:

    run-name: Deploy ${{ inputs.sha }} (${{ inputs.key }})

An existing run with the key is searched first (GET .../workflows/W/runs). A commit status ``platform/release`` with the
key as its description is set before the dispatch, so that a run that is not listed yet is awaited and not repeated.

Without ``workflow``: POST /repos/R/deployments with the key in its payload; its statuses are followed.

An environment with required reviewers makes the run wait ("waiting"); this is reported and does not count as slow. A
commit identifies what production serves: that of the newest successful run (the one in its name, if it was
dispatched), or of the newest deployment whose last status is a success.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from core.policy.services import Repository
from core.vendors.base import Check, Deployed, VendorError, understood
from core.vendors.delivery.types import ENDED_BADLY, FINISHED, ReleaseOrder, Tested
from core.vendors.http import Http

NAME = "github_actions"
CONTEXT = "platform/release"
UNLISTED = "the run is not listed yet; run-name of the workflow has to name ${{ inputs.key }}"
PAGE, PAGES = 100, 5
SHOWS = timedelta(seconds=60)  # how long a dispatched run may take to be listed
ROLLBACK_SECONDS, POLL = 600.0, 2.0
RETRIES = 20  # maximum rollbacks of one release
NEWEST = 5  # newest deployments whose statuses are read
SHA = re.compile(r"\b[0-9a-f]{40}\b")
RUNS = {"queued": "QUEUED", "requested": "QUEUED", "pending": "QUEUED", "waiting": "WAITING", "in_progress": "BUILDING"}
CONCLUSIONS = {"success": "READY", "cancelled": "CANCELED"}
STATUSES = {
    "queued": "QUEUED", "pending": "QUEUED", "waiting": "WAITING", "in_progress": "BUILDING", "success": "READY",
    "failure": "ERROR", "error": "ERROR",
}  # fmt: skip


@dataclass(frozen=True)
class PipelineRun:
    """A run of a workflow, or a deployment: its number at GitHub, and what it deploys."""

    number: int
    made: Deployed


class ActionsDelivery(Tested):
    """The pipeline of one repository; ``http`` is that of the GitHub client, with its token."""

    name = NAME
    patience = 0.0

    def __init__(self, http: Http, repository: Repository):
        self.http, self.repository, self.rules = http, repository, repository.github_actions
        self.base, self.limit = f"/repos/{repository.github}", self.rules.limit_minutes * 60

    def promote(self, order: ReleaseOrder) -> Deployed:
        """The oldest run with the key. An order with a vendor id was already started and is not started again."""
        found = self._runs(order) or ([] if order.vendor_id else self._begun(order))
        return found[0].made if found else Deployed(order.sha, "", "QUEUED", order.sha, UNLISTED)

    def status(self, order: ReleaseOrder, made: Deployed) -> Deployed:
        return next((run.made for run in self._runs(order)), made)

    def serve(self, made: Deployed) -> Deployed:
        live = self.production()
        if live is None or live.sha != made.sha:
            message = f"production serves {live.sha if live else 'an unknown commit'} and not {made.sha}"
            raise VendorError(NAME, message, permanent=True)
        if self.rules.workflow:
            self._mark(made.sha, "success", self._asked(made.sha)[0])
        return live

    def with_key(self, order: ReleaseOrder) -> list[Deployed]:
        return [run.made for run in self._runs(order)]

    def cancel(self, made: Deployed) -> None:
        number = number_of(made.url)
        if self.rules.workflow:
            self._cancelled(f"{self.base}/actions/runs/{number}/cancel")
        else:
            body = {"state": "error", "description": "Cancelled by the platform", "auto_inactive": False}
            self.http.post(f"{self.base}/deployments/{number}/statuses", json=body, idempotent=True)

    def _cancelled(self, path: str) -> None:
        try:
            self.http.post(path, idempotent=True)
        except VendorError as error:
            if error.status != 409:  # 409: it has ended meanwhile
                raise

    def production(self) -> Deployed | None:
        if self.rules.workflow:
            path = f"{self.base}/actions/workflows/{self.rules.workflow}/runs"
            rows = self.http.get(path, params={"status": "success", "per_page": NEWEST}).rows("workflow_runs")
            return next((live_run(row) for row in rows), None)
        for row in islice(self._deployments(), NEWEST):
            if (made := deployment(row, self._statuses(row))) and made.made.state == "READY":
                return made.made
        return None

    def rollback(self, order: ReleaseOrder) -> Deployed:
        """Deploy the earlier commit in the same way, with its own key, and wait for its end."""
        back, deadline = self._way_back(order), time.monotonic() + ROLLBACK_SECONDS
        made = self.promote(back)
        while made.state not in (*FINISHED, "WAITING"):
            if time.monotonic() > deadline:
                raise VendorError(NAME, f"the rollback is still {made.state.lower()}: {made.url}".rstrip(": "))
            time.sleep(POLL)
            made = self.status(back, made)
        if made.state != "READY":
            message = made.note if made.state == "WAITING" else f"the rollback ended as {made.state}: {made.url}"
            raise VendorError(NAME, message)
        return made

    def _way_back(self, order: ReleaseOrder) -> ReleaseOrder:
        """The order of the rollback; a rollback that ended without effect gets a new key."""
        for number in range(1, RETRIES + 1):
            back = ReleaseOrder(f"{order.key}-rollback-{number}", order.previous, previous=order.sha)
            runs = self._runs(back)
            if not runs or runs[0].made.state not in FINISHED:
                return back
        raise VendorError(NAME, f"{RETRIES} rollbacks of {order.sha[:12]} have ended without success", permanent=True)

    def check(self) -> Check:
        try:
            if self.rules.workflow:
                self.http.get(f"{self.base}/actions/workflows/{self.rules.workflow}")
            self.http.get(f"{self.base}/deployments", params={"per_page": 1})
        except VendorError as error:
            return Check(False, error.message, "GITHUB_TOKEN needs actions: write and deployments: write")
        what = self.rules.workflow or f"deployments to {self.rules.environment}"
        return Check(True, f"{self.repository.github}: {what} can be read")

    # --- the two kinds

    def _runs(self, order: ReleaseOrder) -> list[PipelineRun]:
        """All runs or deployments with the key, oldest first."""
        if self.rules.workflow:
            found = [row for row in self._listed() if has_key(row, order.key)]
            return [self._with_reviewers(workflow_run(row, order.sha)) for row in reversed(found)]
        rows = [row for row in self._deployments(sha=order.sha) if payload_key(row) == order.key]
        made = (deployment(row, self._statuses(row)) for row in reversed(rows))
        return [one for one in made if one]

    def _begun(self, order: ReleaseOrder) -> list[PipelineRun]:
        if self.rules.workflow:
            return self._dispatched(order)
        try:
            row = self.http.post(f"{self.base}/deployments", json=self._deployment_body(order)).json()
        except VendorError as error:
            if error.status != 409:
                raise
            return [PipelineRun(0, Deployed(order.sha, "", "QUEUED", order.sha, f"GitHub: {error.message}"))]
        return [one for one in [deployment(row, [])] if one]

    def _deployment_body(self, order: ReleaseOrder) -> dict:
        return {
            "ref": order.sha,
            "environment": self.rules.environment,
            "auto_merge": False,
            "production_environment": True,
            "payload": {"key": order.key},
            "description": f"Release {order.key}"[:140],
        }

    def _dispatched(self, order: ReleaseOrder) -> list[PipelineRun]:
        key, at = self._asked(order.sha)
        if key == order.key and at and datetime.now(UTC) - at < SHOWS:
            return []  # it was dispatched, or is about to be listed
        self._mark(order.sha, "pending", order.key)
        values = {"sha": order.sha, "key": order.key, "environment": self.rules.environment}
        body = {"ref": self.repository.branch, "inputs": filled(self.rules.inputs, values)}
        self.http.post(f"{self.base}/actions/workflows/{self.rules.workflow}/dispatches", json=body)
        return []

    def _asked(self, sha: str) -> tuple[str, datetime | None]:
        """(the key for which this commit was dispatched last, when)."""
        rows = self.http.get(f"{self.base}/commits/{sha}/status", params={"per_page": PAGE}).rows("statuses")
        return asked(rows)

    def _mark(self, sha: str, state: str, key: str) -> None:
        body = {"state": state, "context": CONTEXT, "description": key[:140]}
        self.http.post(f"{self.base}/statuses/{sha}", json=body, idempotent=True)

    def _listed(self) -> Iterator[dict]:
        """Dispatched runs of the workflow, newest first."""
        path = f"{self.base}/actions/workflows/{self.rules.workflow}/runs"
        for page in range(1, PAGES + 1):
            params = {"event": "workflow_dispatch", "per_page": PAGE, "page": page}
            rows = self.http.get(path, params=params).rows("workflow_runs")
            yield from rows
            if len(rows) < PAGE:
                return

    def _with_reviewers(self, run: PipelineRun) -> PipelineRun:
        """A run that waits, with the environments that ask for a review."""
        if run.made.state != "WAITING":
            return run
        rows = self.http.get(f"{self.base}/actions/runs/{run.number}/pending_deployments").json(list)
        return PipelineRun(run.number, waiting_for(run.made, rows))

    def _deployments(self, **where: str) -> Iterator[dict]:
        params = {"environment": self.rules.environment, "per_page": PAGE, **where}
        yield from self.http.get(f"{self.base}/deployments", params=params).json(list)

    def _statuses(self, row: Mapping) -> list[dict]:
        return self.http.get(f"{self.base}/deployments/{row['id']}/statuses", params={"per_page": PAGE}).json(list)


# --- parsing of GitHub's JSON. Pure ------------------------------------------------------------------


def filled(inputs: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """The inputs with {sha}, {key} and {environment} filled in; other braces stay unchanged."""
    return {name: re.sub(r"\{(sha|key|environment)\}", lambda m: values[m[1]], text) for name, text in inputs.items()}


@understood(NAME)
def has_key(row: Mapping, key: str) -> bool:
    """Does the run's name contain the key as a separate word?"""
    return bool(re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", str(row["display_title"])))


@understood(NAME)
def workflow_run(row: Mapping, sha: str) -> PipelineRun:
    state = RUNS.get(row["status"], "QUEUED")
    if row["status"] == "completed":
        state = CONCLUSIONS.get(str(row["conclusion"]), "ERROR")
    note = f"run {row['id']} ended as {row['conclusion']}" if state in ENDED_BADLY else ""
    return PipelineRun(int(row["id"]), Deployed(sha, str(row.get("html_url") or ""), state, sha, note))


@understood(NAME)
def waiting_for(made: Deployed, rows: Iterable[Mapping]) -> Deployed:
    names = ", ".join(sorted(str(row["environment"]["name"])[:100] for row in rows)) or "its environment"
    note = f"waits for the reviewers of {names}: {made.url}"
    return Deployed(made.vendor_id, made.url, "WAITING", made.sha, note)


@understood(NAME)
def live_run(row: Mapping) -> Deployed:
    """The commit that a successful run deployed: the one in its name if it was dispatched, else its own."""
    named = SHA.search(str(row["display_title"])) if row["event"] == "workflow_dispatch" else None
    sha = named[0] if named else str(row["head_sha"])
    return Deployed(sha, str(row.get("html_url") or ""), "READY", sha, since=datetime.fromisoformat(row["updated_at"]))


@understood(NAME)
def payload_key(row: Mapping) -> str:
    """The key in a deployment's payload, which GitHub returns as an object or as JSON text."""
    payload = row.get("payload") or {}
    payload = json.loads(payload) if isinstance(payload, str) and payload.startswith("{") else payload
    return str(payload.get("key") or "") if isinstance(payload, Mapping) else ""


@understood(NAME)
def deployment(row: Mapping, statuses: list[dict]) -> PipelineRun | None:
    """A deployment by its statuses, newest first. A replaced one ("inactive") does not count."""
    newest = str(statuses[0]["state"]) if statuses else "queued"
    if newest == "inactive":
        return None
    state, sha = STATUSES.get(newest, "QUEUED"), str(row["sha"])
    description = str((statuses[0].get("description") if statuses else "") or "")[:500]
    note = f"waits for the reviewers of {row['environment']}" if state == "WAITING" else description
    since = datetime.fromisoformat(statuses[0]["created_at"]) if state == "READY" else None
    return PipelineRun(int(row["id"]), Deployed(sha, str(row["url"]), state, sha, note, since))


@understood(NAME)
def number_of(url: str) -> int:
    """The number of a run or a deployment, from its address."""
    return int(url.rstrip("/").rpartition("/")[2])


@understood(NAME)
def asked(rows: Iterable[Mapping]) -> tuple[str, datetime | None]:
    for row in rows:
        if row["context"] == CONTEXT:
            return str(row.get("description") or ""), datetime.fromisoformat(row["updated_at"])
    return "", None


def by_hand(repository: Repository, order: ReleaseOrder) -> str:
    rules = repository.github_actions
    if not rules.workflow:
        return f"deploy {order.previous} to {rules.environment} by the pipeline of {repository.github}"
    values = {"sha": order.previous, "key": f"{order.key}-by-hand", "environment": rules.environment}
    fields = " ".join(f"-f {shlex.quote(f'{name}={text}')}" for name, text in filled(rules.inputs, values).items())
    return f"gh workflow run {rules.workflow} --repo {repository.github} --ref {repository.branch} {fields}"
