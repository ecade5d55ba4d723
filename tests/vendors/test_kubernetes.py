"""Kubernetes as a way to production, by the official client against a simulated API server that kubectl takes for one.

No real cluster is asked: what the simulator shows is the protocol, the patches and the reading of each status.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from starlette.responses import PlainTextResponse

from core.policy.services import Repository
from core.vendors.base import Deployed, VendorError
from core.vendors.delivery import argo, kubernetes
from core.vendors.delivery.argo import argo_state, paused_for_good
from core.vendors.delivery.cluster import Cluster
from core.vendors.delivery.kubernetes import KEY, by_hand, rollout_state, sha_of
from core.vendors.delivery.types import ReleaseOrder
from tests.real import need
from tests.vendors.kubernetes_api import TOKEN, KubernetesApi, fault
from tests.vendors.loopback import serving

SHA, OLD = "a" * 40, "b" * 40
IMAGE, BEFORE = f"registry.example/shop:{SHA}", f"registry.example/shop:{OLD}"
ORDER = ReleaseOrder("issue-1-production", SHA, previous=BEFORE)
KINDS = pytest.mark.parametrize("kind", ["deployment", "argo"])


@pytest.fixture
def api() -> KubernetesApi:
    return KubernetesApi(BEFORE)


@pytest.fixture
def url(api) -> Iterator[str]:
    with serving(api.app) as address:
        yield address


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(kubernetes, "POLL", 0.0)


def policy(kind: str = "deployment", **more) -> Repository:
    table = {"namespace": "prod", "deployment": "shop", "container": "web", "rollout": kind,
             "image": "registry.example/shop:{sha}"} | more  # fmt: skip
    return Repository(remote="https://git.example/shop.git", delivery="kubernetes", kubernetes=table)


def way(url: str, kind: str = "deployment", token: str = TOKEN, **more):
    return argo.delivery(Cluster(url, token), policy(kind, **more))


def finished(made, order=ORDER) -> Deployed:
    found = made.promote(order)
    while found.state in ("QUEUED", "BUILDING"):
        found = made.promote(order)
    return found


def patches(api: KubernetesApi) -> list[tuple[str, list]]:
    return [(path, json.loads(body)) for method, path, _, body in api.sent if method == "PATCH"]


@KINDS
def test_an_image_is_set_once_with_its_key_and_followed(api, url, kind):
    made = way(url, kind)
    before = made.production()
    assert (before.vendor_id, before.sha, before.state) == (BEFORE, OLD, "READY") and before.since
    assert made.promote(ORDER).state in ("QUEUED", "BUILDING")
    assert (live := finished(made)).state == "READY" and (live.vendor_id, live.sha) == (IMAGE, SHA)
    ((path, patch),) = patches(api)
    assert path.endswith("/namespaces/prod/deployments/shop" if kind == "deployment" else "/prod/rollouts/shop")
    assert patch[:2] == [
        {"op": "test", "path": "/spec/template/spec/containers/0/name", "value": "web"},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": IMAGE},
    ]
    assert made.serve(live).vendor_id == IMAGE
    assert [one.vendor_id for one in made.with_key(ORDER)] == [IMAGE]
    assert made.with_key(ReleaseOrder("another", SHA)) == []


@KINDS
def test_a_rollout_that_fails_is_an_error_and_is_rolled_back(api, url, kind):
    api.bad.add(IMAGE)
    made = way(url, kind)
    assert finished(made).state == "ERROR"
    assert made.rollback(ORDER).state == "READY"
    assert made.production().vendor_id == BEFORE
    count = len(patches(api))
    made.rollback(ORDER)
    assert len(patches(api)) == count, "what is back already is not patched again"


def test_a_rollback_puts_the_earlier_replica_set_back(api, url):
    made, first = way(url), api.sets[0]["metadata"]["name"]
    finished(made)
    made.rollback(ORDER)
    newest = max((s for s in api.sets if s["owner"] == "deployments"),
                 key=lambda s: int(s["metadata"]["annotations"]["deployment.kubernetes.io/revision"]))  # fmt: skip
    assert newest["metadata"]["name"] == first, "the template is the earlier one to the letter"


def test_without_the_earlier_replica_set_its_image_is_set(api, url):
    made = way(url)
    finished(made)
    api.sets[:] = [s for s in api.sets if s["spec"]["template"]["spec"]["containers"][0]["image"] != BEFORE]
    assert made.rollback(ORDER).state == "READY" and made.production().vendor_id == BEFORE


def test_a_canary_that_pauses_for_good_is_promoted(api, url):
    api.objects["rollouts", "shop"]["spec"]["strategy"]["canary"]["steps"] = [{"pause": {}}]
    assert finished(way(url, "argo")).state == "READY"
    path, patch = patches(api)[-1]
    assert path.endswith("/rollouts/shop/status") and patch == [{"op": "remove", "path": "/status/pauseConditions"}]


def test_a_canary_under_way_is_aborted_before_it_is_rolled_back(api, url):
    api.objects["rollouts", "shop"]["spec"]["strategy"]["canary"]["steps"] = [{"pause": {"duration": "1h"}}]
    made = way(url, "argo")
    for _ in range(4):
        assert made.promote(ORDER).state in ("QUEUED", "BUILDING"), "a pause with a duration ends by itself"
    made.cancel(Deployed(IMAGE, "", "BUILDING", SHA))
    assert patches(api)[-1] == (
        "/apis/argoproj.io/v1alpha1/namespaces/prod/rollouts/shop/status",
        [{"op": "add", "path": "/status/abort", "value": True}],
    )
    api.objects["rollouts", "shop"]["spec"]["strategy"]["canary"]["steps"] = []
    assert made.rollback(ORDER).vendor_id == BEFORE


def test_what_somebody_else_rolled_out_is_left_to_them(api, url):
    made = way(url)
    finished(made)
    other = ReleaseOrder("team", "c" * 40)
    finished(made, other)
    again = made.promote(ReleaseOrder(ORDER.key, SHA, vendor_id=IMAGE, previous=BEFORE))
    assert again.vendor_id.endswith("c" * 40)
    with pytest.raises(VendorError, match="and not"):
        made.serve(Deployed(IMAGE, "", "READY", SHA))


def test_containers_that_have_changed_meanwhile_are_not_patched(api, url, monkeypatch):
    made = way(url)
    found = made._read()
    template = api.objects["deployments", "shop"]["spec"]["template"]
    template["spec"]["containers"].reverse()
    monkeypatch.setattr(made, "_read", lambda: found)
    with pytest.raises(VendorError, match="422"):
        made.promote(ORDER)
    assert [one["image"] for one in template["spec"]["containers"]] == ["envoy:1", BEFORE]


# --- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        (fault(401, "Unauthorized", "Unauthorized"), True),
        (fault(403, "Forbidden", "cannot patch"), True),
        (fault(404, "NotFound", "gone"), True),
        (fault(409, "Conflict", "modified"), False),
        (fault(429, "TooManyRequests", "slow down"), False),
        (fault(500, "InternalError", "etcd"), False),
        (PlainTextResponse("<html>"), False),
        (PlainTextResponse("[]", media_type="application/json"), False),
    ],
)
@KINDS
def test_each_fault_is_said(api, url, kind, answer, permanent):
    api.faults["/namespaces/"] = answer
    made = way(url, kind)
    for call in (made.production, lambda: made.promote(ORDER), lambda: made.rollback(ORDER)):
        with pytest.raises(VendorError) as caught:
            call()
        assert caught.value.permanent is permanent
    assert not made.check().ok and "KUBERNETES_TOKEN" in made.check().fix
    assert patches(api) == []


def test_a_server_that_is_away_or_slow_can_be_asked_again(monkeypatch):
    monkeypatch.setattr("core.vendors.delivery.cluster.TIMEOUT", (0.2, 0.2))
    with pytest.raises(VendorError) as caught:
        way("http://127.0.0.1:1").production()
    assert not caught.value.permanent


def test_the_token_is_in_no_message(url):
    secret = "eyJ-a-wrong-secret-token"
    with pytest.raises(VendorError) as caught:
        way(url, token=secret).production()
    assert caught.value.status == 401 and secret not in str(caught.value)


def test_the_self_check_asks_for_the_right_to_patch_and_changes_nothing(api, url):
    before = json.dumps(api.objects["deployments", "shop"]["spec"])
    assert way(url).check().ok
    assert json.dumps(api.objects["deployments", "shop"]["spec"]) == before
    api.faults["PATCH"] = fault(403, "Forbidden", "cannot patch resource deployments")
    assert "cannot patch" in way(url).check().message


def test_the_cluster_says_its_version(url):
    assert Cluster(url, TOKEN).check().message == "Kubernetes v1.32.0 answers"
    found = Cluster("http://127.0.0.1:1", TOKEN).check()
    assert not found.ok and "KUBERNETES_API_URL" in found.fix


# --- reading --------------------------------------------------------------------------------------------


def deployment(generation=2, observed=2, wanted=3, total=3, updated=3, up=3, **spec) -> dict:
    status = {"observedGeneration": observed, "replicas": total, "updatedReplicas": updated, "availableReplicas": up}
    return {"metadata": {"generation": generation}, "spec": {"replicas": wanted, **spec}, "status": status}


@pytest.mark.parametrize(
    ("found", "state", "words"),
    [
        (deployment(), "READY", ""),
        (deployment(observed=1), "QUEUED", "not seen"),
        (deployment(updated=1), "BUILDING", "1 of 3 pods"),
        (deployment(total=4), "BUILDING", "1 old pods"),
        (deployment(up=2), "BUILDING", "2 of 3 updated"),
        (deployment(paused=True), "WAITING", "paused"),
        ({"metadata": {"generation": 1}, "spec": {}}, "QUEUED", "not seen"),
    ],
)
def test_a_deployment_is_read_as_kubectl_reads_it(found, state, words):
    told = rollout_state(found)
    assert told[0] == state and words in told[1]


def test_a_rollout_is_read_by_its_phase():
    for phase, state in (("Healthy", "READY"), ("Degraded", "ERROR"), ("Paused", "BUILDING"), ("x", "BUILDING")):
        found = {"metadata": {"generation": 4}, "spec": {}, "status": {"observedGeneration": "4", "phase": phase}}
        assert argo_state(found)[0] == state
    assert argo_state({"metadata": {"generation": 4}, "spec": {}})[0] == "QUEUED"


@pytest.mark.parametrize(
    ("step", "reason", "told"),
    [
        ({"pause": {}}, "CanaryPauseStep", True),
        ({"pause": None}, "CanaryPauseStep", True),
        ({"pause": {"duration": 60}}, "CanaryPauseStep", False),
        ({"setWeight": 20}, "CanaryPauseStep", False),
        ({"pause": {}}, "InconclusiveAnalysisRun", False),
        ({"setWeight": 20}, "BlueGreenPause", True),
    ],
)
def test_only_a_pause_without_a_duration_is_promoted(step, reason, told):
    found = {"spec": {"strategy": {"canary": {"steps": [step]}}}, "status": {"pauseConditions": [{"reason": reason}]}}
    assert paused_for_good(found) is told


@pytest.mark.parametrize(("image", "sha"), [(IMAGE, SHA), ("other:1", ""), ("registry.example/shop:latest", "")])
def test_the_commit_of_an_image(image, sha):
    assert sha_of(image, "registry.example/shop:{sha}") == sha


def test_a_pod_of_several_containers_needs_a_name(url):
    with pytest.raises(VendorError, match="several containers"):
        way(url, container="").production()


def test_the_command_by_hand():
    said = f"kubectl set image deployment/shop web={BEFORE} --namespace prod"
    assert by_hand(policy(), ORDER) == said
    assert by_hand(policy("argo"), ORDER).startswith("kubectl argo rollouts set image shop web=")


# --- kubectl as the judge of the simulator ------------------------------------------------------------


def kubectl(url: str, *args: str, folder) -> str:
    argv = [need("kubectl"), "--server", url, "--namespace", "prod", "--cache-dir", str(folder), *args]
    env = {"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kubectl_takes_the_simulator_for_an_api_server(api, url, tmp_path):
    made, api.anonymous = way(url), True
    template = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl(url, "get", "deployment", "shop", "-o", template, folder=tmp_path) == BEFORE
    made.promote(ORDER)
    assert "successfully rolled out" in kubectl(url, "rollout", "status", "deployment/shop", folder=tmp_path)
    assert kubectl(url, "get", "deployment", "shop", "-o", template, folder=tmp_path) == IMAGE
    key = f"jsonpath={{.spec.template.metadata.annotations.{KEY.replace('.', chr(92) + '.')}}}"
    assert kubectl(url, "get", "deployment", "shop", "-o", key, folder=tmp_path) == ORDER.key
    assert "rolled back" in kubectl(url, "rollout", "undo", "deployment/shop", folder=tmp_path)
    assert made.production().vendor_id == BEFORE, "kubectl's undo and the platform's lead to the same"
    kubectl(url, "set", "image", "deployment/shop", f"web={IMAGE}", folder=tmp_path)
    assert made.production().vendor_id == IMAGE


def test_kubectl_and_the_platform_agree_on_a_rollout_that_failed(api, url, tmp_path):
    api.anonymous = True
    api.bad.add(IMAGE)
    assert finished(way(url)).state == "ERROR"
    with pytest.raises(AssertionError, match="exceeded its progress deadline"):
        kubectl(url, "rollout", "status", "deployment/shop", folder=tmp_path)


@pytest.mark.parametrize("metadata", [None, {}, {"annotations": None}, {"annotations": {KEY: "k"}}])
def test_a_template_may_have_no_annotations(metadata):
    expected = "k" if metadata and metadata.get("annotations") else ""
    assert kubernetes.key_of({"spec": {"template": {"metadata": metadata}}}) == expected
