"""What the API server asks the two controllers, and about what: jobs of tenants, and nothing else.

Upstream's webhooks judge jobs, deployments and pods of every namespace, so that a controller that is down keeps the
whole cluster from starting anything. These judge Jobs, JobSets and Workloads in namespaces of tenants alone. Queues are
the platform's own, and what they may be its tests say. While a controller is down, new jobs are refused and what runs
goes on.
"""

from collections.abc import Iterator, Sequence

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import QUEUE_NAMESPACE, TENANT
from bedplate.services.queue.controllers import JOBSET, KUEUE, Controller, webhook_service

_SECONDS = 10
_MUTATING, _VALIDATING = "mutating", "validating"
_ASKED: dict[str, dict[str, Sequence[tuple[str, str, Sequence[str]]]]] = {
    JOBSET: {
        _MUTATING: [("jobset.x-k8s.io", "v1alpha2", ["jobsets"])],
        _VALIDATING: [("jobset.x-k8s.io", "v1alpha2", ["jobsets"])],
    },
    KUEUE: {
        _MUTATING: [
            ("batch", "v1", ["jobs"]),
            ("jobset.x-k8s.io", "v1alpha2", ["jobsets"]),
            ("kueue.x-k8s.io", "v1beta2", ["workloads"]),
        ],
        _VALIDATING: [
            ("batch", "v1", ["jobs"]),
            ("jobset.x-k8s.io", "v1alpha2", ["jobsets"]),
            ("kueue.x-k8s.io", "v1beta2", ["workloads", "workloads/status"]),
        ],
    },
}
"""By controller and form: group, version and resources.
https://github.com/kubernetes-sigs/kueue/blob/v0.19.2/config/components/webhook/manifests.yaml,
https://github.com/kubernetes-sigs/jobset/blob/v0.12.0/charts/jobset/templates/webhook/manifests.yaml"""


def webhooks(controller: Controller) -> Iterator[tuple[str, Manifest]]:
    """Its two configurations, by suffixes of resource names. It finds them by their names, and writes into them what
    vouches for its certificate."""
    for form, asked in _ASKED[controller.name].items():
        yield (
            f"{form}-webhooks",
            manifest(
                "admissionregistration.k8s.io/v1",
                f"{form.capitalize()}WebhookConfiguration",
                f"{controller.name}-{form}-webhook-configuration",
                controller.identity,
                webhooks=[_webhook(controller.name, form, *about) for about in asked],
            ),
        )


def _webhook(name: str, form: str, group: str, version: str, resources: Sequence[str]) -> Manifest:
    kind = resources[0].removesuffix("s")
    verb = {_MUTATING: "mutate", _VALIDATING: "validate"}[form]
    operations = ["CREATE"] if form == _MUTATING else ["CREATE", "UPDATE"]
    service = {
        "name": webhook_service(name),
        "namespace": QUEUE_NAMESPACE,
        "path": f"/{verb}-{group.replace('.', '-')}-{version}-{kind}",
    }
    return {
        "name": f"{form[0]}{kind}.{name}.bedplate.dev",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": _SECONDS,
        "namespaceSelector": {"matchExpressions": [{"key": TENANT, "operator": "Exists"}]},
        "rules": [
            {
                "apiGroups": [group],
                "apiVersions": [version],
                "operations": operations,
                "resources": list(resources),
                "scope": "Namespaced",
            }
        ],
    }
