"""Admission webhooks whose pods are simulated: an API server that asks them admits nothing, and can be told not to."""

from collections.abc import Generator
from typing import Any

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import WITHOUT_WEBHOOKS, ClusterAccess, embedded_cluster
from bedplate.embedded_cluster.cluster_api import ApiError
from cluster.objects_under_test import eventually

pytestmark = pytest.mark.enable_socket

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "asked-about", "namespace": "default"}}
DENIED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "denied", "namespace": "default"}}


def webhook(kind: str) -> dict[str, Any]:
    """As charts of operators bring them: before a Service behind which nothing answers."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "nobody-answers"},
        "webhooks": [
            {
                "name": "nobody.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "clientConfig": {"service": {"name": "nobody", "namespace": "default"}},
                "rules": [RULE],
            }
        ],
    }


POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "not-denied"},
    "spec": {
        "matchConstraints": {"resourceRules": [RULE]},
        "validations": [{"expression": "object.metadata.name != 'denied'"}],
    },
}
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "not-denied"},
    "spec": {"policyName": "not-denied", "validationActions": ["Deny"]},
}


@pytest.fixture(scope="module")
def unasking(programs: None) -> Generator[ApiServer]:
    with embedded_cluster(lambda _: None, WITHOUT_WEBHOOKS) as access:
        yield ApiServer(access)


def is_refused(api: ApiServer, body: dict[str, Any]) -> str:
    try:
        api.apply(body, is_dry_run=True)
    except ApiError as error:
        return error.reason
    return ""


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
class TestWebhooksWithoutAnswer:
    def test_keep_out_what_they_would_judge(self, cluster_access: ClusterAccess, kind: str) -> None:
        api = ApiServer(cluster_access)
        api.apply(webhook(kind))
        try:
            eventually(lambda: "failed calling webhook" in is_refused(api, CONFIG_MAP), "the webhook is asked")
        finally:
            api.delete(webhook(kind))
            eventually(lambda: not is_refused(api, CONFIG_MAP), "the webhook is not asked any more")

    def test_are_not_asked_on_a_cluster_without_them(self, unasking: ApiServer, kind: str) -> None:
        unasking.apply(webhook(kind))
        unasking.apply(POLICY)
        unasking.apply(BINDING)
        # Policies and webhooks are read at the same pace: once the one is heeded, the other would be.
        eventually(lambda: "ValidatingAdmissionPolicy 'not-denied'" in is_refused(unasking, DENIED), "policies hold")
        assert is_refused(unasking, CONFIG_MAP) == ""
