"""Who the command line acts as: the person of PLATFORM_TOKEN; without one, whoever owns the database on this machine.

The file's owner could write into it anyway, so nothing is gained by asking for a password; a database elsewhere
has no owner here and wants a token.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from sqlalchemy.engine import make_url

from core import sessions
from core.people import Role
from core.rights import Actor, Forbidden
from core.settings import Settings

VIA = "command line"


def actor(settings: Settings, name: str = "") -> Actor:
    """Raises Forbidden. ``name`` is whom the owner acts for, as the audit trail tells it; a token acts for its own."""
    if token := settings.platform_token.get_secret_value():
        found = sessions.of_token(token, VIA)
        if name not in ("", found.name):
            raise Forbidden(f"PLATFORM_TOKEN acts for {found.name}, not for {name}")
        return found
    url = make_url(settings.database)
    if not url.drivername.startswith("sqlite"):
        raise Forbidden("the database is not on this machine: set PLATFORM_TOKEN (python -m core token add)")
    if os.geteuid() not in (0, Path(url.database).stat().st_uid):
        raise Forbidden("the database belongs to another account of this machine: set PLATFORM_TOKEN")
    me = getpass.getuser()
    return Actor(name or me, Role.ADMIN, None, f"{VIA} of {me}", owner=True)


def administrator(settings: Settings) -> Actor:
    """Whoever may keep people and tokens from the command line. A database elsewhere: who can open it may."""
    from core import rights

    if settings.platform_token.get_secret_value() or settings.database.startswith("sqlite"):
        return rights.require(actor(settings), rights.ADMINISTER)
    me = getpass.getuser()  # holds DATABASE_URL with its password, as the deployment's own account
    return Actor(me, Role.ADMIN, None, f"{VIA} of {me}", owner=True)
