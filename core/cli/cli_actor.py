"""Who the command line acts as: the person of PLATFORM_TOKEN, and nobody without one.

Owning the database file does not identify a person: every process of the engine runs as the same account. The owner can
manage people, so that a new platform gets its first admin, but cannot act for them (core/cli/token.py).
"""

from __future__ import annotations

import getpass
import os

from sqlalchemy.engine import make_url

from core.access import rights, sessions
from core.access.rights import Actor, Forbidden
from core.db import store
from core.settings import Settings

VIA = "command line"


def actor(settings: Settings) -> Actor:
    """The person of PLATFORM_TOKEN. Raises Forbidden."""
    token = settings.platform_token.get_secret_value()
    if not token:
        raise Forbidden(
            "The command line acts for a person. Set PLATFORM_TOKEN: "
            "python -m core token add NAME --label WHAT --scope operate --scope approve"
        )
    return sessions.of_token(token, VIA)


def administrator(settings: Settings) -> str:
    """Who keeps people and tokens, as the audit trail names them. Raises Forbidden.

    The admin of PLATFORM_TOKEN; without one, the account that owns the SQLite file, or that can open a database
    elsewhere. The name of an account has a "/", which no person's name can hold.
    """
    if settings.platform_token.get_secret_value():
        return rights.require(actor(settings), rights.ADMINISTER).name
    url = make_url(settings.database)
    if url.drivername.startswith("sqlite") and os.geteuid() not in (0, store.sqlite_file(url).stat().st_uid):
        raise Forbidden("The database belongs to another account of this machine. Set PLATFORM_TOKEN.")
    return f"account/{getpass.getuser()}"
