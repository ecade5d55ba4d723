"""A repository's activity: pull requests with their reviews, workflow runs, deployments and releases.

API: GET …/pulls (newest change first), …/pulls/{number}, …/pulls/{number}/reviews, …/pulls/{number}/files,
…/actions/runs (of the branch of production), …/deployments with their statuses, …/releases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from core.models import Record
from core.vendors import github_changes as changes
from core.vendors.base import BudgetSpent, VendorError
from core.vendors.http import Http, VendorAnswer
from core.vendors.reading import Page, ReadWindow, Stream, records_of
from core.vendors.values import mapping, text

FIRST_LOOK = timedelta(hours=24)
LONGEST_RUN = timedelta(hours=6)  # a job's time limit at GitHub; runs are searched by their beginning
PAGE, REMEMBERED = 100, 500
OURS = re.compile(r"(?:fix|revert)/issue-\d+(?:-\d+)?")  # branches of the platform's own pull requests


class GitHubActivity:
    """Reads one repository (OWNER/NAME). ``branch`` is the one that production is released from."""

    def __init__(self, http: Http, name: str, branch: str):
        self.http, self.name, self.branch, self.path = http, name, branch, f"/repos/{name}"

    def streams(self) -> dict[str, Stream]:
        def of(read: Callable[[ReadWindow], Page], needs: str, overlap: timedelta = FIRST_LOOK) -> Stream:
            return Stream(read, False, FIRST_LOOK, overlap, f"the permission {needs} (read) of GITHUB_TOKEN")

        return {
            f"pulls {self.name}": of(self._pulls, "pull requests", timedelta(minutes=5)),
            f"runs {self.name}": of(self._runs, "actions", LONGEST_RUN),
            f"deployments {self.name}": of(self._deployments, "deployments"),
            f"releases {self.name}": of(self._releases, "contents"),
        }

    def _first(self, path: str, window: ReadWindow, **params: Any) -> VendorAnswer:
        if window.after:
            return self.http.get(window.after)
        return self.http.get(f"{self.path}/{path}", params={**params, "per_page": PAGE})

    # --- pull requests

    def _pulls(self, window: ReadWindow) -> Page:
        """Pull requests that changed: open ones and merged ones. Of an unchanged one, nothing more is asked."""
        answer = self._first("pulls", window, state="all", sort="updated", direction="desc")
        rows = answer.json(list)
        fresh = [row for row in rows if datetime.fromisoformat(row["updated_at"]) >= window.since]
        known: dict[str, str] = dict(window.memory)
        records, cut = self._each(fresh, known, self._pull)
        after = _next(answer) if len(fresh) == len(rows) else None
        return Page(records, after=after, memory=_last(known), cut=cut)

    def _each(
        self, rows: Iterable[dict], known: dict[str, str], read: Callable[[dict], Record | None]
    ) -> tuple[list[Record], VendorError | None]:
        """The records of rows that are new or changed; what the budget does not allow comes in the next cycle."""
        records: list[Record] = []
        for row in rows:
            name, state = str(row.get("number") or row.get("id")), str(row.get("updated_at") or "")
            if known.get(name) == state:
                continue
            try:
                made = [one for one in records_of([row], read, self.http.meter) if one]
            except BudgetSpent as spent:
                return records, spent
            records += made
            if made:
                known.pop(name, None)  # keep the order of last use
                known[name] = state
        return records, None

    def _pull(self, row: dict) -> Record | None:
        at = f"{self.path}/pulls/{row['number']}"
        if row.get("merged_at"):
            pull = self.http.get(at).json()  # the list does not tell who merged it
            return changes.merge(pull, self.name, self.http, facts=self._reviews(at))
        if row.get("state") != "open" or OURS.fullmatch(text(mapping(row.get("head")).get("ref"))):
            return None
        files = [text(file.get("filename")) for file in self._list(f"{at}/files")]
        return changes.pending(row, self.name, self.http, {"files": files, **self._reviews(at)})

    def _reviews(self, at: str) -> dict[str, int]:
        return changes.reviewed(self._list(f"{at}/reviews"))

    def _list(self, path: str) -> list[dict]:
        """The first page of a list; an unusually long one is cut."""
        return self.http.get(path, params={"per_page": PAGE}).json(list)

    # --- runs, deployments, releases

    def _runs(self, window: ReadWindow) -> Page:
        """Workflow runs of the branch that ended."""
        begun = f">={window.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        asked = {"branch": self.branch, "status": "completed", "created": begun, "exclude_pull_requests": "true"}
        answer = self._first("actions/runs", window, **asked)
        rows = [row for row in answer.rows("workflow_runs") if row.get("conclusion")]
        read = partial(changes.run, repository=self.name, http=self.http)
        return Page(records_of(rows, read, self.http.meter), after=_next(answer))

    def _deployments(self, window: ReadWindow) -> Page:
        """Deployments that ended, by their latest status; the statuses of an ended one are asked for once."""
        rows = self._since(self._list(f"{self.path}/deployments"), "created_at", window.since)
        known: dict[str, str] = dict(window.memory)
        records, cut = self._each(rows, known, self._deployment)
        return Page(records, memory=_last(known), cut=cut)

    def _deployment(self, row: dict) -> Record | None:
        statuses = self._list(f"{self.path}/deployments/{row['id']}/statuses")
        ended = next((one for one in statuses if one.get("state") in changes.ENDED), None)
        return changes.deployment(row, ended, self.name, self.http) if ended else None

    def _releases(self, window: ReadWindow) -> Page:
        rows = [row for row in self._list(f"{self.path}/releases") if not row.get("draft")]
        read = partial(changes.release, repository=self.name, http=self.http)
        return Page(records_of(self._since(rows, "published_at", window.since), read, self.http.meter))

    def _since(self, rows: Iterable[dict], name: str, since: datetime) -> list[dict]:
        return [row for row in rows if row.get(name) and datetime.fromisoformat(row[name]) >= since]


def _next(answer: VendorAnswer) -> str | None:
    link = answer.next_link()
    return link["url"] if link else None


def _last(known: dict[str, str]) -> dict[str, str]:
    return dict(list(known.items())[-REMEMBERED:])
