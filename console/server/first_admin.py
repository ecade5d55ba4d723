"""The first people of a new platform, created when the console starts.

The one-time password of the first admin is printed to a terminal. Without one, it is in a file of DATA_DIR that only
the platform's account can read, until the first sign-in. The log and the sign-in page name the file alone.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from filelock import FileLock
from sqlalchemy.exc import SQLAlchemyError

from console import process
from core.access import accounts, passwords
from core.settings import Settings

log = logging.getLogger(__name__)
FILE = "first-admin-password"
NAME = accounts.FIRST_ADMIN
HOW = "create the first admin with: python -m core user add NAME --role admin"


def people() -> None:
    """Create the demo's four people, or the first admin."""
    try:
        settings = process.settings()
        if accounts.demo(settings):
            return
        if sys.stdout.isatty():
            _to_terminal()
        else:
            _to_file(settings)
    except SQLAlchemyError:
        log.exception("the database cannot be opened; sign-in is unavailable")
    except OSError as error:
        log.error("DATA_DIR cannot hold the first admin's password (%s); %s", error, HOW)


def _to_terminal() -> None:
    password = passwords.made_up()
    if accounts.first_admin(password):
        print(f"\n  First admin account: sign in as {NAME} with the password {password}")
        print("  (shown only once; you choose a new one at sign-in)\n")


def path(settings: Settings) -> Path:
    return settings.data_dir.resolve() / FILE


def _to_file(settings: Settings) -> None:
    """Make the first admin, or renew the password that nobody has used in time. Raises OSError."""
    file = path(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        if not accounts.anybody():
            _write(file, password := passwords.made_up())
            accounts.first_admin(password)
        elif accounts.first_password_is_over() and file.exists():
            _write(file, password := passwords.made_up())
            accounts.set_password(NAME, password, by="platform")
        elif not accounts.waits_for_first_sign_in():
            file.unlink(missing_ok=True)
        if file.exists():
            log.warning("first admin: sign in as %s with the one-time password in %s", NAME, file)


def _write(file: Path, password: str) -> None:
    """A new file, never one that somebody else has put there."""
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as made:
        made.write(f"{password}\n")


def hint() -> str:
    """For the sign-in page: where the password is, until the first sign-in; empty afterwards."""
    file = path(process.settings())
    if not file.exists() or not accounts.waits_for_first_sign_in():
        return ""
    return f"New platform: sign in as {NAME} with the one-time password in the file {file} on the server."


def forget(name: str) -> None:
    """Remove the file once the admin is in."""
    if name == NAME:
        path(process.settings()).unlink(missing_ok=True)
