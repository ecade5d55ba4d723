"""Builds the runtime of a process from its settings: the one place that knows every part by name."""

from __future__ import annotations

from dataclasses import fields
from functools import partial

from core import runtime
from core.inputs import sources as inputs
from core.ops import fencing
from core.repair.fixers.cline_fixer import ClineFixer
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.fixers.model_fixer import ModelFixer
from core.repair.sandbox.runner import BubblewrapRunner, runner
from core.runtime import Runtime
from core.settings import Settings
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.vendors import cline, http, registry
from core.vendors.http import Http


def build(settings: Settings) -> Runtime:
    """What the settings connect, as the runtime of this process; nothing is contacted yet."""
    return runtime.use(fenced(_made(settings)))


def refresh(rt: Runtime, settings: Settings) -> None:
    """Reconnect a running runtime after its settings or the names in its policy have changed."""
    made = fenced(_made(settings))
    for part in fields(Runtime):
        if part.name != "workbench":  # work may be inside
            setattr(rt, part.name, getattr(made, part.name))


def _made(settings: Settings) -> Runtime:
    rt = Runtime(
        settings,
        sources=registry.sources(settings),
        host=registry.code_host(settings),
        reviewer=registry.reviewer(settings),
        advisories=registry.advisories(settings),
        alerts=registry.alerts(settings),
        vercel=registry.vercel(settings),
        cluster=registry.cluster(settings),
        notifiers=registry.notifiers(settings),
    )
    polled = [source.name for source in rt.sources]
    rt.sources = [*rt.sources, *inputs.sources(settings, lambda: rt.policy, polled)]
    rt.health = registry.health_source(settings) or inputs.health_source(rt.policy)
    embedded = EmbeddedAnalyst()
    rt.analysts = [*registry.analysts(settings, embedded), embedded]
    rt.runner = runner(rt.policy.fix)
    rt.fixers = [EmbeddedFixer(), *models(rt), *_cline(rt)]
    rt.probe = partial(http.probe, timeout=10.0)
    return rt


def fenced(rt: Runtime) -> Runtime:
    """Make every outward effect check first that this process still owns the work."""
    rt.host = fencing.around(rt.host, fencing.HOSTS)
    rt.reviewer = fencing.around(rt.reviewer, ("ask",))
    rt.sources = [fencing.around(source, ("resolve",)) for source in rt.sources]
    return rt


def models(rt: Runtime) -> list[ModelFixer]:
    """The fixer of the configured model, with the policy's number of samples."""
    chat = registry.chat(rt.settings)
    return [ModelFixer(chat.complete, samples=rt.policy.fix.models.samples)] if chat else []


def _cline(rt: Runtime) -> list[ClineFixer]:
    """The Cline fixer if its program, a model and the full sandbox are available; doctor reports what is missing."""
    settings, rules, binary = rt.settings, rt.policy.fix.models, cline.program(rt.settings)
    if not (binary and settings.openai_model and isinstance(rt.runner, BubblewrapRunner)):
        return []
    key = settings.openai_api_key.get_secret_value()
    base = settings.openai_base_url or "https://api.openai.com/v1"
    private = base.startswith("https://") or not settings.require_tls
    headers, secrets = ({"Authorization": f"Bearer {key}"}, [key]) if key else ({}, [])
    model = Http("cline", base, headers, secrets, private=private)
    return [ClineFixer(binary, model, settings.openai_model, rules.seconds, rules.requests)]
