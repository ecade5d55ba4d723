"""Redacts a JSON value before it is stored: every string in it, together with its key. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from core.models.base import DEEPEST
from core.settings import Settings
from core.vendors.redact import Redactor

Redact = Callable[[str], str]


def redactor(settings: Settings) -> Redactor:
    """Redacts with the knowledge of every secret in the settings."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return Redactor(value.get_secret_value() for value in values if isinstance(value, SecretStr))


def redacted(value: Any, redact: Redact, name: str = "", depth: int = DEEPEST) -> Any:
    """The value with its secrets replaced; values that are nested too deeply become an ellipsis."""
    if isinstance(value, str):
        return _text(value, redact, name)
    if isinstance(value, dict | list) and not depth:
        return "\u2026"
    if isinstance(value, dict):
        return {redact(key): redacted(inner, redact, key, depth - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [redacted(inner, redact, name, depth - 1) for inner in value]
    return value


def _text(value: str, redact: Redact, name: str) -> str:
    """Redact a value with its key: ``{"password": "x"}`` is a secret only by its key."""
    named = f"{name}="
    shown = redact(named + value) if name else ""
    return shown[len(named) :] if shown.startswith(named) and name else redact(value)
