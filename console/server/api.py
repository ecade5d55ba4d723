"""/api: every action of a person as JSON, for programs such as Kestra, with an API token as bearer.

    GET  /api/status                    the current state
    POST /api/round                     start a collection cycle now, unless this interval had one
    GET  /api/issues/N                  one issue, and its pending approval
    POST /api/issues/N/ACTION           approve, reject, escalate, ...: any action on an issue (registry.py)
    POST /api/releases/ACTION           stop, start; lift, with {"repository": ...}

The body holds the action's arguments. ``Idempotency-Key`` makes a retry safe. It applies to one person, action and
issue; the same key with another body returns 422. An approval names the hash of the patch that the person saw.

Invalid attempts from the same address never block a valid token. A token, and a person over all tokens, may send so
many requests a minute ([access]); every answer says how many are left (quotas.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Container
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from console import process
from console.server import address, answer_times, forms, quotas
from core.access import rights, sessions
from core.access.rights import Actor, Forbidden, Refused
from core.actions import registry, targets
from core.actions.registry import Reused
from core.db import store
from core.models import Issue, strict_json
from core.queries import families
from core.queries import status as overview
from core.stages.deliver import holds

LARGEST = 100_000  # bytes of a body
ROWS = 2**31  # all row ids and arguments are lower
LONGEST_KEY = 200  # characters of an Idempotency-Key
strangers = forms.Limiter()  # limits requests without a valid token


class Wrong(Exception):
    """The request is invalid: (status, reason)."""


def _actor(request: Request) -> Actor:
    """The person whom the bearer token acts for. Raises Wrong or Forbidden."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        return sessions.of_token(token if kind.lower() == "bearer" else "", "api")
    except Forbidden as refusal:
        client = address.limited(request)
        if strangers.full(client):
            raise Wrong(429, "Too many requests without a valid token. Wait five minutes.") from None
        strangers.count(client)
        raise Wrong(401, str(refusal)) from None


def _paced(request: Request, actor: Actor) -> None:
    """Raises Wrong when the token, or its person over all tokens, has sent too many requests."""
    rules = process.policy()[0].access
    token = quotas.Quota("API token", actor.via, rules.token_requests_per_minute)
    person = quotas.Quota("person", actor.name, rules.person_requests_per_minute)
    if why := quotas.refusal(request, [token, person]):
        raise Wrong(429, why)


async def _body(request: Request) -> dict:
    if not forms.bounded(request, LARGEST, "0"):
        raise Wrong(413, f"The body must have a Content-Length of at most {LARGEST:,} bytes.")
    try:
        given = strict_json.loads(await request.body() or b"{}")
    except strict_json.Unreadable as fault:
        raise Wrong(422, f"The body is invalid: {fault}") from None
    except ClientDisconnect:
        raise Wrong(400, "The body ended early.") from None
    if not isinstance(given, dict):
        raise Wrong(422, "The body must be a JSON object.")
    return given


def _answered(work):
    """The route of ``work(actor, request, body) -> dict``, which may block; every error is JSON with its status."""

    async def route(request: Request) -> JSONResponse:
        begun = time.perf_counter()
        answer = await answered(request)
        answer_times.count(work.__name__, answer.status_code, time.perf_counter() - begun)
        return answer

    async def answered(request: Request) -> JSONResponse:
        try:
            actor = await asyncio.to_thread(_actor, request)
            _paced(request, actor)
            body = await _body(request) if request.method == "POST" else {}
            found = await asyncio.to_thread(work, actor, request, body)
            return JSONResponse(found, headers=quotas.fields(request))
        except Wrong as wrong:
            code, message = wrong.args
        except Reused as refusal:
            code, message = 422, str(refusal)
        except Forbidden as refusal:
            code, message = 403, str(refusal)
        except Refused as refusal:
            code, message = 409, str(refusal)
        except SQLAlchemyError:
            code, message = 503, "The database is not responding. Retry with the same Idempotency-Key."
        headers = {"WWW-Authenticate": "Bearer"} if code == 401 else quotas.fields(request)
        return JSONResponse({"says": message}, code, headers)

    return route


def status(actor: Actor, _request: Request, _body: dict) -> dict:
    rights.require(actor, rights.VIEW)
    return json.loads(json.dumps(overview.status(), default=str))


def start_round(actor: Actor, _request: Request, _body: dict) -> dict:
    from core import scheduler

    rights.require(actor, rights.OPERATE)
    engine = scheduler.running()
    if engine is None:
        raise Wrong(409, "This process runs no engine (CONSOLE_ENGINE is off). The worker runs the collection cycles.")
    detail = engine.round()
    return {"started": detail is not None, "sources": detail or {}}


def _number(request: Request) -> int:
    """The number in the path. Raises Wrong for an impossible one."""
    if (number := request.path_params["number"]) >= ROWS:
        raise Wrong(404, "There is no such issue.")
    return number


def issue(actor: Actor, request: Request, _body: dict) -> dict:
    rights.require(actor, rights.VIEW)
    with store.read() as session:
        found = session.get(Issue, _number(request))
        if found is None:
            raise Wrong(404, "There is no such issue.")
        asked = targets.question(session, found.id)
        family = families.numbers(session, found.id)
    body = found.model_dump(mode="json") | {"affected": found.affected, **family}
    return {"issue": body, "approval": asked and asked.model_dump(mode="json")}


def act(actor: Actor, request: Request, body: dict) -> dict:
    """Run an action on an issue, or on its approval, deployment or silence."""
    chosen, number = _chosen(request, targets.OF_ISSUE), _number(request)
    return _carried_out(chosen, actor, request, body, lambda: targets.of(chosen.about, number))


def act_on_releases(actor: Actor, request: Request, body: dict) -> dict:
    """Stop or start all releases, or lift the brake of the repository in the body."""
    chosen = _chosen(request, targets.OF_RELEASES)
    of_one = chosen.about is registry.About.REPOSITORY
    target = body.pop("repository", "") if of_one else holds.EVERYTHING
    if not isinstance(target, str):
        raise Wrong(422, f"{chosen.name} takes repository (str)")
    return _carried_out(chosen, actor, request, body, lambda: target)


def _chosen(request: Request, about: Container[registry.About]) -> registry.Action:
    """The action in the path, if its target is one of ``about``. Raises Wrong."""
    actions = {name: action for name, action in registry.registry().items() if action.about in about}
    if (name := request.path_params["action"]) not in actions:
        raise Wrong(404, f"Unknown action. The actions are: {', '.join(actions)}")
    return actions[name]


def _carried_out(
    action: registry.Action, actor: Actor, request: Request, body: dict, target: Callable[[], int | str]
) -> dict:
    try:
        action.arguments.model_validate(body)
    except ValidationError:
        raise Wrong(422, f"{action.name} takes {action.takes or 'no arguments'}") from None
    receipt = action.run(target(), actor=actor, key=f"api-{actor.name}-{_key(request)}", **body)
    return {"done": receipt.done, "says": receipt.message}


def _key(request: Request) -> str:
    given = request.headers.get("idempotency-key") or uuid4().hex
    if len(given) > LONGEST_KEY or not given.isprintable():
        raise Wrong(422, f"An Idempotency-Key must have at most {LONGEST_KEY} printable characters.")
    return given


ROUTES = [
    Route("/api/status", _answered(status), methods=["GET"]),
    Route("/api/round", _answered(start_round), methods=["POST"]),
    Route("/api/releases/{action}", _answered(act_on_releases), methods=["POST"]),
    Route("/api/issues/{number:int}", _answered(issue), methods=["GET"]),
    Route("/api/issues/{number:int}/{action}", _answered(act), methods=["POST"]),
]
