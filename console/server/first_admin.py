"""The first people of a new platform, created when the console starts."""

from __future__ import annotations

import logging
import sys

from sqlalchemy.exc import SQLAlchemyError

from console import process
from core.access import accounts

log = logging.getLogger(__name__)
HOW = "no accounts yet; create one with: python -m core user add NAME --role admin"


def people() -> None:
    """Create the demo's four people, or the first admin. The one-time password is only printed to a terminal."""
    try:
        settings = process.settings()
        if accounts.demo(settings):
            return
        if not sys.stdout.isatty():
            if not accounts.anybody():
                log.warning(HOW)
        elif password := accounts.first_admin():
            print(f"\n  First admin account: sign in as admin with the password {password}")
            print("  (shown only once; you choose a new one at sign-in)\n")
    except SQLAlchemyError:
        log.exception("the database cannot be opened; sign-in is unavailable")
