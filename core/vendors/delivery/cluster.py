"""The Kubernetes API, by the official Python client: Deployments with their ReplicaSets, and the Rollouts of Argo.

GET and PATCH /apis/apps/v1/namespaces/N/deployments/D, GET .../replicasets, GET and PATCH
/apis/argoproj.io/v1alpha1/namespaces/N/rollouts/R and .../status. Every change is a JSON patch, which the server
applies atomically. Responses are the API's plain JSON. The client is slow to load, so it is loaded with the first
cluster.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from urllib3 import Retry
from urllib3.exceptions import HTTPError

from core.vendors.base import FAULTS, Check, VendorError
from core.vendors.redact import Redactor

if TYPE_CHECKING:
    from kubernetes.client.exceptions import ApiException

NAME = "kubernetes"
ARGO = ("argoproj.io", "v1alpha1")
TIMEOUT = (5.0, 20.0)  # seconds to connect; seconds until a response
CHANGE = {"field_manager": "devops-intelligence-platform", "_content_type": "application/json-patch+json"}
DRY = {"dry_run": "All"}
PASSING = (408, 409, 429)  # a retry may help, as after any 5xx
Patch = list[dict[str, Any]]


class Cluster:
    """One cluster, accessed by one service account. Each call raises VendorError."""

    name = NAME

    def __init__(self, url: str, token: str, ca_file: str = ""):
        from kubernetes import client

        settings = client.Configuration(host=url.rstrip("/"))
        settings.api_key = {"authorization": f"Bearer {token}"}
        settings.ssl_ca_cert = ca_file or None
        retries = Retry(total=2, connect=2, read=0, redirect=0, status=0, backoff_factor=0.2)
        vars(settings)["retries"] = retries  # the client's type stubs allow only None
        api = client.ApiClient(settings)
        self.plain: Callable[[Any], Any] = api.sanitize_for_serialization
        self.apps, self.custom = client.AppsV1Api(api), client.CustomObjectsApi(api)
        self.version = client.VersionApi(api)
        self.redact = Redactor([token])

    def deployment(self, namespace: str, name: str) -> dict:
        return self._asked(self.apps.read_namespaced_deployment, name, namespace)

    def patch_deployment(self, namespace: str, name: str, patch: Patch, dry: bool = False) -> dict:
        more = CHANGE | (DRY if dry else {})
        return self._asked(self.apps.patch_namespaced_deployment, name, namespace, patch, **more)

    def replica_sets(self, namespace: str, selector: str) -> list[dict]:
        found = self._asked(self.apps.list_namespaced_replica_set, namespace, label_selector=selector)
        return found.get("items") or []

    def rollout(self, namespace: str, name: str) -> dict:
        return self._asked(self.custom.get_namespaced_custom_object, *ARGO, namespace, "rollouts", name)

    def patch_rollout(self, namespace: str, name: str, patch: Patch, dry: bool = False) -> dict:
        more = CHANGE | (DRY if dry else {})
        work = self.custom.patch_namespaced_custom_object
        return self._asked(work, *ARGO, namespace, "rollouts", name, patch, **more)

    def patch_rollout_status(self, namespace: str, name: str, patch: Patch) -> dict:
        work = self.custom.patch_namespaced_custom_object_status
        return self._asked(work, *ARGO, namespace, "rollouts", name, patch, **CHANGE)

    def check(self) -> Check:
        """Does the API respond? The token's rights are checked with the object of each delivery (see doctor)."""
        try:
            version = self._asked(self.version.get_code)
        except VendorError as error:
            return Check(False, error.message, "KUBERNETES_API_URL, KUBERNETES_TOKEN and KUBERNETES_CA_FILE")
        return Check(True, f"Kubernetes {version.get('gitVersion') or 'of an unknown version'} answers")

    def _asked(self, work: Callable[..., Any], *args: Any, **named: Any) -> dict:
        from kubernetes.client.exceptions import ApiException, OpenApiException

        try:
            found = self.plain(work(*args, **named, _request_timeout=TIMEOUT))
        except ApiException as error:
            raise self._fault(error) from None
        except (HTTPError, OpenApiException, *FAULTS) as error:
            message = f"did not answer as expected ({type(error).__name__}: {self.redact(str(error))[:200]})"
            raise VendorError(NAME, message) from None
        if not isinstance(found, dict):
            raise VendorError(NAME, f"returned JSON of an unexpected type ({type(found).__name__})")
        return found

    def _fault(self, error: ApiException) -> VendorError:
        status = int(error.status or 0)
        permanent = 0 < status < 500 and status not in PASSING
        message = f"answered {status} {error.reason or ''}".strip() + message_of(error.body)
        return VendorError(NAME, self.redact(message), permanent=permanent, status=status)


def message_of(body: Any) -> str:
    """The message of an API ``Status``; empty for any other body. Pure."""
    try:
        status = json.loads(body)
        return f": {str(status['message'])[:300]}"
    except FAULTS:
        return ""


def selector_of(labels: Sequence[tuple[str, str]]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels)
