"""The action on the policy: apply a new text of platform.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from sqlmodel import Session

from core import runtime
from core.access.rights import ADMINISTER, Actor, Refused
from core.actions.registry import (
    About,
    ActionResult,
    Dialog,
    Key,
    action,
    note,
    once,
    why,
)
from core.policy import versions
from core.policy.delivery import CommandsWay
from core.policy.reader import ConfigurationError, Policy, parse_policy, read_policy


@action(
    ADMINISTER,
    "it decides what needs approval",
    About.POLICY,
    Dialog(
        "Apply policy",
        "Apply this policy?",
        "It applies from the next decision on. Past decisions stay as they are. The current text is saved as a version "
        "that you can restore.",
        shortcut="P",
        primary=True,
    ),
)
def change_policy(text: str, *, actor: Actor, reason: Annotated[str, why()], based_on: str, key: str) -> ActionResult:
    """Apply this text of platform.toml; ``based_on`` is the digest of the text it was edited from."""
    if not reason.strip():
        raise Refused("Enter a reason. It is recorded in the audit trail.")
    path = runtime.current().settings.platform_file
    _same_commands(path, text)

    def act(session: Session, who: Actor, key: Key) -> str:
        made = versions.put_in_force(session, path, text, by=who.name, reason=reason, based_on=based_on)
        detail = {"version": made.id, "before": based_on, "after": made.sha256, "reason": reason}
        note(session, who, "change_policy", "policy", key, detail)
        return f"Policy version {made.id} is in force from the next decision on."

    try:
        return once("change_policy", actor, "policy", key, act, {"text": text, "reason": reason})
    except (versions.Stale, ConfigurationError) as error:
        raise Refused(str(error)) from None


def _same_commands(path: Path, text: str) -> None:
    """Refuse changes of commands, which the platform runs as its own user: they need access to the file itself.

    A text or a file that is not a valid policy is refused elsewhere, with its reason.
    """
    try:
        before, after = read_policy(path), parse_policy(text, path.name)
    except ConfigurationError:
        return
    if changed := _run_by_us(after).items() ^ _run_by_us(before).items():
        raise Refused(
            f"The deployment commands of {min(changed)[0]} can only be changed in platform.toml itself, because the "
            "platform runs them outside of its sandbox."
        )


def _run_by_us(policy: Policy) -> dict[str, str]:
    """What the platform runs outside of its sandbox, and with which variables, by repository."""
    named = {name: one for name, one in policy.repositories.items() if one.commands != CommandsWay()}
    return {name: repr((one.commands, one.environment)) for name, one in named.items()}
