"""GitHub's protocol over the shop's real repository: commits, branches, pull requests, merges; issues,
reviews and checks have their own modules."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.demo.repo import ShopRepo, git
from core.demo.vendors.github_activity import SimulatedActivity
from core.demo.vendors.github_alerts import SimulatedAlerts
from core.demo.vendors.github_issues import Issues, now, paged
from core.demo.vendors.github_reviews import Reviews

NAME, TOKEN = "acme/shop", "ghp_demo0123456789abcdef0123456789abcdef"


class SimulatedGitHub:
    """The repository ``name`` (OWNER/NAME), whose bare git repository is ``repo.origin``."""

    def __init__(self, repo: ShopRepo, url: str, name: str = NAME):
        self.repo, self.name, self.path, self.pulls = repo, name, f"/github/repos/{name}", {}
        self.owner, _, self.short = name.partition("/")
        self.tickets, self.said, self.activity = Issues(name), Reviews(self.head), SimulatedActivity()
        self.alerts = SimulatedAlerts(lambda path: self.git("show", f"main:{path}"))
        self.at(url)
        table = (
            ("", self.repository, "GET"),
            ("/commits", self.commits, "GET"),
            ("/commits/{sha}/status", self.said.status, "GET"),
            ("/commits/{sha}/check-runs", self.said.check_runs, "GET"),
            ("/check-runs", self.said.check_runs, "POST"),
            ("/commits/{sha}", self.commit, "GET"),
            ("/branches/{name:path}", self.branch, "GET"),
            ("/git/ref/heads/{name:path}", self.ref, "GET"),
            ("/git/refs", self.make_ref, "POST"),
            ("/issues", self.tickets.listing, "GET POST"),
            ("/issues/{number:int}", self.issue, "GET PATCH"),
            ("/deployments", self.activity.deployments, "GET POST"),
            ("/deployments/{number:int}", self.activity.deployment, "GET"),
            ("/deployments/{number:int}/statuses", self.activity.statuses, "GET POST"),
            ("/releases", self.activity.releases, "GET POST"),
            ("/actions/runs", self.activity.runs, "GET"),
            ("/dependabot/alerts", self.alerts.dependabot, "GET"),
            ("/code-scanning/alerts", self.alerts.code_scanning, "GET"),
            ("/issues/{number:int}/comments", self.tickets.comment, "GET POST"),
            ("/pulls", self.pull_list, "GET POST"),
            ("/pulls/{number:int}", self.pull, "GET PATCH"),
            ("/pulls/{number:int}/merge", self.merge, "PUT"),
            ("/pulls/{number:int}/files", self.files, "GET"),
            ("/pulls/{number:int}/reviews", self.said.reviews, "GET POST"),
            ("/pulls/{number:int}/comments", self.said.comments, "GET POST"),
            ("/statuses/{sha}", self.said.status, "POST"),
        )
        self.routes = [
            Route(self.path + path, self._signed(work), methods=methods.split()) for path, work, methods in table
        ]
        self.routes.append(Route("/github/rate_limit", self._signed(self.limits)))

    def at(self, url: str) -> None:
        """The base address of links in responses."""
        self.url, self.base = url, f"{url}{self.path}"
        self.tickets.at(url)
        self.said.base, self.said.api = self.base, self.tickets.base
        self.alerts.base, self.alerts.home = self.tickets.base, self.base
        self.activity.at(self.base, self.tickets.base)

    def _signed(self, work):
        async def answer(request: Request) -> Response:
            if request.headers.get("authorization") not in (f"Bearer {TOKEN}", f"token {TOKEN}"):
                return JSONResponse({"message": "Bad credentials"}, 401)
            body = await request.json() if request.method in ("POST", "PUT", "PATCH") else {}
            try:
                return work(request, body)
            except RuntimeError as error:
                return JSONResponse({"message": "Validation Failed", "errors": [{"message": str(error)}]}, 422)

        return answer

    def issue(self, request: Request, body: dict) -> Response:
        """An issue, or the issue that a pull request is."""
        number = request.path_params["number"]
        if number not in self.pulls:
            return self.tickets.one(request, body)
        payload = self._pull(number)
        closed = {"login": "maintainer"} if payload["state"] == "closed" else None
        return JSONResponse(payload | {"closed_by": closed, "pull_request": {"url": payload["url"]}})

    def git(self, *args: str) -> str:
        return git(self.repo.origin, *args)

    def limits(self, request: Request, body: dict) -> Response:
        core = {"limit": 5000, "remaining": 4999, "reset": int(time.time()) + 3600, "used": 1}
        return JSONResponse({"resources": {"core": core, "search": core}, "rate": core})

    def repository(self, request: Request, body: dict) -> Response:
        payload = {
            "id": 1,
            "name": self.short,
            "full_name": self.name,
            "default_branch": "main",
            "private": True,
            "url": self.base,
        }
        return JSONResponse(payload | {"html_url": f"{self.url}/{self.name}"})

    def head(self, number: int) -> str | None:
        """The head commit of a pull request; None if it does not exist."""
        return self._pull(number)["head"]["sha"] if number in self.pulls else None

    def _sha(self, branch: str) -> str | None:
        try:
            return self.git("rev-parse", "--verify", f"refs/heads/{branch}").strip()
        except RuntimeError:
            return None

    def branch(self, request: Request, body: dict) -> Response:
        name = request.path_params["name"]
        if (sha := self._sha(name)) is None:
            return JSONResponse({"message": "Branch not found"}, 404)
        return JSONResponse({"name": name, "commit": self._commit(sha), "protected": False})

    def ref(self, request: Request, body: dict) -> Response:
        name = request.path_params["name"]
        if (sha := self._sha(name)) is None:
            return JSONResponse({"message": "Not Found"}, 404)
        return JSONResponse(self._ref(name, sha))

    def make_ref(self, request: Request, body: dict) -> Response:
        name = body["ref"].removeprefix("refs/heads/")
        if self._sha(name):
            raise RuntimeError("Reference already exists")
        self.git("update-ref", f"refs/heads/{name}", body["sha"])
        return JSONResponse(self._ref(name, body["sha"]), 201)

    def _ref(self, name: str, sha: str) -> dict:
        at = f"{self.base}/git/refs/heads/{name}"
        return {"ref": f"refs/heads/{name}", "url": at, "object": {"type": "commit", "sha": sha, "url": at}}

    def commits(self, request: Request, body: dict) -> Response:
        since = request.query_params.get("since")
        until = request.query_params.get("until")
        span = [*([f"--since={since}"] if since else []), *([f"--until={until}"] if until else [])]
        rows = self.git("log", "main", "--max-count=500", *span, "--format=%H").split()
        return paged(request, [self._commit(sha) for sha in rows], self.tickets.base)

    def commit(self, request: Request, body: dict) -> Response:
        sha = request.path_params["sha"]
        files = self.git("show", "--name-only", "--format=", sha).split()
        return JSONResponse(self._commit(sha) | {"files": [{"filename": f, "status": "modified"} for f in files]})

    def _commit(self, sha: str) -> dict:
        author, date, message = self.git("show", "--no-patch", "--format=%an%x00%cI%x00%B", sha).split("\0")
        who = {"name": author, "date": datetime.fromisoformat(date).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        return {
            "sha": sha,
            "url": f"{self.base}/commits/{sha}",
            "html_url": f"{self.url}/{self.name}/commit/{sha}",
            "commit": {"message": message.strip(), "author": who, "committer": who},
        }

    def pull_list(self, request: Request, body: dict) -> Response:
        if request.method == "POST":
            sha = self.git("rev-parse", "--verify", f"refs/heads/{body['head']}").strip()
            if any(p["branch"] == body["head"] and p["state"] == "open" for p in self.pulls.values()):
                raise RuntimeError(f"A pull request already exists for {self.owner}:{body['head']}.")
            number = self.tickets.number()
            self.pulls[number] = {
                "number": number,
                "branch": body["head"],
                "base": body["base"],
                "title": body["title"],
                "body": body.get("body", ""),
                "state": "open",
                "sha": sha,
                "merged": None,
                "at": now(),
            }
            return JSONResponse(self._pull(number), 201)
        asked = request.query_params
        head, state = asked.get("head", "").split(":")[-1], asked.get("state", "open")
        rows = [self._pull(n) for n, p in self.pulls.items() if not head or p["branch"] == head]
        rows = [row for row in rows if state in ("all", row["state"])]
        key = "updated_at" if asked.get("sort") == "updated" else "created_at"
        rows.sort(key=lambda row: (row[key], row["number"]), reverse=asked.get("direction", "desc") == "desc")
        return paged(request, rows, self.tickets.base)

    def files(self, request: Request, body: dict) -> Response:
        """The files that a pull request changes."""
        row = self._pull(request.path_params["number"])
        names = self.git("diff", "--name-only", f"{row['base']['ref']}...{row['head']['sha']}").split()
        return paged(request, [{"filename": name, "status": "modified"} for name in names], self.tickets.base)

    def pull(self, request: Request, body: dict) -> Response:
        number = request.path_params["number"]
        if number not in self.pulls:
            return JSONResponse({"message": "Not Found"}, 404)
        self.pulls[number].update({k: v for k, v in body.items() if k in ("title", "body", "state")})
        if body.get("state") == "closed":
            self.pulls[number]["ended"] = now()
        return JSONResponse(self._pull(number))

    def _pull(self, number: int) -> dict:
        row = self.pulls[number]
        if row["state"] == "open":  # deleting the branch closes it
            sha = self._sha(row["branch"])
            row |= {"sha": sha} if sha else {"state": "closed", "ended": now()}
        return {
            "id": 9000 + number,
            "number": number,
            "url": f"{self.base}/pulls/{number}",
            "issue_url": f"{self.base}/issues/{number}",
            "created_at": row["at"],
            "updated_at": row.get("ended") or row["at"],
            "state": row["state"],
            "title": row["title"],
            "body": row["body"],
            "merged": bool(row["merged"]),
            "merge_commit_sha": row["merged"],
            "merged_at": row.get("ended") if row["merged"] else None,
            "merged_by": {"login": "maintainer"} if row["merged"] else None,
            "closed_at": row.get("ended"),
            "html_url": f"{self.url}/{self.name}/pull/{number}",
            "head": {"ref": row["branch"], "sha": row["sha"]},
            "base": {"ref": row["base"]},
        }

    def merge(self, request: Request, body: dict) -> Response:
        """A real merge into the bare repository."""
        row = self.pulls[request.path_params["number"]]
        if row["state"] != "open":
            return JSONResponse({"message": "Pull Request is not mergeable"}, 405)
        if body.get("sha") and body["sha"] != self._pull(row["number"])["head"]["sha"]:
            return JSONResponse({"message": "Head branch was modified. Review and try the merge again."}, 409)
        folder = Path(tempfile.mkdtemp())
        try:
            git(folder, "clone", "--quiet", "--branch", row["base"], str(self.repo.origin), "merge")
            title = re.sub(r"\s+", " ", row["title"])
            git(
                folder / "merge",
                "merge",
                "--no-ff",
                "--quiet",
                "-m",
                f"Merge #{row['number']}: {title}",
                f"origin/{row['branch']}",
            )
            git(folder / "merge", "push", "--quiet", "origin", row["base"])
            row.update(state="closed", ended=now(), merged=git(folder / "merge", "rev-parse", "HEAD").strip())
        except RuntimeError:
            return JSONResponse({"message": "Pull Request is not mergeable"}, 405)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return JSONResponse({"sha": row["merged"], "merged": True, "message": "Pull Request successfully merged"})
