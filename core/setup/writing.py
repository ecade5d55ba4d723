"""Writes platform.toml, as a new version of the policy, and the file ``.env`` for secrets."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import dotenv

from core import bootstrap
from core.access import accounts
from core.access.rights import ADMINISTER, Actor, require
from core.actions.policy import change_policy
from core.audit import chain
from core.db import store
from core.policy import versions
from core.runtime import Runtime
from core.settings import Settings, env_file

EMPTY = "# Services and policy. Every key is described in docs/configuration.md.\nversion = 1\n"


def policy(actor: Actor, rt: Runtime, changes: Mapping[tuple[str, ...], Any], reason: str) -> str:
    """Apply changes to platform.toml, like the Policy page. Raises Refused, Forbidden or ConfigurationError."""
    require(actor, ADMINISTER)
    path = rt.settings.platform_file
    begin(path)
    before = versions.text_of(path)
    after = versions.edited(before, changes)
    if after == before:
        return "platform.toml already has these values."
    result = change_policy(after, actor=actor, reason=reason, based_on=versions.digest(before), key=uuid4().hex)
    bootstrap.refresh(rt, rt.settings)
    return result.message


def begin(path: Path) -> None:
    """Create an empty policy if there is none."""
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(EMPTY)
    except FileExistsError:
        return


def secrets(actor: Actor, rt: Runtime, settings: Settings, given: Mapping[str, str]) -> str:
    """Write variables into ``.env`` with mode 0600; from now on the process uses ``settings``, which contain them.

    Raises Forbidden, and ValueError for a value that the file cannot represent; the message never contains the value.
    """
    kept = {name.upper(): value.strip() for name, value in given.items() if value.strip()}
    path = env_file(settings)
    for name, value in kept.items():
        _fits(name, value)
    with store.write() as session:
        who = require(accounts.actor(session, actor), ADMINISTER)
        chain.record(session, who.name, "settings_written", "settings", {"variables": sorted(kept)})
    for name, value in kept.items():
        _put(path, name, value)
    bootstrap.refresh(rt, settings)
    return f"{', '.join(sorted(kept)) or 'Nothing'} written to {path}."


def _fits(name: str, value: str) -> None:
    if os.environ.get(name):
        raise ValueError(f"{name} is set in the environment of the console, which overrides .env. Change it there.")
    line = f"{name}='{_escaped(value)}'\n"
    if not value.isprintable() or dotenv.dotenv_values(stream=io.StringIO(line)) != {name: value}:
        raise ValueError(f"{name} has characters that .env cannot hold. Set it in the environment of the console.")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _put(path: Path, name: str, value: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    path.chmod(0o600)
    dotenv.set_key(path, name, value)
