"""What every action of a person has in common: proof of who they are; the right, asked of the store at this moment;
one transaction; an audit row; a key, so that it is done once. An action that is forbidden is audited too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlmodel import Session, select

from core import accounts, audit, audit_head, rights, runtime, store
from core.models import AuditRow
from core.rights import Actor, Forbidden, Refused
from core.strict_json import unfit


@dataclass(frozen=True)
class Need:
    """What an action asks of a person: the right, and why nobody may do it without proof of who they are."""

    right: str
    because: str


NEEDS = {
    "approve": Need(rights.APPROVE, "it releases a patch to production"),
    "reject": Need(rights.APPROVE, "it answers an approval, and the platform learns from it"),
    "pass_on": Need(rights.APPROVE, "it chooses who answers an approval"),
    "hand_back": Need(rights.APPROVE, "it chooses who answers an approval"),
    "roll_back": Need(rights.APPROVE, "it changes what production runs"),
    "keep": Need(rights.APPROVE, "it ends the watch of what production runs"),
    "escalate": Need(rights.OPERATE, "it answers an open approval with no, and stops the work"),
    "retry": Need(rights.OPERATE, "it starts work, and names the person whom four eyes bar from approving it"),
    "resolve": Need(rights.OPERATE, "it ends an issue, and similar issues are judged by it"),
    "dismiss": Need(rights.OPERATE, "it ends an issue, and later errors of its kind call nobody"),
    "merge": Need(rights.OPERATE, "it answers an open approval with no, and hides an issue in another one"),
    "split": Need(rights.OPERATE, "it moves errors away from the issue that people look at"),
    "silence": Need(rights.OPERATE, "errors call nobody while it lasts"),
    "end_silence": Need(rights.OPERATE, "it opens issues, and so starts work"),
    "start_now": Need(rights.OPERATE, "it starts work outside of its window, and names the person who asked"),
    "restart_from": Need(rights.OPERATE, "it starts work, and may lead to a release"),
    "release_anyway": Need(rights.APPROVE, "it releases a patch to production"),
    "stop": Need(rights.OPERATE, "nothing new goes to production while it lasts"),
    "start": Need(rights.APPROVE, "it lets releases go to production again"),
    "lift": Need(rights.APPROVE, "it lets automatic releases go to production again"),
    "change_policy": Need(rights.ADMINISTER, "it decides what needs an approval at all"),
}


@dataclass(frozen=True)
class Receipt:
    """``done`` is False when the very same action had been carried out before."""

    done: bool
    says: str


class Reused(Refused):
    """The key was used before for the same action with other content."""


@dataclass(frozen=True)
class Key:
    """An idempotency key bound to one person, action and subject. ``request`` is the digest of the content."""

    bound: str
    given: str
    request: str

    def __str__(self) -> str:
        return self.bound


Act = Callable[[Session, Actor, Key], str]  # what is done, in a transaction; says so


def bind(who: Actor, name: str, subject: str, key: str, content: Mapping[str, object]) -> Key:
    """Raises Refused for content that a database cannot hold."""
    if fault := unfit(dict(content)):
        raise Refused(fault)
    text = json.dumps(content, sort_keys=True, default=str)
    return Key(_hash("\0".join((who.name, name, subject, key))), key, _hash(text))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def ask(name: str, actor: Actor, subject: str) -> Actor:
    """The actor as they are now, if they may do this. A refusal is audited."""
    with store.read() as session:
        try:
            return rights.require(accounts.actor(session, actor), NEEDS[name].right)
        except Forbidden as refusal:
            told = str(refusal)
    with store.write() as session:
        by = actor.name if isinstance(actor, Actor) else str(actor)
        audit.record(session, by, "forbidden", subject, {"asked": name, "says": told})
    raise Forbidden(told)


def once(name: str, actor: Actor, subject: str, key: str, act: Act, content: Mapping[str, object]) -> Receipt:
    """Carry out ``act(session, actor, key)`` for one who may, unless they did it before with this key.

    Raises Reused when they did it with this key and another content.
    """
    ask(name, actor, subject)
    with store.write() as session:
        who = rights.require(accounts.actor(session, actor), NEEDS[name].right)
        mine = bind(who, name, subject, key, content)
        if done(session, who, name, subject, mine):
            return Receipt(False, "already done")
        says = act(session, who, mine)
    audit_head.advance_quietly(runtime.current().settings)
    return Receipt(True, says)


def done(session: Session, who: Actor, name: str, subject: str, key: Key) -> bool:
    """Was it done with this key? Raises Reused when it was done with other content."""
    row = session.exec(select(AuditRow).where(AuditRow.key == key.bound)).first()
    if row is None:
        return _done_before_binding(session, who, name, subject, key)
    if row.request != key.request:
        raise Reused("this idempotency key was used before for the same action with other content; use a new key")
    return True


def _done_before_binding(session: Session, who: Actor, name: str, subject: str, key: Key) -> bool:
    """Keys that were stored as they were given, by releases before this one, hold for the same action of a person."""
    row = session.exec(select(AuditRow).where(AuditRow.key == key.given)).first()
    if row is None or (row.actor, row.action) != (who.name, name):
        return False
    return subject in (row.subject, *(f"{kind}/{row.detail.get(kind)}" for kind in ("approval", "silence")))


def note(session: Session, who: Actor, action: str, subject: int | str, key: Key, detail: dict) -> None:
    """The audit row: who, what, about which issue (or other subject), and by which way they came."""
    about = f"issue/{subject}" if isinstance(subject, int) else subject
    row = audit.record(session, who.name, action, about, {**detail, "via": who.via}, key=key.bound)
    row.request = key.request


def get(session: Session, table, row_id: int, what: str):
    row = session.get(table, row_id)
    if row is None:
        raise Refused(f"{what} does not exist")
    return row
