"""/api: the actions of core/actions.py as JSON, for programs such as Kestra, with an API token as bearer.

    GET  /api/status                    how things stand
    POST /api/round                     start a round now, if its interval has not had one
    GET  /api/issues/N                  one issue, and the question for approval that it waits for
    POST /api/issues/N/ACTION           approve, reject, pass_on, hand_back, escalate, retry, resolve, dismiss,
                                        roll_back, keep, start_now, restart_from, release_anyway
    POST /api/releases/ACTION           stop, start; lift, with {"repository": ...}

The body holds the action's arguments. ``Idempotency-Key`` makes a repetition harmless: it holds for one person, action
and issue, and the same key with another body is 422. An approval names the hash of the patch that was looked at.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from console import address, forms
from core import holds, overview, rights, rulings, sessions, store, strict_json
from core.deeds import NEEDS, Reused
from core.models import Approval, Deployment, Issue
from core.rights import Actor, Forbidden

LARGEST = 100_000  # bytes of a body
ROWS = 2**31  # no row and no argument has a number that high
LONGEST_KEY = 200  # characters of an Idempotency-Key
OF_RELEASES = ("stop", "start", "lift")  # actions on no issue
strangers = forms.Limiter()  # requests without a valid token


class Wrong(Exception):
    """The request cannot be understood: (status, why)."""


def _actor(request: Request) -> Actor:
    """Who the bearer token acts for. Raises Wrong or Forbidden."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    client = address.limited(request)
    if strangers.full(client):
        raise Wrong(429, "too many requests without a valid token; wait five minutes")
    try:
        return sessions.of_token(token if kind.lower() == "bearer" else "", "api")
    except Forbidden as refusal:
        strangers.count(client)
        raise Wrong(401, str(refusal)) from None


async def _body(request: Request) -> dict:
    if not forms.bounded(request, LARGEST, "0"):
        raise Wrong(413, f"a body has at most {LARGEST} bytes, and a Content-Length")
    try:
        given = strict_json.loads(await request.body() or b"{}")
    except strict_json.Unreadable as fault:
        raise Wrong(422, f"the body cannot be read: {fault}") from None
    except ClientDisconnect:
        raise Wrong(400, "the body ended early") from None
    if not isinstance(given, dict):
        raise Wrong(422, "the body is not a JSON object")
    return given


def _answered(work):
    """The route of ``work(actor, request, body) -> dict``, which may block; every refusal is JSON with its status."""

    async def route(request: Request) -> JSONResponse:
        from core import actions

        try:
            actor = await asyncio.to_thread(_actor, request)
            body = await _body(request) if request.method == "POST" else {}
            return JSONResponse(await asyncio.to_thread(work, actor, request, body))
        except Wrong as wrong:
            code, says = wrong.args
        except Reused as refusal:
            code, says = 422, str(refusal)
        except Forbidden as refusal:
            code, says = 403, str(refusal)
        except actions.Refused as refusal:
            code, says = 409, str(refusal)
        except SQLAlchemyError:
            code, says = 503, "the store does not answer; send it again with the same Idempotency-Key"
        return JSONResponse({"says": says}, code, {"WWW-Authenticate": "Bearer"} if code == 401 else None)

    return route


def status(actor: Actor, _request: Request, _body: dict) -> dict:
    rights.require(actor, rights.VIEW)
    return json.loads(json.dumps(overview.status(), default=str))


def start_round(actor: Actor, _request: Request, _body: dict) -> dict:
    from core import scheduler

    rights.require(actor, rights.OPERATE)
    engine = scheduler.running()
    if engine is None:
        raise Wrong(409, "no engine runs in this process (CONSOLE_ENGINE): the worker does the rounds")
    detail = engine.round()
    return {"started": detail is not None, "sources": detail or {}}


def _number(request: Request) -> int:
    """Raises Wrong for a number that no row can have."""
    if (number := request.path_params["number"]) >= ROWS:
        raise Wrong(404, "there is no such issue")
    return number


def _waiting(issue_id: int) -> Approval | None:
    with store.read() as session:
        return session.exec(select(Approval).where(Approval.issue_id == issue_id, Approval.state == "pending")).first()


def issue(actor: Actor, request: Request, _body: dict) -> dict:
    rights.require(actor, rights.VIEW)
    with store.read() as session:
        found = session.get(Issue, _number(request))
    if found is None:
        raise Wrong(404, "there is no such issue")
    asked = _waiting(found.id)
    return {"issue": found.model_dump(mode="json"), "approval": asked and asked.model_dump(mode="json")}


def act(actor: Actor, request: Request, body: dict) -> dict:
    """One of the actions on an issue; those on its question or deployment find it by the issue."""
    name, number = request.path_params["action"], _number(request)
    names = [known for known in NEEDS if known not in ("change_policy", *OF_RELEASES)]
    if name not in names:
        raise Wrong(404, f"the actions are {', '.join(names)}")
    return _carried_out(name, lambda: _target(name, number), actor, request, body)


def act_on_releases(actor: Actor, request: Request, body: dict) -> dict:
    """Stop or start all releases, or lift the brake of the repository that the body names."""
    name = request.path_params["action"]
    if name not in OF_RELEASES:
        raise Wrong(404, f"the actions are {', '.join(OF_RELEASES)}")
    target = body.pop("repository", "") if name == "lift" else holds.EVERYTHING
    if not isinstance(target, str):
        raise Wrong(422, "lift takes repository (str)")
    return _carried_out(name, lambda: target, actor, request, body)


def _carried_out(name: str, target: Callable[[], int | str], actor: Actor, request: Request, body: dict) -> dict:
    from core import actions, release_actions, triage

    work = next(getattr(home, name) for home in (triage, release_actions, actions) if hasattr(home, name))
    _checked(name, work, body)
    receipt = work(target(), actor=actor, key=f"api-{actor.name}-{_key(request)}", **body)
    return {"done": receipt.done, "says": receipt.says}


def _key(request: Request) -> str:
    given = request.headers.get("idempotency-key") or uuid4().hex
    if len(given) > LONGEST_KEY or not given.isprintable():
        raise Wrong(422, f"an Idempotency-Key has at most {LONGEST_KEY} printable characters")
    return given


TYPES = {"str": str, "bool": bool, "int": int, "list[str]": list}


def _checked(name: str, work, body: dict) -> None:
    """Raises Wrong unless the body holds the action's further arguments, each of its type."""
    _, *further = inspect.signature(work).parameters.values()  # the first is its target
    takes = {p.name: p for p in further if p.name not in ("actor", "key")}
    lacking = {n for n, p in takes.items() if p.default is p.empty} - set(body)
    fits = all(n in takes and type(v) is TYPES[takes[n].annotation] and _small(v) for n, v in body.items())
    if lacking or not fits:
        told = ", ".join(f"{n} ({p.annotation})" for n, p in sorted(takes.items()))
        raise Wrong(422, f"{name} takes {told or 'no arguments'}")


def _small(value: object) -> bool:
    return not isinstance(value, int) or -ROWS <= value < ROWS


def _target(name: str, issue_id: int) -> int:
    if name in ("approve", "reject", "pass_on", "hand_back"):
        asked = _waiting(issue_id)
        if asked is None:
            raise Wrong(409, f"issue {issue_id} asks for no approval")
        return asked.id
    if name == "end_silence":
        return _silence(issue_id)
    if name not in ("roll_back", "keep"):
        return issue_id
    with store.read() as session:
        live = session.exec(
            select(Deployment.id)
            .where(Deployment.issue_id == issue_id, Deployment.environment == "production")
            .order_by(col(Deployment.id).desc())
        ).first()
    if live is None:
        raise Wrong(409, f"nothing of issue {issue_id} is in production")
    return live


def _silence(issue_id: int) -> int:
    with store.read() as session:
        found = rulings.standing(session, rulings.Silence.issue_id == issue_id)
    if not found:
        raise Wrong(409, f"issue {issue_id} is not silenced")
    return found[0].id


ROUTES = [
    Route("/api/status", _answered(status), methods=["GET"]),
    Route("/api/round", _answered(start_round), methods=["POST"]),
    Route("/api/releases/{action}", _answered(act_on_releases), methods=["POST"]),
    Route("/api/issues/{number:int}", _answered(issue), methods=["GET"]),
    Route("/api/issues/{number:int}/{action}", _answered(act), methods=["POST"]),
]
