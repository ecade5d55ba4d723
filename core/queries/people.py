"""The data of the People page."""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from core.access import accounts
from core.models import now
from core.models.access import ApiToken, Person, SignIn

PAGE = 200
PROVIDER = "signs in through the identity provider"


def people(session: Session, named: str = "") -> list[tuple[Person, int]]:
    """Everyone by name, or the one person of this name; each with their number of live sessions."""
    live = dict(
        session.exec(
            select(SignIn.person, func.count())
            .where(col(SignIn.ended_at).is_(None), SignIn.expires_at > now())
            .group_by(SignIn.person)
        ).all()
    )
    where = (Person.name == named,) if named else ()
    rows = session.exec(select(Person).where(*where).order_by(Person.name).limit(PAGE))
    return [(row, live.get(row.name, 0)) for row in rows]


def tokens(session: Session, named: str = "") -> list[tuple[ApiToken, Person | None]]:
    """The tokens that are not revoked first, then the latest; each with the person whom it acts for.

    With ``named``, only those that act for this person.
    """
    dead = col(ApiToken.revoked_at).is_not(None)
    where = (ApiToken.person == named,) if named else ()
    rows = select(ApiToken, Person).join(Person, col(Person.name) == ApiToken.person, isouter=True).where(*where)
    return [(token, person) for token, person in session.exec(rows.order_by(dead, col(ApiToken.id).desc()).limit(PAGE))]


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


def ended(token: ApiToken) -> bool:
    """Whether it can never work again."""
    return token.revoked_at is not None or token.expires_at <= now()


def token_state(token: ApiToken, person: Person | None) -> str:
    """Whether it works, and if not, why."""
    if ended(token):
        return "revoked" if token.revoked_at else "expired"
    why = accounts.barred(person)
    return f"does not work: {token.person} {why}" if why else "valid"
