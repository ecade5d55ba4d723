"""The code around the frames of a crash, from the commit that production runs, for the prompts of models."""

from __future__ import annotations

import logging

from core.policy.reader import ConfigurationError
from core.repair.fixers.excerpts import excerpts
from core.runtime import Runtime
from core.signals.analysis.types import IssueFacts
from core.stages import workspace
from core.stages.deliver import live
from core.stages.ground import unprefixed
from core.vendors.base import VendorError
from core.vendors.command import CommandError

BUDGET = 6_000  # characters of all excerpts


def around(rt: Runtime, issue_id: int, run: int, evidence: IssueFacts) -> list[str]:
    """``path:lines`` and text of each excerpt; none without a crash, or where the repository cannot be read."""
    crash = next((record.crash for record in evidence.records if record.crash), None)
    if crash is None:
        return []
    try:
        name, repository = rt.repository_of(evidence.service)
        found = workspace.clone(rt, name, repository)
        sha = live.base_of(rt, name, found)
        with workspace.tree(rt, found, f"analysis-{issue_id}-{run}", sha) as root:
            shown = excerpts(root / repository.folder, unprefixed(repository, crash), BUDGET)
    except (ConfigurationError, CommandError, VendorError, OSError, ValueError) as error:
        logging.getLogger(__name__).info("issue %s is analyzed without its code: %s", issue_id, error)
        return []
    return [f"{place}\n{text}" for place, text in shown.items()]
