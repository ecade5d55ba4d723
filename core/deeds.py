"""What every deed of a person has in common: its right, asked of the store at this moment; one transaction; an audit
row; a key, so that it is done once. A deed that is forbidden is audited too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session, select

from core import accounts, audit, rights, runtime, store
from core.rights import Actor, Forbidden, Refused

Act = Callable[[Session, Actor], str]  # what is done, in a transaction; says so
NEEDS = {  # the right that each action asks for
    "approve": rights.APPROVE,
    "reject": rights.APPROVE,
    "pass_on": rights.APPROVE,
    "hand_back": rights.APPROVE,
    "roll_back": rights.APPROVE,
    "escalate": rights.OPERATE,
    "retry": rights.OPERATE,
    "resolve": rights.OPERATE,
    "dismiss": rights.OPERATE,
    "merge": rights.OPERATE,
    "split": rights.OPERATE,
    "silence": rights.OPERATE,
    "end_silence": rights.OPERATE,
    "change_policy": rights.ADMINISTER,
}


@dataclass(frozen=True)
class Receipt:
    """``done`` is False when the very same action had been carried out before."""

    done: bool
    says: str


def ask(name: str, actor: Actor | str, subject: str) -> Actor:
    """The actor as they are now, if they may do this. A refusal is audited."""
    with store.read() as session:
        try:
            return rights.require(accounts.actor(session, actor), NEEDS[name])
        except Forbidden as refusal:
            told = str(refusal)
    with store.write() as session:
        by = actor.name if isinstance(actor, Actor) else actor
        audit.record(session, by, "forbidden", subject, {"asked": name, "says": told})
    raise Forbidden(told)


def once(name: str, actor: Actor | str, subject: str, key: str, act: Act) -> Receipt:
    """Carry out ``act(session, actor)`` for one who may, unless its key was used before."""
    ask(name, actor, subject)
    with store.write() as session:
        who = rights.require(accounts.actor(session, actor), NEEDS[name])
        if done(session, key):
            return Receipt(False, "already done")
        says = act(session, who)
    with store.read() as session:
        audit.save_head(session, runtime.current().settings.data_dir)
    return Receipt(True, says)


def done(session: Session, key: str) -> bool:
    return session.exec(select(audit.AuditRow.id).where(audit.AuditRow.key == key)).first() is not None


def note(session: Session, who: Actor, action: str, subject: int | str, key: str, detail: dict) -> None:
    """The audit row: who, what, about which issue (or other subject), and by which way they came."""
    about = f"issue/{subject}" if isinstance(subject, int) else subject
    audit.record(session, who.name, action, about, {**detail, "via": who.via}, key=key)


def get(session: Session, table, row_id: int, what: str):
    row = session.get(table, row_id)
    if row is None:
        raise Refused(f"{what} does not exist")
    return row
