"""The policy as one value, and the one reader of platform.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationError, model_validator

from core.models import Impact
from core.policy import names
from core.policy.agents import AnalysisRules
from core.policy.environment import EnvironmentRules
from core.policy.infrastructure import InfrastructureRules
from core.policy.messages import CodeRabbitRules, Routes, SlackRules
from core.policy.sections import (
    Access,
    ApprovalRules,
    Collect,
    CorroborationRules,
    FixRules,
    Guards,
    History,
    Inputs,
    Maintenance,
    MetricNames,
    OsvRules,
    SeverityRules,
    Thresholds,
    Watch,
    Weights,
)
from core.policy.security import SecurityRules
from core.policy.services import Repository, Service, Strict
from core.policy.value import ValueRules


class ConfigurationError(Exception):
    """A setting or platform.toml is invalid; the message names it and says what to write."""


class Policy(Strict):
    version: int = 1
    environment: EnvironmentRules = EnvironmentRules()
    repositories: dict[Annotated[str, AfterValidator(names.name)], Repository] = {}
    services: dict[str, Service] = {}
    weights: Weights = Weights()
    history: History = History()
    thresholds: Thresholds = Thresholds()
    guards: Guards = Guards()
    corroboration: CorroborationRules = CorroborationRules()
    severity: SeverityRules = SeverityRules()
    analysis: AnalysisRules = AnalysisRules()
    watch: Watch = Watch()
    maintenance: Maintenance = Maintenance()
    fix: FixRules = FixRules()
    approval: ApprovalRules = ApprovalRules()
    access: Access = Access()
    metrics: MetricNames = MetricNames()
    routes: Routes = Routes()
    slack: SlackRules = SlackRules()
    coderabbit: CodeRabbitRules = CodeRabbitRules()
    osv: OsvRules = OsvRules()
    security: SecurityRules = SecurityRules()
    collect: Collect = Collect()
    inputs: Inputs = Inputs()
    infrastructure: InfrastructureRules = InfrastructureRules()
    value: ValueRules = ValueRules()

    @model_validator(mode="after")
    def _known_repositories(self):
        for name, repository in self.repositories.items():
            if not repository.remote:
                raise ValueError(f"repositories.{name}.remote is empty: it is the git address to clone and push")
        for freeze in self.guards.freezes:
            if unknown := set(freeze.repositories) - set(self.repositories):
                raise ValueError(f"the freeze {freeze.name!r} names the unknown repository {min(unknown)!r}")
        for name, service in self.services.items():
            if service.repository not in self.repositories:
                raise ValueError(f"service {name!r} names the unknown repository {service.repository!r}")
        return self

    def is_critical(self, *services: str) -> bool:
        """Is one of these services critical?"""
        marked = {name for name, service in self.services.items() if service.critical}
        return not marked.union(self.guards.critical_services).isdisjoint(services)

    def worst_of(self, services: Sequence[str]) -> str:
        """The service with the strictest rules: a critical one, one that asks for corroboration, then by impact."""
        known = [name for name in services if name in self.services] or services
        return max(known, key=self._weight, default="")

    def _weight(self, name: str) -> tuple[bool, bool, int]:
        impact = self.services.get(name, Service(repository="")).impact
        return self.is_critical(name), self.asks_corroboration(name), list(Impact).index(impact)

    def together(self, services: Sequence[str]) -> Service:
        """What a fix of the first service may do where the rules of the others hold, too."""
        known = [self.services[name] for name in services if name in self.services]
        limits = {
            name: min((n for one in known if (n := getattr(one, name))), default=0)
            for name in ("max_lines", "max_files")
        }
        forbidden = list(dict.fromkeys(glob for one in known for glob in one.forbidden))
        worst = max((one.impact for one in known), key=list(Impact).index)
        return known[0].model_copy(update={**limits, "forbidden": forbidden, "impact": worst})

    @property
    def code_of(self) -> dict[str, str]:
        """The code that each service runs; services with the same one share every line of it."""
        homes = {name: self.repositories[service.repository] for name, service in self.services.items()}
        return {name: f"{home.remote.removesuffix('.git')}#{home.folder}" for name, home in homes.items()}

    def asks_corroboration(self, service: str) -> bool:
        """Does an uncorroborated fix of this service need a person's approval?"""
        known = self.services.get(service)
        own = known.corroboration if known else None
        return self.corroboration.required if own is None else own


def read_policy(path: Path) -> Policy:
    """Policy of a platform.toml. Raises ConfigurationError naming the invalid line or key."""
    try:
        return parse_policy(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file; copy platform.example.toml and name your services") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


def parse_policy(text: str, name: str) -> Policy:
    """Policy of the text of a platform.toml; ``name`` appears in the messages."""
    try:
        return Policy(**tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{name}: it is nested too deeply") from None
    except ValidationError as error:
        faults = "; ".join(f"{_key(e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"{name}: {faults}") from None
    except ValueError as error:  # an integer with thousands of digits, which tomllib passes on to int()
        raise ConfigurationError(f"{name}: {error}") from None


def _key(place: tuple[str | int, ...]) -> str:
    """The dotted key of an error. An unknown name in it is shown as its repr."""
    words = [part for part in map(str, place) if part != "[key]"]
    return ".".join(word if word.isprintable() else repr(word) for word in words) or "file"
