"""The result of a setup step, and the errors that a person has to fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from core.access.rights import Refused
from core.policy.reader import ConfigurationError
from core.repair.environment.fault import EnvironmentFault
from core.vendors.base import VendorError
from core.vendors.command import CommandError
from core.vendors.redact import Redactor

KNOWN = (CommandError, ConfigurationError, VendorError, Refused, ValueError, OSError, SQLAlchemyError)
OFFERED = 12  # existing names that are offered instead of a wrong one


@dataclass(frozen=True)
class SetupFinding:
    """``message`` is the result, ``fix`` what to do about it, ``facts`` what to confirm.

    ``offers`` are existing names that can replace the one in ``field`` of the form.
    """

    ok: bool
    message: str
    fix: str = ""
    field: str = ""
    offers: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def failed(error: BaseException, secrets: Iterable[str] = ()) -> SetupFinding:
    """The message of the error for people, without secrets."""
    hide = Redactor(secrets)
    if isinstance(error, EnvironmentFault):
        return SetupFinding(False, hide(error.message), hide(error.fix))
    if isinstance(error, SQLAlchemyError):
        return SetupFinding(False, "The database is not responding.", "Run python -m core doctor.")
    if isinstance(error, KNOWN):
        return SetupFinding(False, hide(str(error)))
    return SetupFinding(False, f"The step failed unexpectedly: {type(error).__name__}.", "See the log of the console.")


def closest(wanted: str, existing: Iterable[str]) -> tuple[str, ...]:
    """The existing names, most similar to ``wanted`` first."""

    def unlike(name: str) -> tuple[float, str]:
        return -difflib.SequenceMatcher(None, wanted.lower(), name.lower()).ratio(), name

    return tuple(sorted(existing, key=unlike)[:OFFERED])
