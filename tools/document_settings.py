"""Writes the tables of settings into docs/configuration.md from core/settings.py; a test holds that they are up to
date."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from pydantic import BaseModel, SecretStr

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from core.policy.reader import Policy  # noqa: E402
from core.policy.services import Repository  # noqa: E402
from core.settings import Settings  # noqa: E402

WAYS = {name: type(f.default) for name, f in Repository.model_fields.items() if isinstance(f.default, BaseModel)}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"


def settings_table() -> str:
    rows = ["| variable | default | what it is |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if isinstance(field.default, SecretStr) else field.default
        rows.append(
            f"| `{name.upper()}` | {f'`{default}`' if default not in ('', None) else ''} | {field.description} |"
        )
    return "\n".join(rows)


def policy_table() -> str:
    rows = ["| section | keys and defaults |", "| --- | --- |"]
    for name, field in Policy.model_fields.items():
        if isinstance(field.default, BaseModel):
            values = ", ".join(f"`{key} = {value}`" for key, value in field.default.model_dump(mode="json").items())
            rows.append(f"| `[{name}]` | {values} |")
    return "\n".join(rows)


def delivery_table() -> str:
    """The keys of a repository's way to production, and of the checks before it."""
    rows = ["| key of `[repositories.NAME]` | default | what it is |", "| --- | --- | --- |"]
    rows.append(f"| `delivery` | | {Repository.model_fields['delivery'].description} |")
    for name, kind in WAYS.items():
        for key, field in kind.model_fields.items():
            value = field.get_default(call_default_factory=True)
            default = f"`{value}`" if value not in ("", None) else ""
            rows.append(f"| `{name}.{key}` | {default} | {field.description or ''} |")
    return "\n".join(rows)


def repository_table() -> str:
    """The keys of a repository, without those of its way to production."""
    rows = ["| key | default | what it is |", "| --- | --- | --- |"]
    for name, field in Repository.model_fields.items():
        if name in {"delivery", *WAYS}:
            continue
        default = "" if field.is_required() else json.dumps(field.default)
        shown = f"`{default}`" if default not in ("", '""', "{}", "[]") else ""
        rows.append(f"| `{name}` | {shown} | {field.description or ''} |")
    return "\n".join(rows)


def documented(text: str) -> str:
    for name, table in TABLES.items():
        block = f"<!-- {name} -->\n{table()}\n<!-- /{name} -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, block=block: block, text, flags=re.S)
    return text


TABLES = {
    "settings": settings_table,
    "policy": policy_table,
    "repository": repository_table,
    "delivery": delivery_table,
}

if __name__ == "__main__":
    PAGE.write_text(documented(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
