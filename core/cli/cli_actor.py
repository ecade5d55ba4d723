"""The person that the command line acts for: the one of PLATFORM_TOKEN, or nobody.

Owning the database file does not identify a person, because every process of the engine runs as the same account. The
owner can manage people, so that a new installation gets its first admin, but cannot act for them (core/cli/token.py).
"""

from __future__ import annotations

import os
import pwd

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
    """The name in the audit trail of whoever manages people and tokens. Raises Forbidden.

    It is the admin of PLATFORM_TOKEN; without a token, the account that owns the SQLite file or can open another
    database. The name of an account contains a "/", which no person's name can contain.
    """
    if settings.platform_token.get_secret_value():
        return rights.require(actor(settings), rights.ADMINISTER).name
    url = make_url(settings.database)
    if url.drivername.startswith("sqlite") and os.geteuid() not in (0, store.sqlite_file(url).stat().st_uid):
        raise Forbidden("The database belongs to another account of this machine. Set PLATFORM_TOKEN.")
    return f"account/{_account()}"


def _account() -> str:
    """The account of this process, by its number: variables such as LOGNAME can name anybody."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # as in a container, where an account may have no name
        return str(number)
