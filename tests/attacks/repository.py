"""A repository that carries every trick by which a program that looks at it could be made to run its code.

Each trick leaves a file of its name in the folder of canaries, which lies outside of the repository. In the sandbox
that folder is not there.
"""

from __future__ import annotations

from pathlib import Path

from core.vendors.command import git
from tests.stories.world import Ledger

SHOP = '''def share(part, whole):
    """The share of the whole, as a float.

    Returns 0.0 when whole is 0.
    """
    return part / whole
'''
TEST = "from shop import share\n\n\ndef test_half():\n    assert share(1, 2) == 0.5\n"
SHADOWED = "yaml bandit ruff json coverage pytest packaging tomllib configparser ast subprocess stevedore"
# A module in the place of another: it leaves its canary, then steps aside, so that nobody notices.
SHADOW = """
import os, sys
try:
    open("{canary}", "a").close()
except OSError:
    pass
here = os.path.dirname(os.path.abspath(__file__))
kept = sys.path[:]
sys.path[:] = [place for place in kept if os.path.abspath(place or ".") != here]
own = sys.modules.pop(__name__)
try:
    real = __import__("{name}")
finally:
    sys.path[:] = kept
if __name__ == "__main__":
    if "{name}" == "pytest":
        sys.exit(real.main())
    import runpy
    sys.path[:] = [place for place in kept if os.path.abspath(place or ".") != here]
    runpy.run_module("{name}", run_name="__main__", alter_sys=True)
"""
TOUCH = 'try:\n    open("{canary}", "a").close()\nexcept OSError:\n    pass\n'
# What the tests do, each time they run: plant links and a repository whose settings name programs.
CONFTEST = """
import os
def attempt(work, *given):
    try:
        work(*given)
    except OSError:
        pass
def write(path, text):
    with open(path, "w") as file:
        file.write(text)
{touch}
attempt(os.symlink, "{canary}-link", ".timing.json")
attempt(os.makedirs, "vendored/.git/objects")
attempt(os.makedirs, "vendored/.git/refs")
attempt(write, "vendored/.git/HEAD", "ref: refs/heads/main\\n")
attempt(write, "vendored/.git/config", "[core]\\n\\tfsmonitor = touch {canary}-submodule\\n")
attempt(os.unlink, ".git")
attempt(write, ".git", "gitdir: vendored/.git\\n")
attempt(write, ".git/config", "[core]\\n\\tfsmonitor = touch {canary}-fsmonitor\\n")
attempt(write, ".git/hooks/post-checkout", "#!/bin/sh\\ntouch {canary}-hook\\n")
"""
GIT_CONFIG = """[core]
\trepositoryformatversion = 0
\tbare = true
\tfsmonitor = touch {canary}-fsmonitor
\tsshCommand = touch {canary}-ssh
\tpager = touch {canary}-pager
[filter "evil"]
\tclean = touch {canary}-clean
\tsmudge = touch {canary}-smudge
[diff "evil"]
\ttextconv = touch {canary}-textconv
\tcommand = touch {canary}-diff
[merge "evil"]
\tdriver = touch {canary}-merge
"""
SETTINGS = {
    "pyproject.toml": '[tool.ruff]\nextend = "evil.toml"\n[tool.bandit]\nskips = ["B307"]\n[tool.coverage.run]\n'
    'plugins = ["evil_plugin"]\n[project]\nname = "shop"\nversion = "1"\ndependencies = ["flask==2.0.1"]\n',
    "ruff.toml": 'extend = "evil.toml"\nlint.select = []\n',
    ".ruff.toml": 'extend = "evil.toml"\n',
    "package.json": '{"name": "shop", "scripts": {"postinstall": "touch x"}}\n',
    "vercel.json": '{"buildCommand": "touch x", "crons": []}\n',
    ".github/workflows/ci.yml": "on: push\njobs: {x: {runs-on: ubuntu-latest, steps: [{run: touch x}]}}\n",
    "deploy/service.yaml": "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: []}}}\n",
    "compose.yaml": "services: {shop: {build: ., command: touch x}}\n",
    "Dockerfile": "FROM python:3.11\nRUN touch x\n",
    ".env": "PATH=/w\nGITHUB_TOKEN=stolen\n",
    ".bandit": "[bandit]\nskips: B307\nexclude: /\n",
    "bandit.yaml": "skips: [B307]\n",
    ".coveragerc": "[run]\nplugins = evil_plugin\n",
    "setup.cfg": "[coverage:run]\nplugins = evil_plugin\n[options]\ninstall_requires =\n    six==1.16.0\n",
    "tox.ini": "[pytest]\naddopts = -p evil_plugin\n[testenv]\ncommands = touch x\n",
    "pytest.ini": "[pytest]\naddopts = -p evil_plugin\npythonpath = .\n",
    "requirements.txt": "requests==2.31.0\n-r requirements-link.txt\n",
    ".gitattributes": "* filter=evil diff=evil merge=evil text eol=crlf ident\nNOTES working-tree-encoding=UTF-16LE\n"
    "*.py export-subst\n[attr]binary filter=evil\n",
    ".gitmodules": '[submodule "vendored"]\n\tpath = vendored\n\turl = ext::touch%\n\tupdate = !touch x\n',
    ".gitconfig": "[core]\n\tfsmonitor = touch x\n",
    ".lfsconfig": "[lfs]\n\turl = ext::x\n",
}


def build(folder: Path) -> None:
    """``origin.git`` and the team's clone in a story's folder, with all tricks; canaries go to ``canary``."""
    canary, team = folder / "canary", folder / "team"
    canary.mkdir(parents=True)
    (folder / "outside").mkdir()
    (folder / "outside" / "secret.py").write_text("SECRET = 1\n")
    (team / "tests").mkdir(parents=True)
    for name, text in _files(canary).items():
        (team / name).parent.mkdir(parents=True, exist_ok=True)
        (team / name).write_text(text)
    (team / "linked.py").symlink_to(folder / "outside" / "secret.py")
    (team / "requirements-link.txt").symlink_to(folder / "outside" / "secret.py")
    (team / "elsewhere").symlink_to(folder / "outside")
    git(team, "init", "--quiet", "--initial-branch=main")
    (team / ".git" / "info" / "attributes").write_text("* !filter !text !eol !ident\n")
    git(team, "add", "--all")
    git(team, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendored")
    git(team, "commit", "--quiet", "--message", "The shop")
    git(folder, "clone", "--quiet", "--bare", "team", "origin.git")
    for hook in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        place = folder / "origin.git" / "hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\ntouch {canary}/hook-{hook} || true\n")
        place.chmod(0o755)
    ledger, sha = Ledger(folder / "vendors"), git(team, "rev-parse", "HEAD").strip()
    ledger.put("deployments", {"team": {"vendor_id": "dpl_1", "sha": sha, "kind": "production"}})
    ledger.put("alias", "dpl_1")
    ledger.put("rates", {"dpl_1": 0.1})


def _files(canary: Path) -> dict[str, str]:
    files = {"shop.py": SHOP, "tests/test_share.py": TEST, **SETTINGS}
    for name in SHADOWED.split():
        files[f"{name}.py"] = SHADOW.format(canary=canary / f"module-{name}", name=name)
    for name in ("sitecustomize", "usercustomize", "evil_plugin", "setup"):
        files[f"{name}.py"] = TOUCH.format(canary=canary / f"module-{name}")
    files["evil.pth"] = f"import os; open({str(canary / 'pth')!r}, 'a').close()\n"
    files["conftest.py"] = CONFTEST.format(canary=canary / "conftest", touch=TOUCH.format(canary=canary / "conftest"))
    for place in (".git-template/", "nested.git/"):  # a folder that git takes for a bare repository
        files |= {f"{place}HEAD": "ref: refs/heads/main\n", f"{place}objects/kept": "", f"{place}refs/kept": ""}
        files[f"{place}config"] = GIT_CONFIG.format(canary=canary / "nested")
        files[f"{place}hooks/post-checkout"] = f"#!/bin/sh\ntouch {canary}/nested-hook\n"
    return files
