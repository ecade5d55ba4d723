"""Builds the runtime of a process from its settings: the one place that knows every part by name."""

from __future__ import annotations

from functools import partial

from core import runtime
from core.repair.embedded import EmbeddedFixer
from core.repair.model_fixer import ModelFixer
from core.repair.runner import runner
from core.runtime import Runtime
from core.settings import Settings
from core.signals.analyst import EmbeddedAnalyst
from core.vendors import http, registry


def build(settings: Settings) -> Runtime:
    """What the settings connect; nothing is contacted yet."""
    rt = Runtime(
        settings,
        sources=registry.sources(settings),
        host=registry.code_host(settings),
        reviewer=registry.reviewer(settings),
        deployer=registry.deployer(settings),
        notifiers=registry.notifiers(settings),
    )
    rt.health = registry.health_source(settings)
    chat = registry.chat(settings)
    embedded = EmbeddedAnalyst()
    rt.analysts = [*registry.analysts(settings, embedded), embedded]
    rt.fixers = [EmbeddedFixer(), *([ModelFixer(chat.complete)] if chat else [])]
    rt.runner = runner(rt.policy.fix)
    rt.probe = partial(http.probe, timeout=10.0)
    return runtime.use(rt)
