"""The progress of the setup, derived from the policy, the tokens, the settings and the signals."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sqlmodel import Session, col, select

from core.inputs.naming import ANY
from core.models import Signal
from core.models.inputs import IngestToken
from core.policy.reader import Policy
from core.settings import Settings
from core.setup.source import VENDORS
from core.vendors import registry


class SetupStep(StrEnum):
    REPOSITORY = "Repository"
    ENVIRONMENT = "Environment"
    SOURCE = "Source"
    DELIVERY = "Delivery"
    EVENT = "Test event"


def progress(session: Session, settings: Settings, policy: Policy, service: str) -> Mapping[SetupStep, bool]:
    """The steps that are done for this service; none for a service that does not exist."""
    known = policy.services.get(service)
    if known is None:
        return dict.fromkeys(SetupStep, False)
    repository = policy.repositories[known.repository]
    return {
        SetupStep.REPOSITORY: True,
        SetupStep.ENVIRONMENT: "environment_build" in repository.model_fields_set,
        SetupStep.SOURCE: _has_source(session, settings, service),
        SetupStep.DELIVERY: bool(repository.delivery or repository.vercel_project),
        SetupStep.EVENT: session.exec(select(Signal.id).where(Signal.service == service).limit(1)).first() is not None,
    }


def _has_source(session: Session, settings: Settings, service: str) -> bool:
    if any(registry.CONNECTORS[name].build(settings) is not None for name in VENDORS if name != "github"):
        return True
    live = (col(IngestToken.revoked_at).is_(None), col(IngestToken.service).in_((service, ANY)))
    return session.exec(select(IngestToken.id).where(*live).limit(1)).first() is not None
