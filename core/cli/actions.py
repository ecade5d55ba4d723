"""``python -m core ACTION``: runs any action as the person of PLATFORM_TOKEN.

An action on an issue, or on its approval, deployment or silence, takes ``--issue``. An argument for what the person
saw, such as the hash of a patch, gets its current value.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from core import bootstrap, settings
from core.access.rights import Refused
from core.actions import targets
from core.actions.registry import About, Action, Asked, registry
from core.cli import cli_actor
from core.cli.terminal import shown
from core.db import store
from core.stages.deliver.holds import EVERYTHING


def commands() -> dict[str, Action]:
    """The actions by command name. The policy is changed only on its page, which shows the consequences."""
    return {action.command: action for action in registry().values() if action.about is not About.POLICY}


def describe(parser: argparse.ArgumentParser, action: Action) -> None:
    """Add the action's arguments to a parser."""
    if action.about is About.REPOSITORY:
        parser.add_argument("--repository", required=True)
    elif action.about in targets.OF_ISSUE:
        parser.add_argument("--issue", type=int, required=True)
    for name, field in action.arguments.model_fields.items():
        if name not in action.seen:
            _option(parser, name, action.asked.get(name), field)
    parser.set_defaults(work=lambda given: carry_out(action, vars(given)))


def _option(parser: argparse.ArgumentParser, name: str, asked: Asked | None, field: Any) -> None:
    """Add the option of one argument."""
    flag, text = f"--{name.replace('_', '-')}", asked.label if asked else None
    otherwise = asked.otherwise if asked else field.default
    if field.annotation is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=otherwise, help=text)
    elif field.annotation is int:
        parser.add_argument(flag, type=int, default=otherwise, required=_required(asked, otherwise), help=text)
    else:
        several = "+" if asked and asked.kind == "several" else None
        needed = _required(asked, otherwise)
        parser.add_argument(flag, nargs=several, default=otherwise, required=needed, help=text)


def _required(asked: Asked | None, otherwise: object) -> bool:
    """Must the option be given? If the core can list its values, it may be omitted: the values are then printed."""
    return otherwise is None and not (asked and callable(asked.options))


def carry_out(action: Action, given: Mapping[str, Any]) -> int:
    """Run the action; returns the exit code. A refusal is printed to standard error."""
    configured = settings.load()
    store.open_store(configured.database)
    bootstrap.build(configured)
    try:
        actor = cli_actor.actor(configured)
        print(shown(_listed(action, given) or _done(action, actor, given)))
    except Refused as refusal:
        print(shown(str(refusal)), file=sys.stderr)
        return 1
    return 0


def _listed(action: Action, given: Mapping[str, Any]) -> str:
    """The possible values of a missing argument that must be chosen; empty if no such argument is missing."""
    for name, asked in action.asked.items():
        if given[name] is None and callable(asked.options):
            options = asked.options(given["issue"])
            return "\n".join(f"{value:>4} {text}" for value, text in options.items()) or f"no {name} available"
    return ""


def _done(action: Action, actor, given: Mapping[str, Any]) -> str:
    target = _target(action, given)
    arguments = {name: given[name] for name in action.arguments.model_fields if name not in action.seen}
    arguments |= {name: seen.present(target) for name, seen in action.seen.items()}
    return action.run(target, actor=actor, key=f"command-{uuid4().hex}", **arguments).message


def _target(action: Action, given: Mapping[str, Any]) -> int | str:
    if action.about is About.REPOSITORY:
        return given["repository"]
    return EVERYTHING if action.about is About.RELEASES else targets.of(action.about, given["issue"])
