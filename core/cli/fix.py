"""``python -m core fix --repo DIR --crash crash.json``: repair one crash on a new branch."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from core import bootstrap
from core.models import Crash, recorded
from core.policy.sections import FixRules
from core.policy.services import Repository
from core.repair.environment.fault import EnvironmentFault
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.judge.precision import class_of, measured
from core.repair.reproduce.reproduce import fingerprint
from core.repair.sandbox import checkout
from core.repair.sandbox.runner import runner
from core.repair.types import Evidence, FixResult
from core.runtime import Runtime
from core.settings import load
from core.stages import fixer_chain
from core.stages.ground import prepared

SETTLED = {"source": ["."], "tests": "tests"}  # with the platform's own interpreter, discovery is not needed
COMMIT = 'git checkout -q -B "$1" && shift && git add -- "$@" && git commit -q -F -'


def main(argv: Sequence[str]) -> int:
    """Print the result as one JSON line. Returns exit code 0 when decided, 2 without a sandbox to run code in."""
    parser = argparse.ArgumentParser(prog="python -m core fix", description=__doc__)
    parser.add_argument("--repo", type=Path, required=True, help="a clean git checkout of the service")
    parser.add_argument("--crash", type=Path, required=True, help="the crash report (JSON)")
    parser.add_argument("--allow-limited-runner", action="store_true", help="accept the weaker sandbox")
    parser.add_argument(
        "--environment", default="platform", choices=("platform", "auto"), help="auto: build what the code needs"
    )
    given = parser.parse_args(argv)
    crash = Crash.model_validate_json(given.crash.read_text(encoding="utf-8"))
    rules = FixRules(allow_limited_runner=given.allow_limited_runner)
    sandbox = runner(rules)
    if sandbox is None:
        print(json.dumps({"decision": "escalate", "reason": "this machine has no sandbox", "cause": "environment"}))
        return 2
    rt = Runtime(load(), runner=sandbox)
    values = SETTLED if given.environment == "platform" else {}
    repository = Repository(remote="", folder=".", environment_build=given.environment, **values)
    try:
        stands = prepared(rt, "checkout", repository, given.repo)
    except EnvironmentFault as fault:
        print(json.dumps({"decision": "escalate", "reason": str(fault), "cause": "environment"}))
        return 2
    defaults = stands.repository
    result = fixer_chain.chain(
        [EmbeddedFixer(), *bootstrap.models(rt)],
        fixer_chain.Spent(),
        fixer_chain.Spent(),
        tree=given.repo,
        crash=crash,
        rules=rules,
        allowed=["**"],
        source=defaults.source,
        tests=defaults.tests,
        test_command=defaults.test_command,
        runner=stands.runner,
    )
    print(json.dumps(_said(result, _committed(given.repo, crash, result))))
    return 0


def _committed(repo: Path, crash: Crash, result: FixResult) -> str:
    """Commit the fix or proposal on a new branch and keep it checked out; returns its name, empty without a change."""
    if result.decision != "fix" or result.candidate is None:
        return ""
    branch = f"fix/{fingerprint(crash)}"
    place = checkout.of(repo)
    message = f"Fix {crash.exception.type}\n\n{result.candidate.rationale}"
    names = [*result.candidate.files, *([result.test.path] if result.test else [])]
    argv = ["sh", "-c", COMMIT, "commit", branch, *names]
    checkout.execute(
        place, argv, writes=[path for path in (place.tree, place.directory, place.common) if path], input=message
    )
    return branch


def _said(result: FixResult, branch: str) -> dict:
    """The JSON result. A fix without evidence is a proposal on the branch, which a person must review."""
    made = result.candidate
    sure = result.decision == "fix" and made is not None and made.grade >= Evidence.SIBLING
    step = result.next_step or (
        "" if sure else "Nothing in the code confirms that this is the intended behaviour. Review the branch."
    )
    return {
        "decision": "fix" if sure else "escalate",
        "reason": f"{result.reason} {step}".strip(),
        "cause": str(result.cause),
        "template": made.template if made else "",
        "branch": branch,
        "evidence": {"grade": made.grade.name.lower(), "says": list(made.evidence)} if made else {},
        "confidence": result.confidence or None,
        "class": class_of(made) if made else "",
        "precision": measured(class_of(made)).describe("unseen case") if made else "",
        "behaviours": list(result.behaviours),
        "proof": recorded.plain(result.proof) | {"complete": result.proof.complete},
        "attempts": [{"template": a.candidate.template, "refused": a.reason} for a in result.attempts],
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
