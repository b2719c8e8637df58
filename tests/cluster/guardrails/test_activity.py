"""What a member may say of what is stopped while nobody uses it, and nothing else of it."""

from collections.abc import Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi
from cluster.guardrails.guarded import MEMBERS
from cluster.objects_under_test import eventually
from cluster.waker_under_test import rights

pytestmark = pytest.mark.enable_socket

ALICE = {"Impersonate-User": "alice@example.com", "Impersonate-Group": f"ml-{MEMBERS}"}
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OBJECTS = f"/apis/keda.sh/v1alpha1/namespaces/{MEMBERS}/scaledobjects"
WAKER = {"Impersonate-User": "system:serviceaccount:bedplate-idle:waker"}
KEEP, START, WOKEN = "bedplate.dev/keep-until", "bedplate.dev/start-at", "bedplate.dev/woken-at"
STOP, FORCE = "autoscaling.keda.sh/paused-replicas", "autoscaling.keda.sh/force-activation"
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "names": {"kind": "ScaledObject", "plural": "scaledobjects"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def calls(api: ApiServer, cluster_access: ClusterAccess) -> Generator[ClusterApi]:
    """With a ScaledObject in Alice's tenant; the definition is a stand-in, of which policies see the same."""
    assert api.objects("v1", "Namespace")
    calls = ClusterApi(cluster_access.kubeconfig, cluster_access.context)
    calls.call("post", DEFINITIONS, body=DEFINITION)
    body = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "notebook", "namespace": MEMBERS, "annotations": {"bedplate.dev/gpus": "4"}},
        "spec": {"minReplicaCount": 0, "maxReplicaCount": 1},
    }

    def made() -> bool:
        try:
            calls.call("post", OBJECTS, body=body)
        except ApiError:
            return False
        return True

    eventually(made, "the kind is served")
    # The kind is known to policies a moment later than it is served.
    eventually(lambda: told(calls, spec={"maxReplicaCount": 9}), "the policy is enforced")
    yield calls
    calls.call("delete", f"{DEFINITIONS}/scaledobjects.keda.sh")


def told(
    calls: ClusterApi,
    annotations: dict[str, str | None] | None = None,
    headers: dict[str, str] | None = None,
    **rest: Any,
) -> str:
    """Why it may not be changed so; empty if it may."""
    metadata = {"annotations": annotations} if annotations else {}
    body = {**rest, "metadata": {**metadata, **rest.get("metadata", {})}}
    try:
        calls.call(
            "patch",
            f"{OBJECTS}/notebook",
            body=body,
            headers={**(ALICE if headers is None else headers), "Content-Type": "application/merge-patch+json"},
        )
    except ApiError as error:
        return error.reason
    return ""


class TestAMember:
    def test_keeps_starts_and_stops_it_and_takes_it_back(self, calls: ClusterApi) -> None:
        assert told(calls, {KEEP: "2026-12-01T18:00:00Z"}) == ""
        assert told(calls, {START: "2026-11-28T08:00:00Z", STOP: "0"}) == ""
        assert told(calls, {KEEP: None, START: None, STOP: None}) == ""

    @pytest.mark.parametrize("value", ["tomorrow", "2026-12-01", "2026-12-01T18:00:00+02:00", "1e300", ""])
    def test_says_a_time_where_one_is_due(self, calls: ClusterApi, value: str) -> None:
        assert "must be a time in UTC" in told(calls, {KEEP: value})
        assert "must be a time in UTC" in told(calls, {START: value})

    @pytest.mark.parametrize("value", ["1", "5", ""])
    def test_may_not_hold_it_up_by_pausing_it(self, calls: ClusterApi, value: str) -> None:
        assert 'may be "0"' in told(calls, {STOP: value})

    @pytest.mark.parametrize(
        "annotation",
        [
            *(FORCE, WOKEN, "autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-scale-in"),
            *("bedplate.dev/idle-timeout-minutes", "bedplate.dev/route", "bedplate.dev/gpus"),
        ],
    )
    def test_may_not_change_another_annotation(self, calls: ClusterApi, annotation: str) -> None:
        assert "only the annotations" in told(calls, {annotation: "0"})

    def test_may_not_take_away_an_annotation_of_the_platform(self, calls: ClusterApi) -> None:
        assert "only the annotations" in told(calls, {"bedplate.dev/gpus": None})

    def test_may_change_nothing_else(self, calls: ClusterApi) -> None:
        for field in ("maxReplicaCount", "initialCooldownPeriod"):
            assert "only the annotations" in told(calls, spec={field: 7})
        assert "only the annotations" in told(calls, metadata={"labels": {"bedplate.dev/tenant": "other"}})
        assert "only the annotations" in told(calls, metadata={"finalizers": ["example.com/stays"]})

    def test_may_neither_make_nor_delete_one(self, calls: ClusterApi) -> None:
        for method, path in (("delete", f"{OBJECTS}/notebook"), ("post", OBJECTS), ("put", f"{OBJECTS}/notebook")):
            body = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "notebook"}}
            with pytest.raises(ApiError, match="forbidden"):
                calls.call(method, path, body=body, headers=ALICE)


@pytest.fixture
def _rights_of_the_waker(api: ApiServer, calls: ClusterApi) -> Generator[None]:
    granted = [body for body in rights() if body["kind"] in ("ClusterRole", "ClusterRoleBinding")]
    for body in granted:
        api.apply(body)
    eventually(lambda: told(calls, {FORCE: None}, headers=WAKER) == "", "that it may")
    yield
    for body in granted:
        api.delete(body)


@pytest.mark.usefixtures("_rights_of_the_waker")
class TestTheWaker:
    """With the rights that the platform grants it."""

    def test_forces_it_and_takes_it_back(self, calls: ClusterApi) -> None:
        at = "2026-12-01T18:00:00Z"
        assert told(calls, {FORCE: "true", WOKEN: at}, headers=WAKER, spec={"initialCooldownPeriod": 1}) == ""
        assert told(calls, {FORCE: None, WOKEN: None}, headers=WAKER, spec={"initialCooldownPeriod": None}) == ""

    def test_may_change_nothing_else(self, calls: ClusterApi) -> None:
        for annotation in (KEEP, START, STOP, "bedplate.dev/gpus"):
            assert "are yours to change" in told(calls, {annotation: "0"}, headers=WAKER)
        for field in ("maxReplicaCount", "minReplicaCount", "pollingInterval", "cooldownPeriod"):
            assert "are yours to change" in told(calls, spec={field: 7}, headers=WAKER)
        assert "are yours to change" in told(calls, metadata={"labels": {"bedplate.dev/tenant": "x"}}, headers=WAKER)

    def test_may_make_and_delete_none_and_scale_nothing_itself(self, calls: ClusterApi) -> None:
        scale = f"/apis/apps/v1/namespaces/{MEMBERS}/statefulsets/notebook/scale"
        for method, path in (("delete", f"{OBJECTS}/notebook"), ("post", OBJECTS), ("patch", scale)):
            body = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "notebook"}}
            form = {"Content-Type": "application/merge-patch+json"} if method == "patch" else {}
            with pytest.raises(ApiError, match="forbidden"):
                calls.call(method, path, body=body, headers={**WAKER, **form})


class TestWhoRunsIt:
    def test_is_not_held(self, calls: ClusterApi) -> None:
        assert told(calls, {FORCE: "true"}, headers={}, spec={"maxReplicaCount": 2}) == ""
        assert told(calls, {FORCE: None}, headers={}) == ""
