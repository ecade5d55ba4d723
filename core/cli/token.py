"""``python -m core token``: API tokens for programs; each acts for a person with some of that person's rights.

A token with rights to act needs the person's password or an admin's PLATFORM_TOKEN. The owner of the database can also
issue read-only tokens, and ingest tokens, with which a service can only send its signals.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence

from core import settings
from core.access import accounts, ingest_tokens, sessions
from core.access.rights import AUDIT, RIGHTS, VIEW, Forbidden
from core.cli import cli_actor
from core.cli.terminal import shown
from core.db import store
from core.inputs import naming
from core.queries import people as view
from core.settings import Settings

READS = {VIEW, AUDIT}  # what the owner of the database can read without a token


def main(argv: Sequence[str]) -> int:
    given = _parser().parse_args(list(argv))
    configured = settings.load()
    store.open_store(configured.database)
    try:
        given.work(given, configured, cli_actor.administrator(configured))
    except (ValueError, Forbidden, accounts.Denied) as refusal:
        print(f"token: {refusal}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core token", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser("add", help="Issue a token and print it once.")
    new.add_argument("person", help="the person whom the token acts for")
    new.add_argument("--label", required=True, help="purpose of the token")
    new.add_argument(
        "--scope", action="append", required=True, choices=list(RIGHTS), help="a right of the token; can be repeated"
    )
    new.add_argument("--days", type=float, default=90)
    new.add_argument("--password-stdin", action="store_true", help="read the person's password from standard input")
    new.set_defaults(work=add)
    commands.add_parser("list", help="List all tokens.").set_defaults(work=show)
    gone = commands.add_parser("revoke", help="Revoke a token at once.")
    gone.add_argument("number", type=int)
    gone.set_defaults(work=lambda given, _, by: sessions.revoke_token(given.number, by=by))
    sends = commands.add_parser("ingest", help="Issue a token with which a service sends its signals; print it once.")
    sends.add_argument("service", help=f"a service of platform.toml; {naming.ANY} for a collector of all services")
    sends.add_argument("--label", default="", help="purpose of the token")
    sends.set_defaults(work=ingest)
    commands.add_parser("list-ingest", help="List all ingest tokens.").set_defaults(work=show_ingest)
    ended = commands.add_parser("revoke-ingest", help="Revoke an ingest token at once.")
    ended.add_argument("number", type=int)
    ended.set_defaults(work=lambda given, _, by: ingest_tokens.revoke(given.number, by=by))
    return parser


def add(given, configured: Settings, by: str) -> None:
    if not (set(given.scope) <= READS or configured.platform_token.get_secret_value()):
        by = _proved(given, configured)
    print(sessions.issue_token(given.person, given.label, given.scope, given.days, by=by))


def _proved(given, configured: Settings) -> str:
    """The person of the new token, who knows their own password. Raises Denied or Forbidden."""
    if given.password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif sys.stdin.isatty():
        password = getpass.getpass(f"Password of {given.person}: ")
    else:
        raise Forbidden(
            f"A token with rights to act needs the password of {given.person} (--password-stdin) or an admin's "
            "PLATFORM_TOKEN. You can also issue it on the People page of the console."
        )
    person = accounts.sign_in(given.person, password, configured.policy.access)
    if person.must_change:
        raise Forbidden(f"Change the one-time password first, at {configured.public_url}/password")
    return person.name


def show(_given, _settings: Settings, _by: str) -> None:
    with store.read() as session:
        rows = view.tokens(session)
    for one, person in rows:
        state = f"{view.token_state(one, person)}, {one.expires_at:%F}"
        used = f"used {one.last_used:%F %H:%M} UTC" if one.last_used else "never used"
        print(shown(f"{one.id:>4} {one.person:<24} {state:<19} {used:<27} {' '.join(one.scopes):<24} {one.label}"))


def ingest(given, configured: Settings, by: str) -> None:
    services = configured.policy.services
    if given.service not in (naming.ANY, *services):
        known = ", ".join(sorted(services)) or "none yet"
        raise ValueError(f"{given.service!r} is not a service of {configured.platform_file}. Its services are: {known}")
    print(ingest_tokens.issue(given.service, given.label, by=by))


def show_ingest(_given, _settings: Settings, _by: str) -> None:
    with store.read() as session:
        rows = ingest_tokens.listed(session)
    for one in rows:
        state = "revoked" if one.revoked_at else "valid"
        used = f"used {one.last_used:%F %H:%M} UTC" if one.last_used else "never used"
        print(shown(f"{one.id:>4} {one.service:<24} {state:<8} {used:<27} {one.label}"))
