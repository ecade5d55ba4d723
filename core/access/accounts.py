"""People: their accounts, sign-in by password, and the first accounts of a new platform.

Every failed sign-in gets the same answer after the same time, whether or not the name exists or is locked. It must not
reveal who has an account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from core.access import passwords
from core.access.rights import RIGHTS, Actor, Forbidden, proved
from core.audit import chain
from core.db import store
from core.models import now
from core.models.access import Person, Role, SignIn
from core.policy.sections import Access
from core.settings import Settings

DENIED = "The name or password is wrong, or the account is temporarily locked."
FIRST_PASSWORD_HOURS = 72  # a password set by somebody else must be changed within
LONGEST_NAME = 100
ADDRESS = re.compile(r"(?=.{3,100}$)[\w.+-]+@[\w.-]+", re.ASCII)
FIRST_ADMIN = "admin"
DEMO = tuple(Role)  # the demo's people are named after their roles


class Denied(Exception):
    """Not signed in; the message may be shown to anybody."""


def find(session: Session, name: str) -> Person | None:
    """The person, if they exist and can sign in."""
    return able(session.get(Person, name))


def able(person: Person | None) -> Person | None:
    """The person, if they can sign in."""
    return person if person and not person.disabled and not _over(person.expires_at) else None


def barred(person: Person | None) -> str:
    """Why nobody can act for this person now, as the end of a sentence about the person; empty if somebody can."""
    if person is None:
        return "does not exist"
    if person.disabled:
        return "is disabled"
    if _over(person.expires_at):
        return f"had an account until {person.expires_at:%Y-%m-%d}"
    return "has not changed the one-time or expired password yet" if person.password and person.must_change else ""


def _over(at: datetime | None) -> bool:
    return at is not None and at <= now()


def actor(session: Session, who: Actor) -> Actor:
    """The actor with their current role. Raises Forbidden for an unknown or disabled person."""
    person = find(session, proved(who).name)
    if person is None:
        raise Forbidden(f"There is no active person named {who.name!r}")
    return replace(who, role=person.role)


# --- signing in ------------------------------------------------------------------------------------


def sign_in(name: str, password: str, rules: Access) -> Person:
    """The person with this password. Raises Denied, even for the right password of a locked account."""
    name = name.strip()[:LONGEST_NAME]
    with store.read() as session:
        kept = session.get(Person, name)
    right = passwords.matches(kept.password if kept else "", password)
    with store.write() as session:
        person = session.get(Person, name)
        if person is None or _over_or_locked(person):
            denied = True
        elif right and kept and person.password == kept.password:
            denied = False
            _welcome(session, person, password, rules)
        else:
            denied = True
            _count_failure(session, person, rules)
    if denied or person is None:
        raise Denied(DENIED)
    return person


def _over_or_locked(person: Person) -> bool:
    stale = person.must_change and _over(person.password_at + timedelta(hours=FIRST_PASSWORD_HOURS))
    return person.disabled or _over(person.expires_at) or _locked(person) or stale


def _locked(person: Person) -> bool:
    return person.locked_until is not None and person.locked_until > now()


def _welcome(session: Session, person: Person, password: str, rules: Access) -> None:
    person.failures, person.locked_until, person.last_sign_in = 0, None, now()
    if passwords.outdated(person.password):
        person.password = passwords.hashed(password)
    if rules.password_days and _over(person.password_at + timedelta(days=rules.password_days)):
        person.must_change, person.password_at = True, now()
    session.add(person)
    chain.record(session, person.name, "sign_in", f"person/{person.name}")


def _count_failure(session: Session, person: Person, rules: Access) -> None:
    """A lock is audited; a single failure is not, so that unauthenticated requests cannot fill the trail."""
    person.failures += 1
    session.add(person)
    if person.failures >= rules.lock_after:
        person.failures, person.locked_until = 0, now() + timedelta(minutes=rules.lock_minutes)
        detail = {"minutes": rules.lock_minutes}
        chain.record(session, "platform", "account_locked", f"person/{person.name}", detail)


def change_password(name: str, old: str, new: str, rules: Access) -> None:
    """Change one's own password. Raises Denied (wrong current one) or ValueError (new one not acceptable).

    A wrong current password counts towards the lock, because whoever has a stolen session could guess it here.
    """
    with store.read() as session:
        kept = find(session, name)
    right = passwords.matches(kept.password if kept else "", old)
    if kept is None or not right or _locked(kept):
        _wrong_current(name, right, rules)
        raise Denied("The current password is wrong, or the account is temporarily locked.")
    if old == new:
        raise ValueError("The new password must differ from the current one.")
    set_password(name, new, by=name, must_change=False)


def _wrong_current(name: str, right: bool, rules: Access) -> None:
    with store.write() as session:
        person = find(session, name)
        if person and not right and not _locked(person):
            _count_failure(session, person, rules)


# --- managing people -------------------------------------------------------------------------------


def add(name: str, role: Role, password: str = "", *, by: str, must_change: bool = True,
        expires_at: datetime | None = None) -> Person:  # fmt: skip
    """Add a person; without a password they sign in through the identity provider. Raises ValueError."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or set(name) & set("/<>\"'`\\"):
        raise ValueError("A name is an e-mail address or a short name.")
    kept = passwords.hashed(password) if password else ""
    with store.write() as session:
        if session.get(Person, name):
            raise ValueError(f"{name} already exists")
        person = Person(name=name, role=role, password=kept, must_change=bool(kept) and must_change,
                        expires_at=expires_at)  # fmt: skip
        session.add(person)
        chain.record(session, by, "person_added", f"person/{name}", {"role": role.value})
    return person


def set_password(name: str, password: str, *, by: str, must_change: bool = True) -> None:
    """Replace a password and end every session of the person. Raises ValueError."""
    if fault := passwords.fault(password, name):
        raise ValueError(fault)
    kept = passwords.hashed(password)
    with store.write() as session:
        person = _known(session, name)
        person.password, person.password_at, person.must_change = kept, now(), must_change
        person.failures, person.locked_until = 0, None
        end_sign_ins(session, name)
        chain.record(session, by, "password_changed", f"person/{name}")


def set_role(name: str, role: Role, *, by: str) -> None:
    with store.write() as session:
        person = _known(session, name)
        _keep_an_admin(session, person, role is not Role.ADMIN)
        person.role = role
        chain.record(session, by, "role_changed", f"person/{name}", {"role": role.value})


def set_disabled(name: str, disabled: bool, *, by: str) -> None:
    """Disable a person at once, or enable them."""
    with store.write() as session:
        person = _known(session, name)
        _keep_an_admin(session, person, disabled)
        person.disabled = disabled
        if disabled:
            end_sign_ins(session, name)
        chain.record(session, by, "person_disabled" if disabled else "person_enabled", f"person/{name}")


def end_sign_ins(session: Session, name: str) -> None:
    for row in session.exec(select(SignIn).where(SignIn.person == name, col(SignIn.ended_at).is_(None))):
        row.ended_at = now()


def _known(session: Session, name: str) -> Person:
    person = session.get(Person, name)
    if person is None:
        raise ValueError(f"There is no person named {name!r}")
    return person


def _keep_an_admin(session: Session, person: Person, leaves: bool) -> None:
    others = select(func.count()).select_from(Person).where(
        Person.role == Role.ADMIN, Person.active(), Person.name != person.name
    )  # fmt: skip
    if leaves and person.role is Role.ADMIN and not session.exec(others).one():
        raise ValueError(f"{person.name} is the last admin and cannot be removed")


# --- the first accounts ----------------------------------------------------------------------------


def anybody() -> bool:
    with store.read() as session:
        return session.exec(select(Person.name).limit(1)).first() is not None


def admins() -> list[str]:
    """Names of the admins who can sign in."""
    with store.read() as session:
        active = select(Person.name).where(Person.role == Role.ADMIN, Person.active())
        return list(session.exec(active.order_by(Person.name)))


def holders(session: Session, right: str) -> list[str]:
    """Names of the people with an active account whose role gives this right."""
    able = select(Person.name).where(col(Person.role).in_(RIGHTS[right]), Person.active())
    return list(session.exec(able.order_by(Person.name)))


def first_admin(password: str) -> bool:
    """Create the first admin with a one-time password on a platform without people; False if there are people."""
    if anybody():
        return False
    try:
        add(FIRST_ADMIN, Role.ADMIN, password, by="platform")
    except ValueError:  # another process was first
        return False
    return True


def _first() -> Person | None:
    """The first admin, while they have never signed in."""
    with store.read() as session:
        person = session.get(Person, FIRST_ADMIN)
    return person if person and person.must_change and person.last_sign_in is None else None


def waits_for_first_sign_in() -> bool:
    return _first() is not None


def first_password_is_over() -> bool:
    """Whether nobody has used the first admin's one-time password in time."""
    person = _first()
    return person is not None and _over(person.password_at + timedelta(hours=FIRST_PASSWORD_HOURS))


def demo(settings: Settings) -> bool:
    """Create the demo's people if this is the demo; returns whether this is the demo."""
    password = settings.demo_password.get_secret_value()
    if not (settings.sandbox_url and password):
        return False
    demo_people(password)
    return True


def demo_people(password: str) -> None:
    """Create the demo's four people; existing ones keep their rows and get this run's password."""
    kept = passwords.hashed(password)
    with store.write() as session:
        for role in DEMO:
            person = session.get(Person, role.value) or Person(name=role.value, role=role)
            person.sqlmodel_update({"role": role, "password": kept, "password_at": now(), "must_change": False})
            session.add(person)


def from_provider(claims: Mapping[str, object], rules: Access) -> Person:
    """The person with an identity provider's claims, created or updated. Raises Denied.

    The role is the highest that ``oidc_roles`` gives to a value of the claim or to the verified address.
    """
    address = _address(claims, rules)
    role = _role(claims, address, rules)
    if role is None:
        raise Denied(
            f"The identity provider knows {address}, but no role is assigned here. For the admin: name the address, or "
            f"a value of the claim {rules.oidc_claim!r}, in access.oidc_roles of platform.toml."
        )
    with store.write() as session:
        person = session.get(Person, address) or Person(name=address, role=role)
        if person.disabled or _over(person.expires_at):
            raise Denied(f"{address} {barred(person)}. For the admin: the People page changes that.")
        if person.password:
            raise Denied(f"{address} has a password here: sign in with it, not through the identity provider.")
        person.role, person.last_sign_in = role, now()
        session.add(person)
        chain.record(session, address, "sign_in", f"person/{address}", {"by": "identity provider", "role": role.value})
    return person


def _address(claims: Mapping[str, object], rules: Access) -> str:
    """The verified address, in lower case. Raises Denied.

    Only a plain ASCII address is accepted, because letters of other scripts can look like, or be converted to, those of
    another address. ``email_verified`` must be true, unless the policy says that the provider omits it.
    """
    address, verified = claims.get("email"), claims.get("email_verified", not rules.oidc_email_verified)
    if not isinstance(address, str) or not address:
        raise Denied(
            "The identity provider returned no e-mail address. For the admin: give this application the scope email, "
            "or the claim email, at the provider."
        )
    if verified not in (True, "true", "True"):
        raise Denied(
            "The identity provider does not say that the e-mail address is verified. For the admin: let it send "
            "email_verified, or read access.oidc_email_verified in docs/configuration.md."
        )
    if not ADDRESS.fullmatch(address):
        raise Denied("The identity provider returned an e-mail address that is not plain ASCII.")
    return address.lower()


def _role(claims: Mapping[str, object], address: str, rules: Access) -> Role | None:
    """Keys with an @ are addresses, all others are claim values, so a group named like an address gives no role."""
    claimed = claims.get(rules.oidc_claim)
    values = {value for value in (claimed if isinstance(claimed, list) else [claimed]) if isinstance(value, str)}
    found = [
        role for key, role in rules.oidc_roles.items() if (key.lower() == address if "@" in key else key in values)
    ]
    return max(found, key=list(Role).index, default=rules.oidc_default)
