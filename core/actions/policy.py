"""The action on the policy: apply a new text of platform.toml."""

from __future__ import annotations

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
from core.policy.reader import ConfigurationError


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

    def act(session: Session, who: Actor, key: Key) -> str:
        made = versions.put_in_force(session, path, text, by=who.name, reason=reason, based_on=based_on)
        detail = {"version": made.id, "before": based_on, "after": made.sha256, "reason": reason}
        note(session, who, "change_policy", "policy", key, detail)
        return f"Policy version {made.id} is in force from the next decision on."

    try:
        return once("change_policy", actor, "policy", key, act, {"text": text, "reason": reason})
    except (versions.Stale, ConfigurationError) as error:
        raise Refused(str(error)) from None
