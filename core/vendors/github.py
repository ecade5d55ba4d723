"""GitHub: issues, commits and activity (github_activity.py) as signals; branches, pull requests, reviews, checks,
statuses and merges as code host.

API version 2022-11-28; pages by Link rel="next"; Enterprise serves the same API below https://HOST/api/v3. Every write
is idempotent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain

from core.models import Kind, Record
from core.models.counted import counted
from core.models.origin import Origin, Writers
from core.vendors.base import Batch, BudgetSpent, Check, Deployed, Meter, Pull, PullState, VendorError, understood
from core.vendors.github_activity import GitHubActivity
from core.vendors.github_comments import OwnComments
from core.vendors.http import Http
from core.vendors.reading import Page, ReadWindow, Stream, collect, records_of
from core.vendors.redact import Redacting

FIRST_LOOK = timedelta(hours=24)
PAGES, PAGE = 50, 100
RELEASES = 5  # newest deployments whose state is read
REMEMBERED = 500  # commits whose files are cached
MARKER = "<!-- platform:"  # in each comment of the platform
HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "devops-intelligence-platform",
}


class GitHub:
    name = "github"
    origin = Origin("GitHub", Writers.ANYONE, "where anyone can open an issue")

    def __init__(self, http: Http, repositories: Sequence[str] = (), branches: Mapping[str, str] | None = None):
        self.http, self.repositories, self.branches = http, list(repositories), branches or {}
        self.own = OwnComments(http)

    @property
    def meter(self) -> Meter:
        return self.http.meter

    # --- signals

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        self.http.meter.begin()
        streams: dict[str, Stream] = {}
        for name in self.repositories:
            streams[f"commits {name}"] = Stream(partial(self._commits, name), False, FIRST_LOOK, FIRST_LOOK)
            streams[f"issues {name}"] = Stream(partial(self._issues, name), first_look=FIRST_LOOK)
            streams |= GitHubActivity(self.http, name, self.branches.get(name, "main")).streams()
        return collect(streams, cursor, until)

    def _issues(self, name: str, window: ReadWindow) -> Page:
        """Issues by the time of their last change; ``after`` is the time of the last issue and a page number.

        Page numbers alone would skip an issue whenever an earlier one changes during reading. So the next page begins
        at the last issue's time, and the page number only increases if a whole page has the same time.
        """
        since, number = (window.after or f"{_iso(window.since)} 1").split(" ")
        params = {"since": since, "state": "open", "sort": "updated", "direction": "asc", "per_page": PAGE}
        rows = self.http.get(f"/repos/{name}/issues", params=params | {"page": int(number)}).json(list)
        written = [row for row in rows if "pull_request" not in row]
        records = records_of(written, lambda row: report(row, name, self.http), self.meter)
        if rows and rows[0]["updated_at"] < since:
            raise VendorError(self.name, "returned an older page again; the next collection cycle retries")
        after = None
        if len(rows) == PAGE:
            last = rows[-1]["updated_at"]
            after = f"{last} 1" if last > since else f"{since} {int(number) + 1}"
        return Page(records, after=after)

    def _commits(self, name: str, window: ReadWindow) -> Page:
        """The main branch's commits; a commit whose files are cached costs no further call."""
        if window.after:
            answer = self.http.get(window.after)
        else:
            span = {"since": _iso(window.since), "until": _iso(window.until), "per_page": PAGE}
            answer = self.http.get(f"/repos/{name}/commits", params=span)
        known: list[str] = list(window.memory.get("known") or [])
        records: list[Record] = []
        cut: VendorError | None = None
        try:
            for row in answer.json(list):
                if row["sha"] not in known:
                    records.append(self._commit(row, name))
                    known.append(row["sha"])
        except BudgetSpent as spent:
            cut = spent
        link = answer.next_link()
        return Page(records, after=link["url"] if link else None, memory={"known": known[-REMEMBERED:]}, cut=cut)

    def _commit(self, row: dict, name: str) -> Record:
        """A commit as a change, with the files that it touched, which blame needs."""
        files = self.http.get(f"/repos/{name}/commits/{row['sha']}").json().get("files") or []
        return change(row, name, [f["filename"] for f in files], self.http)

    def _pages(self, path: str, params: dict, name: str = "") -> Iterator[list[dict]]:
        """The items of all pages of a list; ``name`` is the list's key if the response is an object."""
        seen: set[str] = set()
        answer = self.http.get(path, params=params)
        for _ in range(PAGES):
            yield answer.rows(name) if name else answer.json(list)
            link = answer.next_link()
            if not link or link["url"] in seen:
                return
            seen.add(link["url"])
            answer = self.http.get(link["url"])

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
        marker = f"{MARKER}{key} -->"
        for rows in self._pages(f"/repos/{repository}/issues/{number}/comments", {"per_page": 100}):
            if self.own.marked(rows, marker):
                return
        self.http.post(f"/repos/{repository}/issues/{number}/comments", json={"body": f"{body}\n\n{marker}"})

    def merge(self, repository: str, number: int, head_sha: str) -> str:
        """Merge exactly ``head_sha``; returns the merge commit, even if it was already merged."""
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

    def close_pull(self, repository: str, number: int, head_sha: str, key: str, body: str) -> None:
        """Close a pull request with a comment; a closed one, or one at another commit, stays unchanged."""
        pull = self.http.get(f"/repos/{repository}/pulls/{number}").json()
        if pull.get("state") != "open" or _pull(pull).head_sha != head_sha:
            return
        self.comment(repository, number, key, body)
        self.http.request("PATCH", f"/repos/{repository}/pulls/{number}", json={"state": "closed"})

    def pull_state(self, repository: str, number: int) -> PullState:
        """The state of a pull request; for a closed one, with the last comment of the person who closed it."""
        found = pull_state(self.http.get(f"/repos/{repository}/pulls/{number}").json())
        if found.state != "closed":
            return found
        path = f"/repos/{repository}/issues/{number}"
        by = str((self.http.get(path).json().get("closed_by") or {}).get("login") or "")
        every = chain.from_iterable(self._pages(f"{path}/comments", {"per_page": PAGE}))
        rows = [row for row in every if not self.own.marked([row], MARKER)]
        return replace(found, by=by, message=self.http.redact(closing_comment(rows, by)))

    def releases(self, repository: str) -> list[Deployed]:
        """The successful ones of the newest deployments to production, newest first.

        Empty for a token without access to deployments, which are only one of several sources for releases.
        """
        path = f"/repos/{repository}/deployments"
        try:
            found = self.http.get(path, params={"per_page": PAGE}).json(list)
        except VendorError as error:
            if error.status not in (403, 404):
                raise
            return []
        rows = [row for row in found if to_production(row)]
        found_rows = ((row, self.http.get(f"{path}/{row['id']}/statuses").json(list)) for row in rows[:RELEASES])
        return [made for row, statuses in found_rows if (made := release(row, statuses))]

    # --- reviews, checks and statuses of a commit

    def reviews(self, repository: str, number: int) -> list[dict]:
        """Reviews of a pull request, oldest first."""
        return [*chain.from_iterable(self._pages(f"/repos/{repository}/pulls/{number}/reviews", {"per_page": PAGE}))]

    def check_runs(self, repository: str, sha: str) -> list[dict]:
        """The CI checks of a commit, each with name, status and conclusion."""
        path = f"/repos/{repository}/commits/{sha}/check-runs"
        return [*chain.from_iterable(self._pages(path, {"per_page": PAGE}, "check_runs"))]

    def statuses(self, repository: str, sha: str) -> dict[str, str]:
        """The newest state of each context of a commit."""
        found = self.http.get(f"/repos/{repository}/commits/{sha}/status", params={"per_page": PAGE})
        return {row["context"]: row["state"] for row in found.rows("statuses")}

    def permissions(self, repository: str) -> dict[str, bool]:
        """The token's rights in a repository, as GitHub reports them; empty if it does not report them."""
        rights = self.http.get(f"/repos/{repository}").json().get("permissions")
        return {str(name): bool(given) for name, given in rights.items()} if isinstance(rights, dict) else {}

    def check(self) -> Check:
        name = ""
        try:
            self.http.get("/rate_limit")
            for name in self.repositories:
                self.http.get(f"/repos/{name}")
        except VendorError as error:
            return Check(False, f"{name}: {error.message}" if name else error.message, self._whereto(error, name))
        return Check(True, counted(len(self.repositories), "readable repository", "readable repositories"))

    def _whereto(self, error: VendorError, name: str) -> str:
        if error.status == 429 or (error.status or 0) >= 500:
            return "no change needed here; see https://www.githubstatus.com"
        if error.status == 401:
            return "GITHUB_TOKEN: expired or mistyped (Settings > Developer settings > Fine-grained tokens)"
        if error.status in (403, 404) and name:
            return (
                f"GITHUB_TOKEN needs access to {name} with contents, issues, pull requests and commit statuses "
                "(Fine-grained tokens > Repository access), or repositories.*.github in platform.toml is mistyped"
            )
        return "GITHUB_URL: https://api.github.com, or https://HOST/api/v3 for Enterprise"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pull(row: dict) -> Pull:
    if not isinstance(row.get("number"), int):
        raise VendorError("github", "returned no pull request number")
    head = (row.get("head") or {}).get("sha", "")
    return Pull(row["number"], row.get("html_url") or "", head, bool(row.get("merged")))


@understood("github")
def pull_state(row: dict) -> PullState:
    """The state in the details of a pull request. Pure."""
    url = str(row.get("html_url") or "")
    if row.get("merged"):
        by = (row.get("merged_by") or {}).get("login") or ""
        return PullState("merged", str(row["merge_commit_sha"]), _at(row.get("merged_at")), str(by), url=url)
    if row["state"] == "open":
        return PullState("open", url=url)
    return PullState("closed", at=_at(row.get("closed_at")), url=url)


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@understood("github")
def closing_comment(rows: Sequence[dict], by: str) -> str:
    """The last comment of the person who closed a pull request; empty without one. Pure.

    ``rows`` are oldest first, without the platform's own. If GitHub does not report who closed it, the last comment of
    anybody.
    """
    texts = [str(row.get("body") or "") for row in rows if by in ("", (row.get("user") or {}).get("login"))]
    written = [text for text in texts if text.strip()]
    return written[-1][:2000] if written else ""


@understood("github")
def to_production(row: dict) -> bool:
    name = str(row.get("environment") or "").lower()
    return not row.get("transient_environment") and (bool(row.get("production_environment")) or name.startswith("prod"))


@understood("github")
def release(row: dict, statuses: Sequence[dict]) -> Deployed | None:
    """A deployment that was live, by its statuses (newest first); None if it never was. Pure."""
    live = [status for status in statuses if status.get("state") == "success"]
    if not live:
        return None
    since = datetime.fromisoformat(live[-1]["created_at"])
    return Deployed(str(row["sha"]), str(live[-1].get("target_url") or ""), "READY", str(row["sha"]), since=since)


def report(row: dict, repository: str, http: Redacting) -> Record:
    """A GitHub issue as a Record. Pure."""
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


def change(row: dict, repository: str, files: list[str], http: Redacting) -> Record:
    """A commit on the main branch as a Record. Pure."""
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
        attributes={
            "files": files,
            "sha": row["sha"],
            "repository": repository,
            "author": http.redact(str((commit.get("author") or {}).get("name") or ""))[:100],
        },
    )
