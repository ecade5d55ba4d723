"""The models of platform.toml for repositories and services. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from core.models import Impact
from core.policy import names
from core.policy.delivery import (
    ActionsWay,
    CiRules,
    CommandsWay,
    KubernetesWay,
    PullRequestWay,
    SmokeRules,
    VariableRules,
    Way,
)


class Strict(BaseModel):
    """Rejects unknown keys, and NaN: every comparison with NaN is false, so a NaN limit would limit nothing."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


TestServer = Literal["postgresql", "redis"]
Variable = Annotated[str, AfterValidator(names.variable)]
Steps = Annotated[list[Annotated[int, Field(ge=1, le=99)]], Field(max_length=10), AfterValidator(names.rising)]
SERVER_URLS: dict[str, str] = {"postgresql": "DATABASE_URL", "redis": "REDIS_URL"}


def _with_urls(given: Any) -> Any:
    """A list of test servers, each with the usual variable for its URL."""
    return {name: SERVER_URLS.get(str(name), "URL") for name in given} if isinstance(given, list) else given


class Repository(Strict):
    """The code of a service: where it is, and how it is tested and deployed.

    What a file does not set of ``folder``, ``source``, ``tests`` and ``test_command`` is found in the code
    (core/repair/environment/discovery.py); the defaults apply where nothing is found.
    """

    remote: Annotated[str, AfterValidator(names.remote)] = Field(description="git remote to clone and push to")
    branch: Annotated[str, AfterValidator(names.branch)] = Field(
        default="main", description="branch that production is released from"
    )
    github: Annotated[str, AfterValidator(names.github)] = Field(
        default="", description="GitHub OWNER/NAME; empty: no pull requests"
    )
    vercel_project: Annotated[str, AfterValidator(names.optional_name)] = Field(
        default="", description="Vercel project name; empty: another way to production"
    )
    delivery: Way = Field(
        default="", description="way to production; empty: vercel where vercel_project is set, else pull_request"
    )
    steps: Steps = Field(
        default=[],
        description="shares of the traffic, in percent, that a release serves before it serves all, e.g. [10, 50]",
    )
    pull_request: PullRequestWay = PullRequestWay()
    github_actions: ActionsWay = ActionsWay()
    commands: CommandsWay = CommandsWay()
    kubernetes: KubernetesWay = KubernetesWay()
    smoke: SmokeRules = SmokeRules()
    ci: CiRules = CiRules()
    variables: VariableRules = VariableRules()
    production_url: Annotated[str, AfterValidator(names.address)] = Field(
        default="", description="public URL, for health checks"
    )
    health_path: Annotated[str, AfterValidator(names.health_path)] = Field(
        default="/health", description="path of production_url that answers 200 while the service works"
    )
    environment: dict[Annotated[str, AfterValidator(names.variable)], str] = Field(
        default={}, description="environment variables of its deployments; no secrets"
    )
    folder: Annotated[str, AfterValidator(names.folder)] = Field(
        default=".",
        description="folder of the service in the repository; source and tests are in it; not set: found in the code",
    )
    path_prefixes: list[str] = Field(
        default=[], description='folders of the container that begin the paths of stack traces, e.g. ["/app"]'
    )
    environment_build: Annotated[str | list[str], AfterValidator(names.environment)] = Field(
        default="auto",
        description="auto, platform, a build command, or the path of an interpreter or of an image's root folder",
    )
    python: Annotated[str, AfterValidator(names.python)] = Field(
        default="", description='Python version, e.g. "3.12"; empty: as the code asks for, else the newest here'
    )
    extras: list[Annotated[str, AfterValidator(names.name)]] = Field(
        default=[], description="extras to install; not set: those for tests and development"
    )
    groups: list[Annotated[str, AfterValidator(names.name)]] = Field(
        default=[], description="dependency groups to install; not set: those for tests and development"
    )
    services: Annotated[dict[TestServer, Variable], BeforeValidator(_with_urls)] = Field(
        default={}, description='servers that each test run gets of its own, e.g. ["postgresql", "redis"]'
    )
    test_command: Annotated[list[str], AfterValidator(names.command)] = Field(
        default=["python", "-m", "pytest", "-q"], description="command that runs the tests with pytest, in folder"
    )
    source: list[Annotated[str, AfterValidator(names.folder)]] = Field(
        default=["."], min_length=1, description="folders with the program's source; not set: found in the code"
    )
    tests: Annotated[str, AfterValidator(names.folder)] = Field(
        default="tests", description="folder with the tests, where the test of a fix goes; not set: found in the code"
    )

    @property
    def way(self) -> str:
        """The way to production."""
        return self.delivery or ("vercel" if self.vercel_project else "pull_request")

    @model_validator(mode="after")
    def _way_is_complete(self):
        """Raises ValueError naming the key that the chosen way to production lacks."""
        lacks = {
            "vercel": not self.vercel_project and "vercel_project",
            "github_actions": not self.github and "github",
            "commands": not self.commands.complete and "commands.deploy, commands.status and commands.rollback",
            "kubernetes": not (self.kubernetes.deployment and "{sha}" in self.kubernetes.image)
            and "kubernetes.deployment and kubernetes.image, which names {sha}",
        }
        if missing := lacks.get(self.delivery):
            raise ValueError(f'delivery = "{self.delivery}" needs {missing}')
        return self

    @model_validator(mode="after")
    def _checks_are_possible(self):
        """Names what the checks of a preview need."""
        if self.smoke.command and self.way != "vercel":
            raise ValueError('smoke.command needs a way to production with previews: delivery = "vercel"')
        if self.variables != VariableRules() and self.way != "vercel":
            raise ValueError('variables need delivery = "vercel"')
        if self.ci.enabled and not self.github:
            raise ValueError("ci.enabled needs github")
        return self

    @model_validator(mode="after")
    def _steps_are_possible(self):
        """Names what shares of traffic need."""
        possible = {
            "vercel": True,
            "kubernetes": self.kubernetes.rollout == "argo",
            "commands": bool(self.commands.promote),
        }
        if self.steps and not possible.get(self.way):
            needs = 'Vercel, Kubernetes with kubernetes.rollout = "argo", or commands with commands.promote'
            raise ValueError(f"steps need a way to production that shares traffic: {needs}")
        return self


class SuccessCheck(Strict):
    """A check that passes while the service works: a URL with its expected response, or a metric with its limit."""

    url: Annotated[str, AfterValidator(names.address)] = Field(
        default="", description="URL that is fetched at each look"
    )
    status: int = Field(default=200, ge=100, le=599, description="expected HTTP status")
    contains: str = Field(default="", description="text that the first 64 kB of the response must contain")
    metric: Literal["", "error_rate", "p95_ms"] = Field(default="", description="metric, instead of a URL")
    at_most: float = Field(
        default=0, ge=0, description="maximum of the metric: a share between 0 and 1, or milliseconds"
    )

    @model_validator(mode="after")
    def _one_kind(self):
        if bool(self.url) == bool(self.metric):
            raise ValueError("a check has either a url or a metric")
        return self


class Service(Strict):
    repository: str
    critical: bool = False
    impact: Impact = Impact.MEDIUM
    paths: list[str] = Field(default=[], description="files that a fix may touch (globs); empty: all source files")
    forbidden: list[str] = Field(
        default=[], description="files that a fix may not touch, in addition to [fix] forbidden"
    )
    max_lines: int = Field(default=0, ge=0, description="a lower [fix] max_lines for this service; 0: no change")
    max_files: int = Field(default=0, ge=0, description="a lower [fix] max_files for this service; 0: no change")
    upstreams: list[str] = []
    hosts: list[str] = Field(default=[], description="hosts that run it (globs), beside those that its signals name")
    corroboration: bool | None = Field(default=None, description="overrides [corroboration] required for this service")
    checks: dict[Annotated[str, AfterValidator(names.name)], SuccessCheck] = Field(
        default={}, description="success checks of a release; one that passed before and fails after it is a regression"
    )
