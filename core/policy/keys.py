"""Every key of the policy with its value in force, its default and what it means. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.policy.reader import Policy

OF_ADMINS = ("access.", "repositories.", "slack.")  # they name people, groups and addresses


@dataclass(frozen=True)
class PolicyKey:
    """One dotted key, e.g. guards.critical_confidence. ``default`` is None where the file has to say it."""

    name: str
    value: object
    default: object
    description: str

    @property
    def is_for_admins(self) -> bool:
        return self.name.startswith(OF_ADMINS)


def keys(policy: Policy) -> Iterator[PolicyKey]:
    """All keys, section by section; those of services and repositories with their names."""
    yield from _of(policy, "")


def _of(section: BaseModel, prefix: str) -> Iterator[PolicyKey]:
    for name, field in type(section).model_fields.items():
        yield from _key(f"{prefix}{name}", getattr(section, name), field)


def _key(name: str, value: object, field: FieldInfo) -> Iterator[PolicyKey]:
    if isinstance(value, BaseModel):
        yield from _of(value, f"{name}.")
    elif isinstance(value, dict) and any(isinstance(one, BaseModel) for one in value.values()):
        for each, one in value.items():
            yield from _key(f"{name}.{each}", one, field)
    else:
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        yield PolicyKey(name, value, default, field.description or "")
