"""The headless Cline CLI: its settings, its command line, and the parser of its output. It starts no process.

Measured with version 3.0: its exit status is 0 even when it was aborted, so only ``finishReason`` counts. It does not
enforce its own time limit and command permissions, so commands are disabled and the caller kills it at a deadline.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from core.settings import Settings

PORT = 8137  # on the sandbox's own loopback
DISABLED = ["fetch_web_content", "spawn_agent", "ask_question", "run_commands"]
ENVIRONMENT = {"CLINE_SESSION_BACKEND_MODE": "local", "CLINE_NO_AUTO_UPDATE": "1"}


def program(settings: Settings) -> Path | None:
    """The CLI of CLINE_BIN (a path, or a name on the PATH); None if there is none."""
    found = shutil.which(settings.cline_bin) if settings.cline_bin else None
    return Path(found).resolve() if found else None


def prepare(folder: Path, model: str) -> None:
    """Write the settings of one run into CLINE_DIR, with a dummy key: only the relay outside has the real one."""
    base = f"http://127.0.0.1:{PORT}/v1"
    account = {"provider": "openai-compatible", "apiKey": "none", "model": model, "baseUrl": base}
    entry = {"settings": account, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
    providers = {"version": 1, "lastUsedProvider": "openai-compatible", "modes": {}}
    place = folder / "data" / "settings"
    place.mkdir(parents=True)
    _write(place / "providers.json", providers | {"providers": {"openai-compatible": entry}})
    general = {"telemetryOptOut": True, "autoUpdateEnabled": False, "disabledTools": DISABLED}
    _write(place / "global-settings.json", general)


def _write(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def arguments(binary: str, tree: str, prompt: str) -> list[str]:
    return [binary, "--json", "-c", tree, prompt]


@dataclass(frozen=True)
class ClineVerdict:
    """The result of a run: ``reason`` is completed, error or aborted, or empty if it reported none."""

    reason: str = ""
    message: str = ""
    tokens: int = 0
    cost_usd: float = 0.0

    @property
    def completed(self) -> bool:
        return self.reason == "completed"


def verdict(output: str) -> ClineVerdict:
    """The last run_result in the NDJSON that the CLI printed."""
    for line in reversed(output.splitlines()):
        if not line.startswith("{"):
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and event.get("type") == "run_result":
            usage = event.get("usage")
            usage = usage if isinstance(usage, dict) else {}
            tokens = sum(_number(usage.get(key)) for key in ("inputTokens", "outputTokens"))
            cost = _number(usage.get("totalCost") or usage.get("cost"))
            return ClineVerdict(
                str(event.get("finishReason", "")), str(event.get("text", ""))[:2000], int(tokens), cost
            )
    return ClineVerdict()


STEPS, STEP, WHOLE = 80, 2_000, 20_000  # steps of a transcript, and characters of one step and of all


def transcript(output: str) -> list[dict[str, str]]:
    """What the run said and did, as ``{"kind": "says" | "calls" | "result", "text"}``, in order and bounded. Pure.

    It is a model's text over strangers' text: to be redacted before it is kept, and escaped where it is shown.
    """
    found: list[dict[str, str]] = []
    left = WHOLE
    for line in output.splitlines():
        if not (step := _step(line)):
            continue
        if len(found) == STEPS or left <= 0:
            return [*found, {"kind": "cut", "text": "The rest of the transcript was not kept."}]
        kind, text = step
        text = text.replace("\0", "")[: min(STEP, left)]
        left -= len(text)
        found.append({"kind": kind, "text": text})
    return found


def plan(steps: list[dict[str, str]]) -> str:
    """What it said before its first tool call; empty if it said nothing or called no tool."""
    first = next((place for place, step in enumerate(steps) if step["kind"] == "calls"), 0)
    return "\n".join(step["text"] for step in steps[:first] if step["kind"] == "says")


def _step(line: str) -> tuple[str, str] | None:
    """The kind and the text of one line of NDJSON; None for one without content."""
    if '"agent_event"' not in line:
        return None
    try:
        event = json.loads(line)["event"]
        tool, begins = event.get("contentType") == "tool", event["type"] == "content_start"
        if tool and begins:
            return "calls", f"{event.get('toolName')} {json.dumps(event.get('input'), ensure_ascii=False)}"
        if event["type"] != "content_end":
            return None
        if not tool:
            return ("says", str(event["text"])) if event.get("text") else None
        output = event.get("output")
        return "result", str(output.get("result") if isinstance(output, dict) else output)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _number(value: object) -> float:
    """A valid count or cost; 0 for NaN, infinite values and booleans."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9 else 0.0
