"""GitHub: issues that people wrote and commits as signals; pull requests, statuses and merges as the code host.

API version 2022-11-28; pages by Link rel="next". Each write looks first whether it was done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from core.models import Kind, Record
from core.vendors.base import Batch, Check, Pull, VendorError
from core.vendors.http import Http

FIRST_LOOK = timedelta(hours=24)
OVERLAP = timedelta(seconds=60)
PAGES = 50
HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "devops-intelligence-platform",
}


class GitHub:
    name = "github"

    def __init__(self, http: Http, repositories: Sequence[str] = ()):
        self.http, self.repositories = http, list(repositories)

    # --- signals

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        since = datetime.fromisoformat(json.loads(cursor)["since"]) if cursor else until - FIRST_LOOK
        params = {"since": (since - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ"), "per_page": 100}
        for name in self.repositories:
            for rows in self._pages(f"/repos/{name}/issues", {**params, "state": "open"}):
                yield Batch(records=[report(row, name, self.http) for row in rows if "pull_request" not in row])
            for rows in self._pages(f"/repos/{name}/commits", params):
                yield Batch(records=[self._commit(row, name) for row in rows])
        yield Batch(cursor=json.dumps({"since": until.isoformat()}))

    def _pages(self, path: str, params: dict) -> Iterator[list[dict]]:
        seen: set[str] = set()
        answer = self.http.get(path, params=params)
        for _ in range(PAGES):
            yield answer.json(list)
            link = answer.next_link()
            if not link or link["url"] in seen:
                return
            seen.add(link["url"])
            answer = self.http.get(link["url"])

    def _commit(self, row: dict, name: str) -> Record:
        """A commit as a change, with the files it touched: blame asks for them."""
        files = self.http.get(f"/repos/{name}/commits/{row['sha']}").json().get("files") or []
        return change(row, name, [f["filename"] for f in files], self.http)

    # --- code host

    def open_pull(self, repository: str, branch: str, base: str, title: str, body: str) -> Pull:
        owner = repository.split("/")[0]
        found = self.http.get(f"/repos/{repository}/pulls", params={"head": f"{owner}:{branch}", "state": "all"}).json(
            list
        )
        for row in found:
            if row["state"] == "open":
                row = self.http.request(
                    "PATCH", f"/repos/{repository}/pulls/{row['number']}", json={"title": title, "body": body}
                ).json()
                return _pull(row)
        made = self.http.post(
            f"/repos/{repository}/pulls", json={"title": title, "body": body, "head": branch, "base": base}
        )
        return _pull(made.json())

    def set_status(self, repository: str, sha: str, context: str, state: str, description: str, url: str = "") -> None:
        body = {"state": state, "context": context, "description": description[:140]} | (
            {"target_url": url} if url else {}
        )
        self.http.post(f"/repos/{repository}/statuses/{sha}", json=body, idempotent=True)

    def comment(self, repository: str, number: int, key: str, body: str) -> None:
        marker = f"<!-- platform:{key} -->"
        for rows in self._pages(f"/repos/{repository}/issues/{number}/comments", {"per_page": 100}):
            if any(marker in (row.get("body") or "") for row in rows):
                return
        self.http.post(f"/repos/{repository}/issues/{number}/comments", json={"body": f"{body}\n\n{marker}"})

    def merge(self, repository: str, number: int, head_sha: str) -> str:
        """Merge exactly ``head_sha``; returns the merge commit, also when it was merged before."""
        pull = self.http.get(f"/repos/{repository}/pulls/{number}").json()
        if pull.get("merged"):
            return str(pull.get("merge_commit_sha") or head_sha)
        answer = self.http.request(
            "PUT",
            f"/repos/{repository}/pulls/{number}/merge",
            idempotent=False,
            json={"sha": head_sha, "merge_method": "merge"},
        )
        return str(answer.json().get("sha") or head_sha)

    def check(self) -> Check:
        try:
            for name in self.repositories:
                self.http.get(f"/repos/{name}")
        except VendorError as error:
            return Check(
                False,
                error.message,
                "GITHUB_URL, and GITHUB_TOKEN with contents, issues, pull requests and statuses",
            )
        return Check(True, f"{len(self.repositories)} repositories can be read")


def _pull(row: dict) -> Pull:
    return Pull(
        row["number"],
        row.get("html_url") or "",
        (row.get("head") or {}).get("sha", ""),
        bool(row.get("merged")),
    )


def report(row: dict, repository: str, http: Http) -> Record:
    """An issue that somebody wrote. Pure."""
    labels = [label["name"] if isinstance(label, dict) else str(label) for label in row.get("labels") or []]
    service = next((name.split(":", 1)[1] for name in labels if name.startswith("service:")), "")
    return Record(
        source="github",
        vendor_id=f"{repository}#{row['number']}",
        kind=Kind.REPORT,
        service=service,
        at=datetime.fromisoformat(row["created_at"]),
        level="error",
        title=http.redact(row["title"]),
        message=http.redact(row.get("body") or "")[:20_000],
        url=row.get("html_url") or "",
        attributes={"labels": labels},
    )


def change(row: dict, repository: str, files: list[str], http: Http) -> Record:
    """A commit on the main branch. Pure."""
    commit = row["commit"]
    return Record(
        source="github",
        vendor_id=f"{repository}@{row['sha']}",
        kind=Kind.CHANGE,
        level="info",
        release=row["sha"],
        at=datetime.fromisoformat(commit["committer"]["date"]),
        url=row.get("html_url") or "",
        title=http.redact(commit["message"].splitlines()[0] if commit["message"] else row["sha"])[:300],
        attributes={"files": files, "sha": row["sha"], "repository": repository},
    )
