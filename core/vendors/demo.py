"""Controls the demo: lists its faults, ships one, reverts one."""

from __future__ import annotations

from core.settings import Settings
from core.vendors.http import Http


class Sandbox:
    def __init__(self, settings: Settings):
        token = settings.sandbox_token.get_secret_value()
        self.http = Http("sandbox", settings.sandbox_url, {"X-Sandbox-Token": token}, [token])

    def status(self) -> dict:
        """{"faults": {name: title}, "details": {name: {"title", "kind", "service", "exception"}},
        "broken": {name: seconds}, "agents": [{"name", "kind", "says"}], "services": {name: {"requests", "errors"}}, …}
        """
        return self.http.get("/_sandbox/status").json()

    def break_(self, name: str) -> dict:
        """Deploy a fault to production, as the shop's team would."""
        return self.http.post("/_sandbox/break", json={"name": name}).json()

    def restore(self, name: str) -> dict:
        """Revert a fault, as the shop's team would."""
        return self.http.post("/_sandbox/restore", json={"name": name}).json()
