"""``python -m core token``: API tokens of programs, each acting for a person with part of that person's rights."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core import owner, sessions, settings, store
from core.rights import RIGHTS, Forbidden
from core.views import people as view


def main(argv: Sequence[str]) -> int:
    given = _parser().parse_args(list(argv))
    configured = settings.load()
    store.open_store(configured.database)
    try:
        given.work(given, owner.administrator(configured).name)
    except (ValueError, Forbidden) as refusal:
        print(f"token: {refusal}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core token", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser("add", help="a new token; it is printed, for the only time")
    new.add_argument("person", help="whom it acts for")
    new.add_argument("--label", required=True, help="what it is for")
    new.add_argument("--scope", action="append", required=True, choices=list(RIGHTS), help="may be given again")
    new.add_argument("--days", type=float, default=90)
    new.set_defaults(work=add)
    commands.add_parser("list", help="which there are").set_defaults(work=show)
    gone = commands.add_parser("revoke", help="make one worthless at once")
    gone.add_argument("number", type=int)
    gone.set_defaults(work=lambda given, by: sessions.revoke_token(given.number, by=by))
    return parser


def add(given, by: str) -> None:
    print(sessions.issue_token(given.person, given.label, given.scope, given.days, by=by))


def show(_given, _by: str) -> None:
    with store.read() as session:
        rows = view.tokens(session)
    for one in rows:
        state = f"{view.token_state(one)}, {one.expires_at:%F}"
        used = f"used {one.last_used:%F %H:%M} UTC" if one.last_used else "never used"
        print(f"{one.id:>4} {one.person:<24} {state:<19} {used:<27} {' '.join(one.scopes):<24} {one.label}")
