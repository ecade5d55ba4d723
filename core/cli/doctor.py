"""``python -m core doctor``: checks every setting and connector, and prints how to fix what does not work."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from filelock import Timeout
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.access import accounts
from core.audit import head
from core.db import store
from core.models.counted import counted
from core.policy import advice
from core.policy.reader import ConfigurationError
from core.repair.sandbox.runner import BubblewrapRunner
from core.runtime import Runtime
from core.settings import Settings
from core.stages import workspace
from core.stages.deliver import ways
from core.vendors import cline, registry
from core.vendors.command import CommandError
from core.vendors.redact import Redactor


@dataclass(frozen=True)
class DoctorLine:
    """The result of one check. ``state`` is ok, off (not connected, which is no fault) or fault."""

    what: str
    state: str
    message: str
    fix: str = ""


def examine(rt: Runtime) -> Iterator[DoctorLine]:
    """One line for each check, in the order in which a new installation is set up."""
    yield _python()
    yield _git()
    yield _policy(rt)
    yield from (DoctorLine("defaults", "ok", message) for message in advice.notes(rt.policy))
    yield _database(rt)
    yield _people()
    yield _audit(rt)
    yield _tls(rt.settings)
    yield _sandbox(rt)
    yield _cline(rt)
    for name, repository in rt.policy.repositories.items():
        try:
            workspace.clone(rt, name, repository)
            yield DoctorLine(f"repository {name}", "ok", f"{Redactor()(repository.remote)} is readable")
        except CommandError as error:
            yield DoctorLine(
                f"repository {name}",
                "fault",
                Redactor()(str(error)),
                f"check repositories.{name}.remote in platform.toml",
            )
        yield _delivery(rt, name)
    for name, check in registry.checks(rt.settings):
        state = "ok" if check.ok else "off" if check.message.startswith("not connected") else "fault"
        yield DoctorLine(name, state, check.message, check.fix)
    yield from _inputs(rt)


def _tls(settings: Settings) -> DoctorLine:
    secure = settings.public_url.startswith("https://")
    if settings.require_tls and not secure:
        return DoctorLine("TLS", "fault", "REQUIRE_TLS is on, but PUBLIC_URL is http, so visitors are refused",
                          "set PUBLIC_URL to the https address of the proxy")  # fmt: skip
    if settings.require_tls:
        return DoctorLine("TLS", "ok", "required of vendors, the model server and visitors")
    return DoctorLine("TLS", "off", "not required of private hosts, the model server and visitors",
                      "serve the console through a proxy with TLS, and set REQUIRE_TLS=true")  # fmt: skip


def _inputs(rt: Runtime) -> Iterator[DoctorLine]:
    """Each input in use. An input that has received nothing yet is untested, so it is not ok."""
    for source in rt.sources:
        if getattr(source, "connected", False):
            check = registry.answered(source.name, source.check, "see the log")
            yield DoctorLine(source.name, "ok" if check.ok else "off", check.message, check.fix)


def _delivery(rt: Runtime, name: str) -> DoctorLine:
    """Check that the repository's way to production responds, and its rights."""
    what, fix = f"delivery of {name}", f"repositories.{name}.delivery in platform.toml"
    check = registry.answered(what, lambda: ways.of(rt, name).check(), fix)
    way = rt.policy.repositories[name].way
    return DoctorLine(what, "ok" if check.ok else "fault", f"{way}: {check.message}", check.fix)


def _python() -> DoctorLine:
    fine = sys.version_info >= (3, 11)
    return DoctorLine(
        "Python",
        "ok" if fine else "fault",
        sys.version.split()[0],
        "" if fine else "use Python 3.11 or newer",
    )


def _git() -> DoctorLine:
    found = shutil.which("git")
    return DoctorLine("git", "ok" if found else "fault", found or "not found", "" if found else "install git")


def _audit(rt: Runtime) -> DoctorLine:
    """Check the audit rows since the last signed head; ``audit verify`` checks all rows."""
    try:
        verdict = head.advance(rt.settings, head.PATIENCE)
    except (SQLAlchemyError, OSError, Timeout, ConfigurationError) as error:
        return DoctorLine("audit trail", "fault", f"cannot advance the head: {error}", "check DATA_DIR and AUDIT_KEY")
    if not verdict.ok:
        return DoctorLine("audit trail", "fault", f"{verdict.state}: {verdict.message}", "python -m core audit verify")
    outside = rt.policy.routes.audit_head
    return DoctorLine(
        "audit trail",
        "ok",
        f"intact since its last head; heads are sent to {', '.join(outside) or 'the log only'}",
        "" if outside else "set a channel in routes.audit_head",
    )


def _policy(rt: Runtime) -> DoctorLine:
    services = len(rt.policy.services)
    if rt.policy_error:
        return DoctorLine(
            "platform.toml", "fault", rt.policy_error, "fix the file; until then, the last valid policy applies"
        )
    return DoctorLine(
        "platform.toml",
        "ok" if services else "off",
        counted(services, "service"),
        "" if services else "add a service",
    )


def _database(rt: Runtime) -> DoctorLine:
    try:
        with store.read() as session:
            session.connection().execute(text("select 1"))
        return DoctorLine("database", "ok", store.engine().url.render_as_string(hide_password=True))
    except SQLAlchemyError as error:
        return DoctorLine("database", "fault", str(error).splitlines()[0], "check DATABASE_URL or DATA_DIR")


def _people() -> DoctorLine:
    """Is there an admin?"""
    how = "python -m core user add NAME --role admin"
    try:
        admins = accounts.admins()
    except SQLAlchemyError:
        return DoctorLine("people", "fault", "the database is not responding", "see above")
    return DoctorLine(
        "people", "ok" if admins else "off", f"admins: {', '.join(admins) or 'none'}", "" if admins else how
    )


def _sandbox(rt: Runtime) -> DoctorLine:
    if rt.runner is None:
        return DoctorLine(
            "sandbox runner",
            "fault",
            "no sandbox for repository code, so no fixes are written",
            "install bubblewrap, or set fix.allow_limited_runner in platform.toml",
        )
    weaker = getattr(rt.runner, "weaker_because", "")
    return DoctorLine(
        "sandbox runner",
        "ok",
        rt.runner.name + (f" (weaker: {weaker})" if weaker else ""),
        "install bubblewrap for the full sandbox" if weaker else "",
    )


def _cline(rt: Runtime) -> DoctorLine:
    """Cline needs its executable, a model, and the full sandbox."""
    settings = rt.settings
    if not settings.cline_bin:
        return DoctorLine("Cline", "off", "not connected", "set CLINE_BIN to the Cline CLI to let it propose fixes")
    if cline.program(settings) is None:
        return DoctorLine(
            "Cline", "fault", f"{settings.cline_bin} is not executable", "run npm install cline, and set CLINE_BIN"
        )
    if not settings.openai_model:
        return DoctorLine(
            "Cline", "fault", "no model configured", "set OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL"
        )
    if not isinstance(rt.runner, BubblewrapRunner):
        return DoctorLine("Cline", "fault", "it runs only in bubblewrap", "install bubblewrap")
    return DoctorLine("Cline", "ok", f"{settings.cline_bin}, sandboxed; it can reach only {settings.openai_model}")
