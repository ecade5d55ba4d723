"""The data of the People page."""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from core.models import now
from core.models.access import ApiToken, Person, SignIn

PAGE = 200
PROVIDER = "signs in through the identity provider"


def people(session: Session) -> list[tuple[Person, int]]:
    """Everyone by name, each with their number of live sessions."""
    live = dict(
        session.exec(
            select(SignIn.person, func.count())
            .where(col(SignIn.ended_at).is_(None), SignIn.expires_at > now())
            .group_by(SignIn.person)
        ).all()
    )
    rows = session.exec(select(Person).order_by(Person.name).limit(PAGE))
    return [(row, live.get(row.name, 0)) for row in rows]


def tokens(session: Session) -> list[ApiToken]:
    """Valid tokens first, then the latest."""
    dead = col(ApiToken.revoked_at).is_not(None)
    return list(session.exec(select(ApiToken).order_by(dead, col(ApiToken.id).desc()).limit(PAGE)))


def states(person: Person) -> list[str]:
    """Why this person cannot sign in, and how they sign in if not by password."""
    at = now()
    locked = person.locked_until
    held = {
        "disabled": person.disabled,
        f"locked until {locked:%H:%M} UTC" if locked else "": locked is not None and locked > at,
        "ended": person.expires_at is not None and person.expires_at <= at,
        "first password not changed yet": person.must_change,
        PROVIDER: not person.password,
    }
    return [state for state, is_so in held.items() if is_so]


def token_state(token: ApiToken) -> str:
    return "revoked" if token.revoked_at else "expired" if token.expires_at <= now() else "valid"
