"""What the sources say of a checkout: each on its own, bounded, and with texts that strangers wrote."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.models import Severity
from core.policy.reader import parse_policy
from core.policy.services import Repository
from core.repair.sandbox.runner import BubblewrapRunner
from core.runtime import Runtime
from core.settings import Settings
from core.stages.review.manifests import Packages
from core.stages.security import sources
from core.stages.security.sources import Scanned, services_of, worst
from core.stages.workspace import Clone
from core.vendors.advisories import SecurityAlert
from core.vendors.command import CommandError, git
from tests.real import need_sandbox
from tests.security.test_finding import line, package

UNSAFE = "import subprocess\n\n\ndef run(name):\n    subprocess.run(f'ls {name}', shell=True)  # nosec\n"
POLICY = """
[repositories.shop]
remote = "/srv/shop.git"
[services.cart]
repository = "shop"
impact = "low"
[services.checkout]
repository = "shop"
critical = true
[services.other]
repository = "api"
[repositories.api]
remote = "/srv/api.git"
[security]
rules = ["B602"]
most_files = 3
"""


class Bare:
    """A clone that has none of the commits that an alert names."""

    def commits(self, *_names):
        return [""]


@pytest.fixture
def checkout(tmp_path):
    def made(files: dict[str, str], **repository) -> tuple[Runtime, Scanned]:
        tree = tmp_path / "tree"
        for name, text in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        git(tree, "init", "--quiet")
        git(tree, "add", "--all")
        git(tree, "commit", "--quiet", "--message", "x")
        rt = Runtime(Settings(data_dir=tmp_path / "data"), runner=BubblewrapRunner())
        rt._policy, rt._read_at = parse_policy(POLICY, "platform.toml"), 0.0
        held = Repository(remote="/srv/shop.git", github="acme/shop", **({"source": ["shop"]} | repository))
        return rt, Scanned("shop", held, Bare(), "", tree, BubblewrapRunner())

    return made


def test_bandit_reads_the_programs_own_code_and_no_comment_silences_it(checkout):
    need_sandbox()
    rt, scanned = checkout({
        "shop/run.py": UNSAFE, "tests/test_run.py": UNSAFE, "tools/run.py": UNSAFE,
        "shop/bandit.py": "raise SystemExit('a module of the repository must not take the place of a tool')\n",
        ".bandit": "[bandit]\nskips = B602\n", "shop/sum.py": "import hashlib\n\nhashlib.md5(b'x')\n",
    })  # fmt: skip
    (found,) = sources.code(rt, scanned)
    assert (found.path, found.details["line"], found.details["cwe"]) == ("shop/run.py", 5, 78)
    assert found.details["code"].startswith("subprocess.run(") and found.severity is Severity.HIGH


def test_the_number_of_files_is_bounded(checkout):
    need_sandbox()
    rt, scanned = checkout({f"shop/m{number}.py": UNSAFE for number in range(5)})
    assert len(list(sources.code(rt, scanned))) == 3


ALERT = SecurityAlert(
    "code scanning", "high", "x", path="shop/run.py", line=5, rule="py/command-line-injection", cwe=78
)


class Alerts:
    name = "github"

    def __init__(self, *alerts):
        self.alerts = alerts

    def open(self, _repository):
        return iter(self.alerts)


def test_an_alert_counts_where_the_line_is_still_there(checkout):
    rt, scanned = checkout({"shop/run.py": UNSAFE})
    rt.alerts = Alerts(ALERT, replace(ALERT, line=99), replace(ALERT, line=0), replace(ALERT, path="shop/gone.py"))
    (found,) = sources.alerts(rt, scanned)
    assert (found.source, found.path, found.details["line"]) == ("code scanning", "shop/run.py", 5)


def test_the_manifests_are_parsed_once_for_all_alerts(checkout, monkeypatch):
    """Each parsing starts a sandbox, and a repository can have hundreds of alerts."""
    asked = []
    pinned = Packages(pinned={("django", "2.0.1"): "requirements.txt"})
    monkeypatch.setattr(sources.manifest_reader, "read", lambda held, runner: asked.append(held) or [pinned])
    rt, scanned = checkout({"requirements.txt": "django==2.0.1\n"})
    alert = SecurityAlert("dependabot", "high", "x", package="django", range_="< 2.0.2", ids=("CVE-2018-6188",))
    rt.alerts = Alerts(alert, replace(alert, ids=("CVE-2018-7536",)))
    assert [one.mark for one in sources.alerts(rt, scanned)] == ["CVE-2018-6188", "CVE-2018-7536"]
    assert len(asked) == 1


@pytest.mark.parametrize("path", ["../secret.py", "/etc/passwd", "shop/../../secret.py", "shop/link.py", ""])
def test_an_alert_reads_nothing_outside_of_the_checkout(checkout, tmp_path, path):
    secret = tmp_path / "secret.py"
    secret.write_text("TOKEN = 'x'\n")
    rt, scanned = checkout({"shop/run.py": UNSAFE})
    os.symlink(secret, scanned.tree / "shop" / "link.py")
    rt.alerts = Alerts(replace(ALERT, path=path, line=1))
    assert list(sources.alerts(rt, scanned)) == []


class Cut(Bare):
    """A clone whose commit of an alert lacks the file."""

    def commits(self, *names):
        return ["a" * 40 for _ in names]

    git = Clone.git  # as the clone asks

    @property
    def place(self):
        raise CommandError("no such path")

    text = Clone.text


def test_an_alert_whose_commit_lacks_the_file_is_looked_for_as_it_is_now(checkout):
    rt, scanned = checkout({"shop/run.py": UNSAFE})
    rt.alerts = Alerts(replace(ALERT, sha="a" * 40))
    (found,) = sources.alerts(rt, replace(scanned, found=Cut()))
    assert found.details["line"] == 5


def test_a_form_feed_moves_no_line(checkout):
    rt, scanned = checkout({"shop/run.py": f"A = 'a\x0cb'\n{UNSAFE}"})
    rt.alerts = Alerts(replace(ALERT, line=6))
    (found,) = sources.alerts(rt, scanned)
    assert (found.details["line"], found.details["code"][:14]) == (6, "subprocess.run")


def test_manifests_are_parsed_once_for_all_alerts(checkout, monkeypatch):
    parsed = []

    def read(held, runner):
        parsed.append(held)
        return [Packages({("flask", "1.0"): "requirements.txt"})]

    monkeypatch.setattr(sources.manifest_reader, "read", read)
    rt, scanned = checkout({"shop/run.py": UNSAFE, "requirements.txt": "flask==1.0\n"})
    one = SecurityAlert("Dependabot", "high", "x", package="flask", range_="<2", ids=("CVE-2026-1",))
    rt.alerts = Alerts(one, replace(one, ids=("CVE-2026-2",)), replace(one, range_="<1"))
    assert len(list(sources.alerts(rt, scanned))) == 2
    assert len(parsed) == 1


def test_all_known_findings_are_kept_and_new_ones_are_bounded_the_worst_first():
    rows = [package(pin=(f"p{number}", "1")) for number in range(5)] + [package(pin=("bad", "1"), severity="CRITICAL")]
    known = {rows[4].name}
    assert [one.details["package"] for one in worst([*rows, *rows], 2, known)] == ["p4", "bad", *_first(rows[:4], 1)]


def _first(rows, most):
    return [one.details["package"] for one in sorted(rows, key=lambda one: one.name)[:most]]


@pytest.mark.parametrize(
    ("one", "services"),
    [
        (package(), ["checkout", "cart"]),  # the strictest first
        (line(path="shop/cart.py"), ["cart"]),
        (line(path="shop/other.py"), ["checkout", "cart"]),  # another repository's service
    ],
)
def test_the_services_of_a_finding(one, services):
    assert services_of(parse_policy(POLICY, "x"), "shop", one) == services


def test_only_what_is_connected_is_asked(checkout):
    rt, scanned = checkout({"shop/a.py": ""})
    assert set(sources.connected(rt, scanned.repository)) == {"bandit"}
    rt.alerts, rt.advisories = Alerts(), object()
    assert set(sources.connected(rt, scanned.repository)) == {"bandit", "osv", "github"}
    assert Path(scanned.tree, "shop/a.py").exists()
