"""What the guardrails see, and how they measure it, as CEL.

Owns the kinds that are matched, where each of them holds its pods, who may make a pod that is not judged again, and the
size of a pod. CEL of Kubernetes: https://kubernetes.io/docs/reference/using-api/cel/. Nothing here needs more than the
libraries of Kubernetes 1.33, because expressions of a new object may use only what the minor before knew
(https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries).
"""

from bedplate.kubernetes import Manifest
from bedplate.labels import GPU_RESOURCE

DEFAULT_CPU = "500m"
DEFAULT_MEMORY = "1Gi"
DEFAULT_DISK = "2Gi"
"""What the tenants' LimitRange gives a container that states nothing; a test compares the two."""

POD_KINDS: list[Manifest] = [
    {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["pods", "pods/ephemeralcontainers", "pods/resize", "podtemplates", "replicationcontrollers"],
    },
    {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "resources": ["daemonsets", "deployments", "replicasets", "statefulsets"],
    },
    {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["cronjobs", "jobs"]},
    # Its operator makes Jobs, and a Job that is denied shows nothing at the JobSet: neither condition nor event.
    {"apiGroups": ["jobset.x-k8s.io"], "apiVersions": ["*"], "resources": ["jobsets"]},
]
"""Everything that holds a pod template and that people make. A kind that the cluster does not know matches nothing.
Pods that other operators make (Ray, Spark, Argo, notebooks) are judged themselves, like bare pods."""
BATCH_KINDS: list[Manifest] = [
    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]},
    *POD_KINDS[2:],
]
OWNED_KINDS: list[Manifest] = [
    *POD_KINDS,
    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["persistentvolumeclaims", "services"]},
]

_JUDGED = {
    "Pod": (
        "apps/v1 DaemonSet", "apps/v1 ReplicaSet", "apps/v1 StatefulSet", "batch/v1 Job", "v1 ReplicationController",
    ),
    "Job": ("jobset.x-k8s.io/v1alpha2 JobSet",),
}  # fmt: skip
"""Kind → owners that were judged with the template that they make it of."""
_MAKERS = "system:serviceaccount:"
BY_A_CONTROLLER = (
    "(request.userInfo.username == 'system:kube-controller-manager' || "
    f"(request.userInfo.username.startsWith('{_MAKERS}') && "
    f"!request.userInfo.username.startsWith('{_MAKERS}' + request.namespace + ':')))"
)
"""CEL: whether who asks is no person, nor a program of the tenant. What makes Jobs of a JobSet runs in the cluster,
outside of the tenant. Members create Jobs, and write into them what they like."""


def templates(root: str) -> str:
    """CEL: the pod templates of an object, whatever its kind. root: `object` or `oldObject`."""
    any_kind = f"dyn({root})"
    return (
        f"({root}.kind == 'Pod' ? [{any_kind}] : {root}.kind == 'CronJob' ? "
        f"[{any_kind}.spec.jobTemplate.spec.template] : "
        f"{root}.kind == 'PodTemplate' ? [{any_kind}.template] : {root}.kind == 'JobSet' ? "
        f"{any_kind}.spec.?replicatedJobs.orValue([]).map(r, r.template.spec.template) : "
        f"{any_kind}.?spec.?template.hasValue() ? [{any_kind}.spec.template] : [])"
    )


def jobs(root: str) -> str:
    """CEL: what carries run time limits: the job of a Job or CronJob, those of a JobSet, or the bare pod itself."""
    any_kind = f"dyn({root})"
    return (
        f"({root}.kind == 'CronJob' ? [{any_kind}.spec.jobTemplate.spec] : {root}.kind == 'JobSet' ? "
        f"{any_kind}.spec.?replicatedJobs.orValue([]).map(r, r.template.spec) : [{any_kind}.spec])"
    )


def _places() -> str:
    """CEL: whatever has labels in an object, by where it stands: the object, what it makes, and what those make."""

    def place(at: str, metadata: str) -> str:
        return f"{{'at': dyn('{at}'), 'labels': dyn({metadata}.?labels.orValue({{}}))}}"

    inner = place("spec.jobTemplate.metadata", "dyn(object).spec.jobTemplate.?metadata")
    claims = "dyn(object).spec.?volumeClaimTemplates.orValue([])"
    return (
        f"[{place('metadata', 'object.metadata')}] + (object.kind == 'CronJob' ? [{inner}] : []) + "
        f"(object.kind == 'Pod' ? [] : variables.templates.map(t, {place('the pod template', 't.?metadata')})) + "
        f"(object.kind == 'StatefulSet' ? {claims}.map(t, {place('volumeClaimTemplates', 't.?metadata')}) : [])"
    )


def _is_owned() -> str:
    """CEL: whether a controller made this of a template that was judged. Nobody but controllers can create pods."""
    owners = " || ".join(
        f"(object.kind == '{kind}' && (o.apiVersion + ' ' + o.kind) in [{', '.join(repr(owner) for owner in names)}]"
        f"{'' if kind == 'Pod' else f' && {BY_A_CONTROLLER}'})"
        for kind, names in _JUDGED.items()
    )
    return f"object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false) && ({owners}))"


def stated(resource: str, *, first: str, then: str, default: str) -> str:
    """CEL: quantity of a resource of container `c`: from `limits` or `requests`, whichever counts first."""
    return (
        f"quantity(string(c.?resources.?{first}[?'{resource}']"
        f".or(c.?resources.?{then}[?'{resource}']).orValue('{default}')))"
    )


def _size(one: str, zero: str) -> str:
    """CEL: what pod `s` takes of a node. one: CEL of what container `c` takes.

    Sidecars run beside everything; the others run together, after the init containers, which run one by one
    (https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers).
    """
    return (
        f"s.sidecars.map(c, {one}).sum() + [s.main.map(c, {one}).sum(), ([{zero}] + s.init.map(c, {one})).max()].max()"
    )


_GIB = "1073741824.0"
_OF_LIMITS = {"first": "limits", "then": "requests"}
ONE = {
    "cpu": f"{stated('cpu', first='requests', then='limits', default=DEFAULT_CPU)}.asApproximateFloat()",
    "memory": f"{stated('memory', **_OF_LIMITS, default=DEFAULT_MEMORY)}.asApproximateFloat() / {_GIB}",
    "disk": (f"{stated('ephemeral-storage', **_OF_LIMITS, default=DEFAULT_DISK)}.asApproximateFloat() / {_GIB}"),
    "gpus": f"{stated(GPU_RESOURCE, **_OF_LIMITS, default='0')}.asInteger()",
}
"""CEL: what container `c` takes: cores, GiB of memory and of disk, GPUs."""
_SIDECAR = "c.?restartPolicy.orValue('') == 'Always'"
_SKETCH = {
    "labels": "t.?metadata.?labels.orValue({})",
    "metadata": "t.?metadata.orValue({})",
    "spec": "t.spec",
    "main": "t.spec.containers",
    "init": f"t.spec.?initContainers.orValue([]).filter(c, !({_SIDECAR}))",
    "sidecars": f"t.spec.?initContainers.orValue([]).filter(c, {_SIDECAR})",
    "all": "t.spec.containers + t.spec.?initContainers.orValue([]) + t.spec.?ephemeralContainers.orValue([])",
    "volumes": "t.spec.?volumes.orValue([])",
}


def _map(entries: dict[str, str]) -> str:
    return "{" + ", ".join(f"'{key}': dyn({cel})" for key, cel in entries.items()) + "}"


VARIABLES = {
    "templates": templates("object"),
    "sketches": f"variables.templates.map(t, {_map(_SKETCH)})",
    # A pod as the rules see it: `p.spec`, its containers `p.all`, its size `p.cpu`, `p.memory` and `p.disk`, `p.gpus`.
    "pods": "variables.sketches.map(s, "
    + _map(
        {key: f"s.{key}" for key in _SKETCH if key not in ("init", "main", "sidecars")}
        | {key: _size(one, "0" if key == "gpus" else "0.0") for key, one in ONE.items()}
    )
    + ")",
    "places": _places(),
    "jobs": jobs("object"),
    "isOwned": _is_owned(),
    "isBatch": "object.kind in ['CronJob', 'Job', 'JobSet'] || (object.kind == 'Pod' && !variables.isOwned)",
    "isPodChanged": (
        f"oldObject == null || variables.templates.map(t, t.spec) != {templates('oldObject')}.map(t, t.spec)"
    ),
    "isLabelChanged": (
        "oldObject == null || object.metadata.?labels != oldObject.metadata.?labels || "
        "variables.templates.map(t, t.?metadata.?labels.orValue({})) != "
        f"{templates('oldObject')}.map(t, t.?metadata.?labels.orValue({{}}))"
    ),
    "isRunTimeChanged": (
        f"oldObject == null || variables.jobs.map(j, j.?activeDeadlineSeconds.orValue(0)) != "
        f"{jobs('oldObject')}.map(j, j.?activeDeadlineSeconds.orValue(0)) || "
        "dyn(object).spec.?ttlSecondsAfterFinished != dyn(oldObject).spec.?ttlSecondsAfterFinished"
    ),
}
"""CEL variables by name, in an order in which each uses only earlier ones. The limits come before them."""
