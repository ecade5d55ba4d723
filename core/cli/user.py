"""``python -m core user``: manage the people who can sign in, on the platform's own machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

from core import settings
from core.access import accounts, passwords
from core.access.rights import Forbidden
from core.cli import cli_actor
from core.cli.terminal import shown
from core.db import store
from core.models import now
from core.models.access import Role
from core.queries import people as view

LONGEST_DAYS = 36_500


def main(argv: Sequence[str]) -> int:
    given = _parser().parse_args(list(argv))
    configured = settings.load()
    store.open_store(configured.database)
    try:
        given.work(given, cli_actor.administrator(configured))
    except (ValueError, Forbidden) as refusal:
        print(f"user: {refusal}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core user", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work, text: str, named: bool = True) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(work=work)
        if named:
            added.add_argument("name", help="e-mail address or short name")
        return added

    roles = [role.value for role in Role]
    command("list", show, "List all people.", named=False)
    new = command("add", add, "Add a person and print a one-time password, unless they sign in by OIDC.")
    new.add_argument("--role", choices=roles, required=True)
    new.add_argument(
        "--oidc", action="store_true", help="no password; the person signs in through the identity provider"
    )
    new.add_argument("--days", type=float, help="days after which the account ends")
    command("password", password, "Print a new one-time password; end the person's sessions and lock.")
    command("role", role, "Change a person's role.").add_argument("role", choices=roles)
    command("disable", disable, "Disable a person at once.")
    command("enable", enable, "Enable a person.")
    return parser


def show(_given, _by: str) -> None:
    with store.read() as session:
        rows = view.people(session)
    for one, _ in rows:
        seen = f"{one.last_sign_in:%Y-%m-%d %H:%M} UTC" if one.last_sign_in else "never signed in"
        print(shown(f"{one.name:<30} {one.role.value:<9} {seen:<21} {', '.join(view.states(one))}"))


def add(given, by: str) -> None:
    password = "" if given.oidc else passwords.made_up()
    ends = None if given.days is None else now() + timedelta(days=_days(given.days))
    accounts.add(given.name, Role(given.role), password, by=by, expires_at=ends)
    _tell(given.name, password)


def _days(days: float) -> float:
    """Raises ValueError for an end that is not ahead, or too far ahead for a calendar."""
    if not 0 < days <= LONGEST_DAYS:
        raise ValueError(f"--days is a number above 0, at most {LONGEST_DAYS:,}")
    return days


def password(given, by: str) -> None:
    new = passwords.made_up()
    accounts.set_password(given.name, new, by=by)
    _tell(given.name, new)


def _tell(name: str, password: str) -> None:
    """Print the new password, which is shown only this once."""
    print(f"{name} signs in with the one-time password {password}" if password else f"{name} signs in by OIDC")


def role(given, by: str) -> None:
    accounts.set_role(given.name, Role(given.role), by=by)


def disable(given, by: str) -> None:
    accounts.set_disabled(given.name, True, by=by)


def enable(given, by: str) -> None:
    accounts.set_disabled(given.name, False, by=by)
