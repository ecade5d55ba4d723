"""``python -m core doctor --repository NAME``: really tries everything that a fix of a repository needs."""

from __future__ import annotations

import json

from core.cli.terminal import shown
from core.models import recorded
from core.runtime import Runtime
from core.stages.readiness import FAULT, ReadinessStep, examine


def show(rt: Runtime, name: str, as_json: bool) -> int:
    """Print each step as it is done. Returns exit code 1 if any step is a fault, else 0."""
    steps = []
    for step in examine(rt, name):
        steps.append(step)
        if not as_json:
            print(shown("\n".join(lines(step))), flush=True)
    if as_json:
        print(json.dumps([recorded.plain(step) for step in steps]))
    return 1 if any(step.state == FAULT for step in steps) else 0


def lines(step: ReadinessStep) -> list[str]:
    took = f" ({step.seconds:.1f} s)" if step.seconds else ""
    rows = [f"{step.state:<9} {step.what}{took}: {step.message}"]
    rows += [f"{'':<10}tried: {step.tried}"] if step.tried else []
    return rows + ([f"{'':<10}-> {step.fix}"] if step.fix else [])
