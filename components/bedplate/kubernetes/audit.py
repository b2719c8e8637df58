"""What an API server writes into its audit log: who did what, when, with which resources; no secret, and no noise.

Owns the policy as data, for clusters whose API server somebody configures; the clouds' are fixed. The first rule that
matches decides (https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/). Bodies are written of what is launched
and of what decides about rights; never of Secrets, ConfigMaps and requests that carry tokens.
"""

from typing import Any

Rule = dict[str, Any]


def _of(group: str, *resources: str) -> dict[str, Any]:
    return {"group": group, "resources": list(resources)}


def _rule(level: str, *resources: dict[str, Any], **match: Any) -> Rule:
    return {"level": level, **({"resources": list(resources)} if resources else {}), **match}


_CHANGES = ["create", "update", "patch", "delete", "deletecollection"]
_READS = ["get", "list"]
_MACHINERY = [
    *("system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy"),
    "system:volume-scheduler",
]
_LAUNCHED = (
    _of("", "pods", "replicationcontrollers"),
    _of("apps", "daemonsets", "deployments", "deployments/scale", "statefulsets", "statefulsets/scale"),
    _of("batch", "cronjobs", "jobs"),
    _of("jobset.x-k8s.io", "jobsets"),
    _of("keda.sh", "scaledobjects"),
)
_DECIDING = (
    _of("", "limitranges", "namespaces", "persistentvolumeclaims", "resourcequotas", "serviceaccounts", "services"),
    _of("admissionregistration.k8s.io"),
    _of("apiextensions.k8s.io"),
    _of("external-secrets.io", "clustersecretstores", "externalsecrets", "pushsecrets", "secretstores"),
    _of("kueue.x-k8s.io", "clusterqueues", "cohorts", "localqueues", "resourceflavors"),
    _of("networking.k8s.io"),
    _of("policy"),
    _of("rbac.authorization.k8s.io"),
    _of("traefik.io"),
)
AUDIT_POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        # Machinery that watches and lists everything, Secrets included, when it starts and all day long.
        _rule("None", users=_MACHINERY, verbs=[*_READS, "watch"]),
        _rule("None", userGroups=["system:nodes", "system:serviceaccounts:kube-system"], verbs=["watch"]),
        # Who read which secret, by whatever way, and who made a token of whom: never what was in it.
        _rule("Metadata", _of("", "secrets", "serviceaccounts/token")),
        # Requests with tokens in them, thousands an hour.
        _rule(
            "None", _of("authentication.k8s.io", "tokenreviews"), _of("authorization.k8s.io", "subjectaccessreviews")
        ),
        # Who was somebody, and what he asked whether he might.
        _rule("Metadata", _of("authentication.k8s.io"), _of("authorization.k8s.io")),
        # Commands in pods, ways into them, and reading what they print.
        _rule(
            "Metadata",
            _of(
                "",
                *("pods/attach", "pods/ephemeralcontainers", "pods/exec", "pods/log", "pods/portforward", "pods/proxy"),
                *("nodes/proxy", "services/proxy"),
            ),
        ),
        # Noise: that something lives, what it reports of itself, what follows from something else that is written.
        _rule(
            "None", nonResourceURLs=["/api*", "/healthz*", "/livez*", "/metrics*", "/openapi*", "/readyz*", "/version"]
        ),
        _rule(
            "None",
            _of(
                "",
                "bindings",
                "componentstatuses",
                "endpoints",
                "events",
                "nodes/status",
                "pods/binding",
                "pods/status",
            ),
            _of("coordination.k8s.io"),
            _of("discovery.k8s.io"),
            _of("events.k8s.io"),
            _of("metrics.k8s.io"),
        ),
        _rule(
            "None",
            _of("", "*/status"),
            _of("apps", "*/status"),
            _of("autoscaling", "*/status"),
            _of("batch", "*/status"),
        ),
        _rule("None", _of("apps", "controllerrevisions", "replicasets"), users=_MACHINERY),
        _rule("None", verbs=["watch"]),
        # Who launched what, with which resources. Pods that are replaced all day are their owner's doing.
        _rule("Request", *_LAUNCHED, verbs=["create", "update", "patch"]),
        _rule("Metadata", *_LAUNCHED, verbs=["delete", "deletecollection"]),
        # Who may do what, and what bounds it.
        _rule("Request", *_DECIDING, verbs=_CHANGES),
        # What else was changed, without what is in it; reading leaves no trace but where it is said above.
        _rule("Metadata", verbs=_CHANGES),
        _rule("None"),
    ],
}
"""https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-Policy"""
