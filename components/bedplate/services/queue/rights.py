"""What the two controllers may do through the Kubernetes API.

Upstream's rights (https://github.com/kubernetes-sigs/kueue/blob/v0.19.2/charts/kueue/templates/rbac/role.yaml,
https://github.com/kubernetes-sigs/jobset/blob/v0.12.0/charts/jobset/templates/rbac/role.yaml), less those for kinds
that are not queued here (deployments, Ray, Spark, Kubeflow), less everything that JobSet would do to Services,
claims and pods: a training brings its own, and places no pod by where others are.
"""

from collections.abc import Iterator, Sequence

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import QUEUE_NAMESPACE
from bedplate.services.queue.controllers import JOBSET, KUEUE, Controller, certificate_secret

_READ = ["get", "list", "watch"]
_QUEUES, _SETS = "kueue.x-k8s.io", "jobset.x-k8s.io"
CONVERTED = ("clusterqueues", "cohorts", "localqueues", "multikueueclusters", "workloads")
"""Kinds in whose definitions Kueue writes what vouches for its certificate."""


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], **names: Sequence[str]) -> Manifest:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs), **names}


def _of_webhooks(name: str) -> list[Manifest]:
    group, kinds = "admissionregistration.k8s.io", ("mutating", "validating")
    return [
        _rule(group, [f"{kind}webhookconfigurations" for kind in kinds], ["list", "watch"]),
        *(
            _rule(
                group,
                [f"{kind}webhookconfigurations"],
                ["get", "update"],
                resourceNames=[f"{name}-{kind}-webhook-configuration"],
            )
            for kind in kinds
        ),
    ]


_OF_METRICS = [
    _rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
    _rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
]
"""Who reads their metrics must show who he is."""
_OF_EVENTS = [_rule("", ["events"], ["create", "patch"]), _rule("events.k8s.io", ["events"], ["create", "patch"])]
CLUSTER_RULES: dict[str, list[Manifest]] = {
    JOBSET: [
        _rule(_SETS, ["jobsets"], [*_READ, "patch", "update", "delete"]),
        _rule(_SETS, ["jobsets/finalizers", "jobsets/status"], ["get", "patch", "update"]),
        _rule("batch", ["jobs"], [*_READ, "create", "patch", "update", "delete"]),
        _rule("batch", ["jobs/status"], ["get", "patch", "update"]),
        _rule("", ["nodes", "persistentvolumeclaims", "pods", "services"], _READ),
        *_OF_EVENTS,
        *_of_webhooks(JOBSET),
        *_OF_METRICS,
    ],
    KUEUE: [
        _rule(_QUEUES, ["clusterqueues", "resourceflavors", "admissionchecks", "topologies"], [*_READ, "update"]),
        _rule(
            _QUEUES,
            [f"{kind}/finalizers" for kind in ("clusterqueues", "resourceflavors", "admissionchecks", "topologies")],
            ["update"],
        ),
        _rule(
            _QUEUES,
            [
                *("cohorts", "localqueues", "multikueueclusters", "multikueueconfigs"),
                *("provisioningrequestconfigs", "workloadpriorityclasses"),
            ],
            _READ,
        ),
        _rule(_QUEUES, ["workloads"], [*_READ, "create", "delete", "patch", "update"]),
        _rule(_QUEUES, ["workloads/finalizers"], ["update"]),
        _rule(
            _QUEUES,
            [
                f"{kind}/status"
                for kind in (
                    *("admissionchecks", "clusterqueues", "cohorts", "localqueues", "multikueueclusters", "workloads"),
                )
            ],
            ["get", "patch", "update"],
        ),
        _rule("batch", ["jobs"], [*_READ, "patch", "update"]),
        _rule("batch", ["jobs/finalizers", "jobs/status"], ["get", "patch", "update"]),
        _rule(_SETS, ["jobsets"], [*_READ, "patch", "update"]),
        _rule(_SETS, ["jobsets/finalizers", "jobsets/status"], ["get", "patch", "update"]),
        _rule("", ["limitranges", "namespaces", "nodes", "pods"], _READ),
        _rule("", ["pods/status"], ["get", "patch"]),
        _rule("", ["podtemplates"], _READ),
        _rule("node.k8s.io", ["runtimeclasses"], _READ),
        _rule("scheduling.k8s.io", ["priorityclasses"], _READ),
        _rule(
            "resource.k8s.io", ["deviceclasses", "resourceclaims", "resourceclaimtemplates", "resourceslices"], _READ
        ),
        _rule("apiextensions.k8s.io", ["customresourcedefinitions"], ["list", "watch"]),
        _rule(
            "apiextensions.k8s.io",
            ["customresourcedefinitions"],
            ["get", "update"],
            resourceNames=[f"{plural}.{_QUEUES}" for plural in CONVERTED],
        ),
        *_OF_EVENTS,
        *_of_webhooks(KUEUE),
        *_OF_METRICS,
    ],
}
"""In every namespace, by controller."""


def own_rules(name: str) -> list[Manifest]:
    """In its own namespace. A name cannot be demanded of what is being created
    (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources)."""
    return [
        _rule("coordination.k8s.io", ["leases"], ["create"]),
        _rule("coordination.k8s.io", ["leases"], ["get", "patch", "update"], resourceNames=[name]),
        # It looks for its certificate by watching the namespace's Secrets, which are those two.
        _rule("", ["secrets"], ["list", "watch"]),
        _rule("", ["secrets"], ["get", "update"], resourceNames=[certificate_secret(name)]),
    ]


def rights(controller: Controller) -> Iterator[tuple[str, Manifest]]:
    """A role in the cluster and one in its own namespace, each with its binding, by suffixes of resource names."""
    group, name = "rbac.authorization.k8s.io", controller.name
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": QUEUE_NAMESPACE}]
    for suffix, kind, rules, namespace in (
        ("cluster-role", "ClusterRole", CLUSTER_RULES[name], None),
        ("role", "Role", own_rules(name), QUEUE_NAMESPACE),
    ):
        named = f"bedplate-{name}"
        yield suffix, manifest(f"{group}/v1", kind, named, controller.identity, namespace=namespace, rules=rules)
        yield (
            f"{suffix}-binding",
            manifest(
                f"{group}/v1",
                f"{kind}Binding",
                named,
                controller.identity,
                namespace=namespace,
                roleRef={"apiGroup": group, "kind": kind, "name": named},
                subjects=subjects,
            ),
        )
