"""The environment variables of a Vercel project, plain and secret, by environment.

API: GET and POST /v10/projects/{p}/env, GET /v1/projects/{p}/env/{id} (one decrypted value), PATCH
/v9/projects/{p}/env/{id}. A secret has the type "encrypted". Its value is read to compare it, and is never kept, shown
or logged. The value of a "sensitive" variable cannot be read; it is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.vendors.base import VendorError, understood
from core.vendors.http import Http

ENVIRONMENTS = ("preview", "production")
SAME, DIFFERENT, MISSING, UNREAD, NOT_ASKED = "same", "different", "missing", "unread", "-"


@dataclass(frozen=True)
class VariableValue:
    value: str = field(repr=False)
    secret: bool = False

    @property
    def kind(self) -> str:
        """Vercel's type."""
        return "encrypted" if self.secret else "plain"


class ProjectVariables:
    def __init__(self, http: Http, scope: Mapping[str, str]):
        self.http, self.scope = http, dict(scope)

    def compared(self, project: str, wanted: Mapping[str, Mapping[str, VariableValue]]) -> dict[str, dict[str, str]]:
        """By name and environment: how the project's variable compares with the wanted one.

        A variable that is not wanted there is ``-`` if the project lacks it, and "unread" if it has one.
        """
        rows = self._rows(project)
        states: dict[str, dict[str, str]] = {}
        for name in sorted({name for values in wanted.values() for name in values} | {row["key"] for row in rows}):
            states[name] = {
                where: self._state(project, found_in(rows, name, where), values.get(name))
                for where, values in wanted.items()
            }
        return states

    def set(self, project: str, environment: str, wanted: Mapping[str, VariableValue]) -> list[str]:
        """Set the variables of one environment; returns the names that changed.

        Raises a permanent VendorError for one that other environments share: changing it would change them.
        """
        rows, changed = self._rows(project), []
        for name, value in wanted.items():
            row = found_in(rows, name, environment)
            if self._state(project, row, value) in (SAME, UNREAD):
                continue
            if row is None:
                self._create(project, environment, name, value)
            else:
                self._update(project, environment, row, value)
            changed.append(name)
        return changed

    def _create(self, project: str, environment: str, name: str, value: VariableValue) -> None:
        body = {"key": name, "value": value.value, "type": value.kind, "target": [environment]}
        params = {"upsert": "true", **self.scope}  # another worker may have created it meanwhile
        self.http.post(f"/v10/projects/{project}/env", params=params, json=body, idempotent=True)

    def _update(self, project: str, environment: str, row: dict, value: VariableValue) -> None:
        if targets(row) != {environment}:
            message = f"{row['key']} is shared by {', '.join(sorted(targets(row)))}; split it at Vercel first"
            raise VendorError("vercel", message, permanent=True)
        body = {"value": value.value, "type": value.kind, "target": [environment]}
        self.http.request("PATCH", f"/v9/projects/{project}/env/{row['id']}", params=self.scope, json=body)

    def _state(self, project: str, row: dict | None, wanted: VariableValue | None) -> str:
        if row is None:
            return MISSING if wanted else NOT_ASKED
        if wanted is None or row.get("type") == "sensitive":
            return UNREAD
        same_kind = (row.get("type") != "plain") == wanted.secret
        return SAME if same_kind and self._value(project, row) == wanted.value else DIFFERENT

    def _value(self, project: str, row: dict) -> str:
        if row.get("type") == "plain":
            return str(row.get("value") or "")
        found = self.http.get(f"/v1/projects/{project}/env/{row['id']}", params=self.scope).json()
        return str(found.get("value") or "")

    def _rows(self, project: str) -> list[dict]:
        return usable(self.http.get(f"/v10/projects/{project}/env", params=self.scope).json())


# --- parsing of Vercel's JSON. Pure ------------------------------------------------------------------


@understood("vercel")
def usable(body: dict) -> list[dict]:
    """The variables of the project that hold for every branch."""
    return [row for row in body.get("envs") or [] if row["key"] and not row.get("gitBranch")]


def targets(row: Mapping) -> set[str]:
    """The environments that share the variable; the team's own ones are told by their ids."""
    found = row.get("target") or []
    own = row.get("customEnvironmentIds") or []
    return {*([found] if isinstance(found, str) else map(str, found)), *map(str, own)}


def found_in(rows: list[dict], name: str, environment: str) -> dict | None:
    """The variable with this name in this environment; None if there is none."""
    return next((row for row in rows if row["key"] == name and environment in targets(row)), None)
