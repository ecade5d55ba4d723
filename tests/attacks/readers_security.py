"""Readers of security findings and of a repository's own settings: alerts, manifests that are edited, rules of ruff."""

from __future__ import annotations

import contextlib
import json

from packaging.version import Version
from pydantic import ValidationError

from console.ui.markup import plain
from core.repair.environment import interpreters, references
from core.repair.environment.discovery import Needs
from core.repair.environment.fault import EnvironmentFault
from core.repair.localize.sources import UNREADABLE
from core.repair.security import sql
from core.stages.review import ruff_settings
from core.stages.security import pins, upgraded
from core.vendors import github_alerts
from core.vendors.cline import _step
from core.vendors.preview_relay import PreviewRelay
from tests.attacks.reader import Reader

UPGRADE = pins.Upgrade("urllib3", "1.0", "2.0")
PINS = ("urllib3==1.0\n", f"urllib3==1.0 \\\n    --hash=sha256:{'0' * 64}\n", 'dependencies = ["urllib3==1.0"]\n')


def _upgraded(text: str) -> None:
    for name in ("requirements.txt", "pyproject.toml"):
        with contextlib.suppress(pins.UnfitPin):
            pins.edited({name: text}, UPGRADE, lambda name, version: ["1" * 64])


def _of_ruff(text: str) -> None:
    told = {"select": [text, "B"], "ignore": [text], "by_file": [[text, "B"], ["a.py", text]], "target": text}
    answer = json.dumps(told | {"line_length": 0, "convention": text, "options": {text: 1}})
    for held in (text, answer, answer.replace(text, text[: ruff_settings.LONGEST])):
        with contextlib.suppress(ValidationError):
            if found := ruff_settings.READ.validate_json(held):
                ruff_settings.settings(found)


def _alerts(text: str) -> None:
    told = {"ghsa_id": text, "summary": text, "identifiers": [{"value": text}]}
    held = {"package": {"ecosystem": "pip", "name": text}, "severity": text, "vulnerable_version_range": text}
    found = github_alerts.of_package({"security_vulnerability": held, "security_advisory": told, "html_url": text})
    found.covers("1.0")
    rule = {"id": text, "description": text, "tags": ["security", text], "security_severity_level": text}
    place = {"location": {"path": text, "start_line": 1}, "message": {"text": text}, "commit_sha": text}
    github_alerts.of_line({"rule": rule, "most_recent_instance": place, "html_url": text})


def _needed(text: str) -> None:
    """What the sandbox read in manifests: a dependency from elsewhere with its marker, and the Python it asks for."""
    for line in (text, f"a @ git+https://x/a ; {text}"):
        with contextlib.suppress(EnvironmentFault):
            references.refuse(Needs.model_construct(elsewhere=[(line[:500], "the manifest")]), Version("3.11.2"))
    for wish in (text, f">={text}"):
        with contextlib.suppress(EnvironmentFault):
            interpreters.choose([(wish[:200], "pyproject.toml")], [interpreters.platform()])


def _indexed(text: str) -> None:
    for line in (text, json.dumps([[text, "0" * 64]]), json.dumps([[f"urllib3-{text}-py3-none-any.whl", "0" * 64]])):
        upgraded._of_version(f"HASHES {line}", "urllib3", "2.0")


def _query(text: str) -> None:
    source = f"def f(db, x):\n    db.execute({text!r} + x)\n".encode("ascii", "backslashreplace").decode()
    with contextlib.suppress(*UNREADABLE):
        sql.rewritten(source, 2, ())


SECURITY = {
    "upgrade of a pin": Reader(_upgraded, seeds=PINS),
    "rules of ruff": Reader(_of_ruff, seeds=("B", "py311", "tests/*.py")),
    "needs of a manifest": Reader(
        _needed, seeds=("os_name ~= 'x'", "python_version < '3.9' and 'a' in extras", "3.12", "~=3.11")
    ),
    "page of a package index": Reader(_indexed, seeds=("urllib3-2.0.tar.gz", "2.0-1")),
    "alerts of a code host": Reader(_alerts, seeds=(">= 1.0, < 2.0", "external/cwe/cwe-089")),
    "query of a program": Reader(_query, slow=True, seeds=("SELECT a FROM b WHERE c = ", "INSERT INTO a VALUES (1, ")),
    "line of a coding agent": Reader(
        _step, seeds=('{"agent_event": 1, "event": {"type": "content_end", "text": "x"}}',), json=True
    ),
    "message on a page": Reader(plain, seeds=("[x](http://a) *b* :red[c]",)),
    "cookie of a preview": Reader(
        lambda text: PreviewRelay._told(None, "set-cookie", text), seeds=("a=b; Domain=x; Secure",)
    ),
}
