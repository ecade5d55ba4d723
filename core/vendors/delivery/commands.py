"""The team's own commands as a way to production: ``deploy``, ``status`` and ``rollback`` of the policy.

They run as the platform's own user, outside of any sandbox, in a fresh checkout of the commit: the policy is trusted,
the checkout is not. Their environment has PATH, LANG, HOME, the secrets that the policy names, and

    DEPLOY_SHA           the commit that production must serve; for ``rollback`` the earlier one
    DEPLOY_PREVIOUS_SHA  the commit that production served before; for ``rollback`` the commit that is removed
    DEPLOY_KEY           the idempotency key; empty if ``status`` must only report what production serves
    DEPLOY_ENVIRONMENT   "production"
    DEPLOY_SHARE         the percentage of the traffic that DEPLOY_SHA must serve: 100 without ``steps``
    DEPLOY_REHEARSE      "1" if ``rollback`` is rehearsed before a release and must change nothing; else empty

``deploy`` and ``rollback`` succeed with exit status 0. ``status`` exits with 0 and prints a JSON object as its last
line: ``{"state": ..., "sha": ..., "since": ..., "url": ...}``. ``state`` is that of the deployment with DEPLOY_KEY:
"absent", "running", "live" or "failed". ``sha`` is the commit that production serves now, ``since`` (ISO 8601) from
when; both may be missing if unknown. ``status`` runs before any change, so a key is deployed only once. If the policy
has ``steps``, ``share`` is the percentage that the deployment with DEPLOY_KEY serves (100 if it is missing), and
``promote`` raises it; while it serves a share, ``sha`` is still the commit that serves the rest.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from core.policy.services import Repository
from core.vendors import command
from core.vendors.base import Check, Deployed, VendorError, understood
from core.vendors.command import QUIET, Ceiling, Completed
from core.vendors.delivery.types import ReleaseOrder, RollbackTrial, Tested
from core.vendors.redact import Redactor

NAME = "commands"
OUTPUT = 200_000  # maximum characters of a command's output that are read
ALL = 100  # percent
NOTE = 800  # maximum characters of output in a note
STATES = {"absent": "", "running": "BUILDING", "live": "READY", "failed": "ERROR"}
CEILING = Ceiling(tasks=512, memory=8 << 30)
Checkout = Callable[[str], AbstractContextManager[Path]]


class CommandDelivery(Tested):
    """The commands of one repository. ``checkout(sha)`` returns a folder with the files of a commit; ``variables`` are
    the secrets.
    """

    name = NAME
    patience = 0.0

    def __init__(self, repository: Repository, checkout: Checkout, variables: Mapping[str, str] = os.environ):
        self.repository, self.rules, self.checkout = repository, repository.commands, checkout
        self.variables = variables
        self.limit = self.rules.limit_minutes * 60

    def promote(self, order: ReleaseOrder) -> Deployed:
        """Deploy, unless a deployment with this key is running or live according to ``status``."""
        found = self._state(order)
        return found or self._carried_out(self.rules.deploy, order)

    def _carried_out(self, argv: Sequence[str], order: ReleaseOrder) -> Deployed:
        done = self._run(argv, order.sha, order, DEPLOY_SHARE=str((*order.steps, ALL)[0]))
        if done.ok:
            return self._state(order) or Deployed(order.sha, "", "BUILDING", order.sha)
        return Deployed(order.sha, "", "ERROR", order.sha, self._note(argv, done))

    def status(self, order: ReleaseOrder, made: Deployed) -> Deployed:
        return self._state(order) or Deployed(order.sha, "", "BUILDING", order.sha)

    def serve(self, made: Deployed) -> Deployed:
        live = self.production()
        if live is None or live.sha != made.sha:
            message = f"production serves {live.sha if live else 'an unknown commit'} and not {made.sha}"
            raise VendorError(NAME, message, permanent=True)
        return live

    def with_key(self, order: ReleaseOrder) -> list[Deployed]:
        found = self._state(order)
        return [found] if found else []

    def cancel(self, made: Deployed) -> None:
        raise VendorError(NAME, f"the deployment of {made.sha[:12]} still runs; commands cannot be cancelled")

    def production(self) -> Deployed | None:
        status = self._status(ReleaseOrder("", ""))
        return live(status) if status else None

    def rollback(self, order: ReleaseOrder) -> Deployed:
        """Deploy the commit that production served before, with its own key."""
        back = self._back(order)
        found = self._state(back)
        if found is None or found.state != "BUILDING":
            found = self._carried_out(self.rules.rollback, back)
        if found.state != "READY":
            raise VendorError(NAME, f"the rollback is {found.state}: {found.note}".rstrip(": "))
        return found

    def rehearse(self, order: ReleaseOrder) -> RollbackTrial:
        if not self.rules.rehearse:
            return RollbackTrial(False, "commands.rehearse is not set: `rollback` may not know DEPLOY_REHEARSE")
        back = self._back(order)
        done = self._run(self.rules.rollback, back.sha, back, DEPLOY_REHEARSE="1")
        if not done.ok:
            raise VendorError(NAME, self._note(self.rules.rollback, done), permanent=True)
        return RollbackTrial(True, "`rollback` ran with DEPLOY_REHEARSE=1")

    # --- shares of traffic

    def accepts(self, order: ReleaseOrder) -> None:
        if not self.rules.promote:
            raise VendorError(NAME, "steps need commands.promote", permanent=True)

    def share(self, order: ReleaseOrder) -> int:
        return share_of(self._status(order))

    def shift(self, order: ReleaseOrder, share: int) -> int:
        if (reached := self.share(order)) >= share:
            return reached
        done = self._run(self.rules.promote, order.sha, order, DEPLOY_SHARE=str(share))
        if not done.ok:
            raise VendorError(NAME, self._note(self.rules.promote, done), permanent=True)
        return self.share(order)

    def _back(self, order: ReleaseOrder) -> ReleaseOrder:
        return ReleaseOrder(f"{order.key}-rollback", order.previous, previous=order.sha)

    def check(self) -> Check:
        try:
            status = self._status(ReleaseOrder("", ""))
        except VendorError as error:
            return Check(False, error.message, "repositories.….commands.status in platform.toml")
        return Check(True, f"`status` answers; production serves {str(status.get('sha') or 'an unknown commit')[:12]}")

    # --- the commands themselves

    def _state(self, order: ReleaseOrder) -> Deployed | None:
        """The deployment with this key; None when there is none."""
        return with_state(self._status(order), order)

    def _status(self, order: ReleaseOrder) -> dict:
        done = self._run(self.rules.status, order.sha, order)
        if not done.ok:
            raise VendorError(NAME, self._note(self.rules.status, done))
        return answer(done.stdout)

    def _run(self, argv: Sequence[str], sha: str, order: ReleaseOrder, **more: str) -> Completed:
        """Run a command in a checkout of the commit; without one, in a checkout of the main branch."""
        env = self._environment(order) | more
        with self.checkout(sha) as folder:
            try:
                return command.run(argv, cwd=folder, env=env, timeout=self.rules.seconds, limit=OUTPUT, ceiling=CEILING)
            except OSError as error:
                raise VendorError(NAME, f"{argv[0]} could not be started: {error.strerror or error}") from None

    def _environment(self, order: ReleaseOrder) -> dict[str, str]:
        own = {"HOME": os.environ.get("HOME", "/")}
        own |= {name: self.variables[name] for name in self.rules.secrets if name in self.variables}
        return QUIET | self.repository.environment | own | variables(order)

    def _note(self, argv: Sequence[str], done: Completed) -> str:
        how = f"ran longer than {self.rules.seconds:.0f} s" if done.timed_out else f"ended with {done.code}"
        printed = (done.stderr.strip() or done.stdout.strip())[-NOTE:]
        secrets = [self.variables[name] for name in self.rules.secrets if self.variables.get(name)]
        return Redactor(secrets)(f"{argv[0]} {done.stopped or how}: {printed}".rstrip(": "))


# --- parsing of the output of ``status``. Pure -------------------------------------------------------


def variables(order: ReleaseOrder) -> dict[str, str]:
    return {
        "DEPLOY_SHA": order.sha,
        "DEPLOY_PREVIOUS_SHA": order.previous,
        "DEPLOY_KEY": order.key,
        "DEPLOY_ENVIRONMENT": "production",
        "DEPLOY_SHARE": str(ALL),
        "DEPLOY_REHEARSE": "",
    }


@understood(NAME)
def answer(printed: str) -> dict:
    """The JSON object in the last line of ``status``'s output."""
    lines = printed.strip().splitlines()
    found = json.loads(lines[-1] if lines else "")
    if not isinstance(found, dict):
        raise ValueError("the last line is not a JSON object")
    if found.get("state", "absent") not in STATES:
        raise ValueError(f"state is {found['state']!r}; it is one of {', '.join(STATES)}")
    return found


@understood(NAME)
def with_state(status: Mapping, order: ReleaseOrder) -> Deployed | None:
    state = STATES[status.get("state", "absent")]
    note = str(status.get("note") or "")[:NOTE]
    return Deployed(order.sha, url_of(status), state, order.sha, note) if state else None


@understood(NAME)
def share_of(status: Mapping) -> int:
    """The percentage of the traffic that the deployment with the key serves; one that is live serves all of it."""
    if status.get("state") != "live":
        return 0
    share = int(status.get("share", ALL))
    if not 0 <= share <= ALL:
        raise ValueError(f"share is {share}; it is a percentage")
    return share


@understood(NAME)
def live(status: Mapping) -> Deployed | None:
    """The deployment that production serves; None if the command does not know."""
    sha = str(status.get("sha") or "")
    since = datetime.fromisoformat(status["since"]) if status.get("since") else None
    if since and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    return Deployed(sha, url_of(status), "READY", sha, since=since) if sha else None


def url_of(status: Mapping) -> str:
    url = str(status.get("url") or "")
    return url if url.startswith(("https://", "http://")) else ""


def by_hand(repository: Repository, order: ReleaseOrder) -> str:
    return f"DEPLOY_SHA={shlex.quote(order.previous)} {shlex.join(repository.commands.rollback)}"
