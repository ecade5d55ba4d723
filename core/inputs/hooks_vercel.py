"""Vercel: deployments of production as changes, by the webhook's ``type``. Pure.

https://vercel.com/docs/webhooks/webhooks-api
"""

from __future__ import annotations

from datetime import UTC, datetime

from core.inputs.hooks import HookContext, mapping, text
from core.models import Kind, Record
from core.models.inputs import Payload

STATES = {
    "deployment.succeeded": "ready",
    "deployment.ready": "ready",
    "deployment.promoted": "promoted",
    "deployment.rollback": "rolled back",
    "deployment.error": "failed",
    "deployment.canceled": "cancelled",
}


def read(payload: Payload, context: HookContext) -> list[Record]:
    body = mapping(payload.body)
    details, state = mapping(body.get("payload")), STATES.get(text(body.get("type")))
    deployment, meta = mapping(details.get("deployment")), mapping(mapping(details.get("deployment")).get("meta"))
    if not state or details.get("target") not in ("production", None) or not deployment.get("id"):
        return []
    if details.get("target") is None and state not in ("promoted", "rolled back"):
        return []  # a preview
    project = text(deployment.get("name")) or text(mapping(details.get("project")).get("name"))
    sha = text(meta.get("githubCommitSha"))
    return [
        Record(
            source="vercel",
            vendor_id=f"{text(deployment['id'])}:{state}",
            kind=Kind.CHANGE,
            at=datetime.fromtimestamp(body["createdAt"] / 1000, UTC),
            service=context.service_of_project(project),
            release=sha or None,
            level="error" if state == "failed" else "info",
            title=context.redact(f"Deployment of {project} {state}: {text(meta.get('githubCommitMessage'))}")[:300],
            url=text(mapping(details.get("links")).get("deployment")),
            attributes={"sha": sha, "deployment": text(deployment["id"]), "state": state, "project": project},
        )
    ]
