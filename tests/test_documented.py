"""Every setting is documented as it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_setting_is_documented():
    spec = importlib.util.spec_from_file_location("document_settings", ROOT / "tools" / "document_settings.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    text = tool.PAGE.read_text(encoding="utf-8")
    assert tool.documented(text) == text, "run python tools/document_settings.py"
    assert "`SENTRY_TOKEN`" in text and "`[watch]`" in text
