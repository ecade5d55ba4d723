"""Ways to production that live in a folder, so that a process may be killed and another finds what it had done.

Each writes one line into ``effects`` for every release and every way back; a team's commands write theirs themselves.
"""

from __future__ import annotations

import copy
import json
import sys
from datetime import timedelta
from pathlib import Path

import httpx

from core.models import now
from core.vendors.command import git
from core.vendors.http import Http
from tests.stories.world import Ledger, World
from tests.vendors.kubernetes_api import json_patch

PROGRAM = """
import json, os, pathlib, sys, time
what, home = sys.argv[1], pathlib.Path(os.environ["STATE"])
state = json.loads(home.read_text())
key, sha = os.environ["DEPLOY_KEY"], os.environ["DEPLOY_SHA"]
if what == "status":
    print("some words first")
    print(json.dumps({"state": state["keys"].get(key, "absent") if key else "absent", "sha": state["sha"]}))
    raise SystemExit
assert (pathlib.Path.cwd() / "shop.py").exists() and not (pathlib.Path.cwd() / ".git").exists()
state["keys"][key], state["sha"] = "live", sha
state["log"].append([what, sha, os.environ["DEPLOY_PREVIOUS_SHA"]])
whole = home.with_suffix(".new")
whole.write_text(json.dumps(state))
with open(os.environ["EFFECTS"], "a") as effects:
    effects.write({"deploy": "production", "rollback": "rollback"}[what] + " " + sha + chr(10))
whole.replace(home)
vendors = pathlib.Path(os.environ["EFFECTS"]).parent
served = {"deploy": sha, "rollback": "dpl_1"}[what]
moves = json.loads((vendors / "moves.json").read_text()) + [[time.time(), served]]
for name, value in (("moves", moves), ("alias", served)):
    (vendors / "fresh").write_text(json.dumps(value))
    (vendors / "fresh").replace(vendors / f"{name}.json")
"""


def way(w: World, text: str) -> None:
    """The repository's way to production, in place of Vercel; once."""
    platform = w.settings.platform_file
    platform.write_text(platform.read_text().replace('vercel_project = "shop"\n', text))


def main_of(w: World) -> str:
    return git(w.origin, "rev-parse", "main").strip()


def commands(w: World) -> Path:
    """The repository is deployed by a program of the team, whose state lies in a file."""
    program, state = w.folder / "deploy.py", w.folder / "state.json"
    if not state.exists():
        program.write_text(PROGRAM)
        state.write_text(json.dumps({"sha": main_of(w), "keys": {}, "log": []}))
        argv = {name: json.dumps([sys.executable, str(program), name]) for name in ("deploy", "status", "rollback")}
        lines = "".join(f"commands.{name} = {words}\n" for name, words in argv.items())
        effects = w.ledger.folder / "effects"
        way(w, f'delivery = "commands"\n{lines}environment = {{STATE = "{state}", EFFECTS = "{effects}"}}\n')
    return state


def released(ledger: Ledger, what: str, back: bool) -> None:
    """Production serves this from now on; "dpl_1" is what it served in the beginning."""
    ledger.move("dpl_1" if back else what)
    ledger.effect(f"{'rollback' if back else 'production'} {what}")


class FolderPipeline:
    """GitHub's workflow runs: a run that was dispatched is listed at once, and over when it is listed again."""

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self.ledger.lock:
            return self.answer(request, json.loads(request.content) if request.content else {})

    def answer(self, request: httpx.Request, body: dict) -> httpx.Response:
        path, runs = request.url.path, self.ledger.get("runs", [])
        if path.endswith("/dispatches"):
            key, sha = body["inputs"]["key"], body["inputs"]["sha"]
            runs.append(run(len(runs) + 1, f"Deploy {sha} ({key})", "in_progress"))
            self.ledger.put("runs", runs)
            released(self.ledger, sha, back="-rollback-" in key)
            return httpx.Response(204)
        if path.endswith("/runs"):
            if self.ledger.get("hold"):  # the environment's reviewers have not answered yet
                runs = [row | {"status": "waiting"} if row["status"] == "in_progress" else row for row in runs]
                return httpx.Response(200, json={"workflow_runs": runs[::-1]})
            shown = [row for row in runs if request.url.params.get("status") in (None, row["conclusion"])]
            self.ledger.put("runs", [row | {"status": "completed", "conclusion": "success"} for row in runs])
            return httpx.Response(200, json={"workflow_runs": shown[::-1]})
        if path.endswith("/pending_deployments"):
            return httpx.Response(200, json=[{"environment": {"name": "production"}}])
        marks = self.ledger.get("marks", {})
        if request.method == "POST":
            marks[path.rpartition("/")[2]] = body | {"updated_at": now().isoformat()}
            self.ledger.put("marks", marks)
            return httpx.Response(201, json=body)
        found = marks.get(path.split("/")[-2])
        return httpx.Response(200, json={"statuses": [found] if found else []})


def run(number: int, title: str, status: str, event: str = "workflow_dispatch", head: str = "") -> dict:
    address = f"https://github.com/acme/shop/actions/runs/{number}"
    return {"id": number, "display_title": title, "status": status, "conclusion": None, "event": event,
            "head_sha": head, "html_url": address, "updated_at": (now() - timedelta(hours=1)).isoformat()}  # fmt: skip


def pipeline(w: World) -> None:
    """The repository is deployed by a workflow, which has deployed the main branch."""
    if w.ledger.get("runs") is None:
        first = run(1, "Push", "completed", "push", main_of(w)) | {"conclusion": "success"}
        w.ledger.put("runs", [first])
        way(w, 'delivery = "github_actions"\ngithub_actions.workflow = "deploy.yml"\n')
    transport = httpx.MockTransport(FolderPipeline(w.ledger))
    w.rt.host.http = Http("github", "https://api.github.com", transport=transport)


class FolderCluster:
    """A cluster with one Deployment, whose rollouts are over when they are looked at again."""

    name = "kubernetes"

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def deployment(self, namespace: str, name: str) -> dict:
        with self.ledger.lock:
            found = self.ledger.get("cluster")
            seen = copy.deepcopy(found)
            done = {"observedGeneration": seen["metadata"]["generation"], "updatedReplicas": 1, "availableReplicas": 1}
            self.ledger.put("cluster", seen | {"status": done | {"replicas": 1}})
            return found

    def patch_deployment(self, namespace: str, name: str, patch: list, dry: bool = False) -> dict:
        with self.ledger.lock:
            found = self.ledger.get("cluster")
            if dry:
                return found
            before = found["spec"]["template"]["spec"]["containers"][0]["image"]
            json_patch(found, patch)
            found["metadata"]["generation"] += 1
            self.ledger.put("cluster", found)
            after = found["spec"]["template"]["spec"]["containers"][0]["image"]
            first = self.ledger.get("first_image")
            if before != after:
                released(self.ledger, after, back=after == first)
            return found

    def replica_sets(self, namespace: str, selector: str) -> list[dict]:
        return []


def cluster(w: World) -> None:
    if w.ledger.get("cluster") is None:
        image = f"registry.example/shop:{main_of(w)}"
        template = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "web", "image": image}]}}
        found = {"metadata": {"generation": 1, "uid": "u", "resourceVersion": "1"},
                 "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "shop"}}, "template": template},
                 "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1,
                            "availableReplicas": 1}}  # fmt: skip
        w.ledger.put("first_image", image)
        w.ledger.put("cluster", found)
        way(w, 'delivery = "kubernetes"\nkubernetes.deployment = "shop"\n'
               'kubernetes.image = "registry.example/shop:{sha}"\n')  # fmt: skip
    w.rt.cluster = FolderCluster(w.ledger)


def stepped(w: World) -> None:
    """Vercel, with half of the traffic first."""
    if w.ledger.get("stages") is None:
        w.ledger.put("stages", [50])
        way(w, 'vercel_project = "shop"\nsteps = [50]\n')


def merge(w: World, issue_id: int) -> str:
    """A person merges the fix's branch; returns the commit on main."""
    place = w.folder / "person"
    git(w.folder, "clone", "--quiet", "origin.git", place.name)
    git(place, "merge", "--quiet", "--no-ff", "-m", "Merge", f"origin/fix/issue-{issue_id}")
    git(place, "push", "--quiet", "origin", "HEAD:main")
    made = git(place, "rev-parse", "HEAD").strip()
    w.ledger.move("merged")
    w.ledger.put("state-1", {"state": "merged", "sha": made, "at": now().isoformat(), "by": "eve"})
    return made
