"""The models of platform.toml for a repository's way to production. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.policy import names

Way = Literal["", "pull_request", "github_actions", "commands", "vercel", "kubernetes"]
ANNOTATED = {"sha": "{sha}", "key": "{key}"}


class DeliveryTable(BaseModel):
    """Rejects unknown keys and NaN."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _command(words: list[str]) -> list[str]:
    return names.command(words) if words else words


Command = Annotated[list[str], AfterValidator(_command)]
VariableName = Annotated[str, AfterValidator(names.variable)]


class SmokeRules(DeliveryTable):
    """``[repositories.NAME.smoke]``: the service's own smoke or end-to-end command, run against each preview."""

    command: Command = Field(
        default=[],
        description="program and arguments, run in folder; a failure keeps the fix from production; empty: none",
    )
    variable: VariableName = Field(
        default="PREVIEW_URL", description="environment variable with the address of the preview"
    )
    seconds: float = Field(default=300, gt=0, le=3_600, description="longest run of the command")
    requests: int = Field(default=2_000, ge=1, description="maximum requests that it may send to the preview")


class VariableRules(DeliveryTable):
    """``[repositories.NAME.variables]``: variables of the deployments of one environment each, at Vercel."""

    preview: dict[VariableName, str] = Field(default={}, description="plain variables of previews")
    production: dict[VariableName, str] = Field(default={}, description="plain variables of production")
    preview_secrets: dict[VariableName, VariableName] = Field(
        default={}, description="secret variables of previews, each with the platform's variable that holds its value"
    )
    production_secrets: dict[VariableName, VariableName] = Field(
        default={}, description="secret variables of production, each with the platform's variable that holds its value"
    )

    def of(self, environment: str) -> tuple[dict[str, str], dict[str, str]]:
        """(plain variables, secret ones with the variables that hold them) of preview or production."""
        found = (self.preview, self.preview_secrets), (self.production, self.production_secrets)
        return found[environment == "production"]

    @model_validator(mode="after")
    def _each_once(self):
        for plain, secret in map(self.of, ("preview", "production")):
            if twice := set(plain) & set(secret):
                raise ValueError(f"{min(twice)} is both plain and secret")
        return self


class CiRules(DeliveryTable):
    """``[repositories.NAME.ci]``: the checks that the team's CI reports for the commit of a fix, at GitHub."""

    enabled: bool = Field(
        default=False, description="wait for the checks; one that fails keeps the fix from production"
    )
    checks: list[Annotated[str, Field(min_length=1, max_length=255)]] = Field(
        default=[], max_length=50, description="names of the checks that must pass; empty: all that are reported"
    )
    wait_minutes: float = Field(default=60, gt=0, le=1_440, description="longest wait for the checks")


class PullRequestWay(DeliveryTable):
    """``[repositories.NAME.pull_request]``: a person merges, and the team's own pipeline releases."""

    release_delay_minutes: float = Field(
        default=0,
        ge=0,
        description="minutes from the merge to the release, where no deployment and no release tag tells of it",
    )
    release_wait_minutes: float = Field(
        default=60,
        ge=0,
        description="longest wait for the deployment or release tag that carries the merge, where earlier ones exist",
    )


class CommandsWay(DeliveryTable):
    """``[repositories.NAME.commands]``: argument lists that the platform runs, never a shell's text."""

    deploy: Command = Field(default=[], description="program and arguments that deploy DEPLOY_SHA")
    status: Command = Field(
        default=[], description="prints the state of DEPLOY_KEY and what production serves, as JSON"
    )
    rollback: Command = Field(default=[], description="program and arguments that deploy the earlier DEPLOY_SHA")
    promote: Command = Field(
        default=[], description="program and arguments that give DEPLOY_SHA the share DEPLOY_SHARE of the traffic"
    )
    rehearse: bool = Field(
        default=False, description="`rollback` knows DEPLOY_REHEARSE=1: it then tries the rollback and changes nothing"
    )
    secrets: list[Annotated[str, AfterValidator(names.variable)]] = Field(
        default=[], description="environment variables of the platform that the commands get, and no other secret"
    )
    seconds: float = Field(default=900, gt=0, le=86_400, description="longest run of one command")
    limit_minutes: float = Field(default=60, gt=0, description="longest deployment, where `deploy` returns earlier")

    @property
    def complete(self) -> bool:
        return bool(self.deploy and self.status and self.rollback)


class ActionsWay(DeliveryTable):
    """``[repositories.NAME.github_actions]``: a workflow that is dispatched, or a deployment that a pipeline takes."""

    workflow: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9_.-]{1,100}\.ya?ml)?$",
        description="workflow file with workflow_dispatch; empty: a repository deployment is created",
    )
    environment: str = Field(
        default="production",
        min_length=1,
        max_length=255,
        pattern=r"^[^\x00-\x1f]+$",
        description="environment of the deployment, whose reviewers are waited for",
    )
    inputs: dict[Annotated[str, AfterValidator(names.name)], str] = Field(
        default=ANNOTATED, description="inputs of the workflow; {sha}, {key} and {environment} are filled in"
    )
    limit_minutes: float = Field(default=60, gt=0, description="longest run, without the time that reviewers take")


class KubernetesWay(DeliveryTable):
    """``[repositories.NAME.kubernetes]``: the image of a Deployment, or of a Rollout of Argo."""

    namespace: Annotated[str, AfterValidator(names.name)] = Field(default="default", description="namespace")
    deployment: Annotated[str, AfterValidator(names.optional_name)] = Field(
        default="", description="name of the Deployment or Rollout"
    )
    container: Annotated[str, AfterValidator(names.optional_name)] = Field(
        default="", description="container whose image is set; empty: the only one"
    )
    image: str = Field(
        default="", pattern=r"^[A-Za-z0-9._:/@{}-]*$", description="image with {sha}, e.g. registry.example/shop:{sha}"
    )
    rollout: Literal["deployment", "argo"] = Field(
        default="deployment", description="deployment, or argo for a Rollout of Argo Rollouts"
    )
    limit_minutes: float = Field(default=30, gt=0, description="longest rollout")
