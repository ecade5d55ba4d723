"""The templates of fixes: what kind of change a fix is, as the page, the policy and the prompts of models name it."""

from __future__ import annotations

from enum import StrEnum


class Template(StrEnum):
    BUG_FIX = "bug_fix"  # a minimal, targeted change
    PERFORMANCE = "performance"  # a change that a benchmark proves
    SECURITY = "security"  # a change that a test of the unsafe input or the suite proves


def template_of(cause: str | None) -> Template:
    """The template for a cause (a value of core.models.Cause), of which some have the same name."""
    return Template(cause) if cause in list(Template) else Template.BUG_FIX
