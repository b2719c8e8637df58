"""The rules as data: one ValidatingAdmissionPolicy each, written in CEL.

A rule sees pods and, for an early and readable refusal, the workload kinds that make pods. It sees an object when it is
created and when the part that the rule is about changes; so objects that broke a rule before it was there can still be
scaled, labelled by their controllers, and deleted. CEL of Kubernetes:
https://kubernetes.io/docs/reference/using-api/cel/.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bedplate.kubernetes import Manifest
from bedplate.labels import (
    ACCELERATOR,
    GPU_RESOURCE,
    IDLE_TIMEOUT_MINUTES,
    OWNER,
    PROJECT,
    TENANT,
    accelerator_class,
)

POD_KINDS: list[Manifest] = [
    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", "pods/ephemeralcontainers", "podtemplates"]},
    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["replicationcontrollers"]},
    {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "resources": ["daemonsets", "deployments", "replicasets", "statefulsets"],
    },
    {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["cronjobs", "jobs"]},
]
"""Pods and everything built into Kubernetes that holds a pod template."""
BATCH_KINDS: list[Manifest] = [
    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]},
    {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["cronjobs", "jobs"]},
]
OWNED_KINDS: list[Manifest] = [
    *POD_KINDS,
    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["persistentvolumeclaims", "services"]},
]


def pod_template(root: str) -> str:
    """CEL: the pod of an object, whatever its kind; `root` is `object` or `oldObject`."""
    return (
        f"({root}.kind == 'Pod' ? dyn({root}) : {root}.kind == 'CronJob' ? "
        f"dyn({root}).spec.jobTemplate.spec.template : {root}.kind == 'PodTemplate' ? "
        f"dyn({root}).template : dyn({root}).spec.template)"
    )


def job(root: str) -> str:
    """CEL: what carries the run time limit: the job of a Job or CronJob, or the bare pod itself."""
    return f"({root}.kind == 'CronJob' ? dyn({root}).spec.jobTemplate.spec : dyn({root}).spec)"


_POD_CHANGED = f"oldObject == null || {pod_template('object')}.spec != {pod_template('oldObject')}.spec"
_RUN_TIME_CHANGED = (
    f"oldObject == null || {job('object')}.?activeDeadlineSeconds != {job('oldObject')}.?activeDeadlineSeconds"
)
_LABELS_CHANGED = "oldObject == null || object.metadata.?labels != oldObject.metadata.?labels"

_CONTAINERS = "(has(variables.pod.{0}) ? variables.pod.{0} : [])"
VARIABLES = {
    "pod": f"{pod_template('object')}.spec",
    "main": "variables.pod.containers",
    "init": _CONTAINERS.format("initContainers"),
    "ephemeral": _CONTAINERS.format("ephemeralContainers"),
    "volumes": _CONTAINERS.format("volumes"),
    "all": "variables.main + variables.init + variables.ephemeral",
    # Sidecars (init containers that restart) run beside the main containers and add to the pod's size.
    "running": "variables.main + variables.init.filter(c, c.?restartPolicy.orValue('') == 'Always')",
    "gpus": (
        f"variables.all.map(c, quantity(c.?resources.?limits[?'{GPU_RESOURCE}'].orValue('0')).asInteger()).sum()"
        f" + quantity(variables.pod.?resources.?limits[?'{GPU_RESOURCE}'].orValue('0')).asInteger()"
    ),
    "images": ("variables.all.map(c, c.image) + variables.volumes.filter(v, has(v.image)).map(v, v.image.reference)"),
    "unapproved": (
        "variables.images.filter(i, !variables.approvedImages.exists(p, p.endsWith('/') ? i.startsWith(p) : "
        "(i == p || i.startsWith(p + ':') || i.startsWith(p + '@'))))"
    ),
    "cpu": ("variables.running.map(c, quantity(c.?resources.?requests.?cpu.orValue('0')).asApproximateFloat()).sum()"),
    "memory": (
        "variables.running.map(c, quantity(c.?resources.?limits.?memory.orValue('0')).asApproximateFloat()).sum()"
        " / 1073741824.0"
    ),
    "job": job("object"),
}
"""CEL variables by name, in an order in which each uses only earlier ones. The limits come before them."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One guardrail.

    variables: those of `VARIABLES` and of the limits that it uses.

    expression: true admits. message: CEL that yields what the user reads; it names the value and the change to make.
    kinds: resource rules of what it sees. changed: CEL that is true when an update touches what the rule is about.
    """

    name: str
    title: str
    expression: str
    message: str
    variables: Sequence[str]
    kinds: Sequence[Manifest] = field(default_factory=lambda: POD_KINDS)
    changed: str = _POD_CHANGED
    conditions: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further CEL by name, all of which must be true for the rule to apply."""


_POD = ("pod", "main", "init", "ephemeral", "all")
_HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
_NOT_CONTROLLED = {"bare-pods-only": "object.kind != 'Pod' || !has(object.metadata.ownerReferences)"}
"""A pod of a controller carries what its controller was admitted with."""

RULES: tuple[Rule, ...] = (
    Rule(
        name="approved-images",
        title="Images come from approved registries; init and ephemeral containers and image volumes included.",
        variables=("approvedImages", *_POD, "volumes", "images", "unapproved"),
        expression="variables.unapproved.size() == 0",
        message=(
            "'image ' + variables.unapproved.join(', ') + ' is not from an approved registry; use an image below ' + "
            "variables.approvedImages.join(', ') + ', or have guardrails.approvedImages extended'"
        ),
    ),
    Rule(
        name="ownership-labels",
        title="Everything that costs money says whose it is.",
        kinds=OWNED_KINDS,
        changed=_LABELS_CHANGED,
        variables=(),
        expression=(
            f"object.metadata.?labels[?'{TENANT}'].orValue('') == namespaceObject.metadata.labels['{TENANT}'] && "
            f"['{PROJECT}', '{OWNER}'].all(l, object.metadata.?labels[?l].orValue('') != '')"
        ),
        message=(
            f"'the labels {TENANT}, {PROJECT} and {OWNER} must be set, and {TENANT} must be ' + "
            f"namespaceObject.metadata.labels['{TENANT}'] + "
            "'; a job made with kubectl create job --from=cronjob/NAME has them'"
        ),
    ),
    Rule(
        name="gpu-idle-timeout",
        title="A GPU workspace says after how many idle minutes it is stopped.",
        variables=("maxIdleMinutes", *_POD, "gpus"),
        conditions={
            # Serving pods are scaled by load, jobs by their run time limit.
            "workspaces-only": (
                "object.kind in ['Pod', 'Deployment', 'StatefulSet', 'DaemonSet'] && "
                "(object.kind != 'Pod' || !has(object.metadata.ownerReferences)) && "
                "!(object.metadata.?labels[?'app.kubernetes.io/component'].orValue('') in ['model-api'])"
            )
        },
        changed=(
            f"{_POD_CHANGED} || object.metadata.?annotations[?'{IDLE_TIMEOUT_MINUTES}'] != "
            f"oldObject.metadata.?annotations[?'{IDLE_TIMEOUT_MINUTES}']"
        ),
        expression=(
            f"variables.gpus == 0 || (object.metadata.?annotations[?'{IDLE_TIMEOUT_MINUTES}'].orValue('')"
            f".matches('^[1-9][0-9]{{0,5}}$') && int(object.metadata.annotations['{IDLE_TIMEOUT_MINUTES}']) "
            "<= variables.maxIdleMinutes)"
        ),
        message=(
            f"'a GPU workspace needs the annotation {IDLE_TIMEOUT_MINUTES} with 1 to ' + "
            "string(variables.maxIdleMinutes) + "
            f"' minutes, but has ' + object.metadata.?annotations[?'{IDLE_TIMEOUT_MINUTES}'].orValue('none')"
        ),
    ),
    Rule(
        name="job-run-time",
        title="Every run ends: jobs and bare pods have a run time limit.",
        kinds=BATCH_KINDS,
        changed=_RUN_TIME_CHANGED,
        conditions=_NOT_CONTROLLED,
        variables=("maxJobSeconds", "job"),
        expression=(
            "variables.job.?activeDeadlineSeconds.orValue(0) >= 1 && "
            "variables.job.activeDeadlineSeconds <= variables.maxJobSeconds"
        ),
        message=(
            "'activeDeadlineSeconds must be 1 to ' + string(variables.maxJobSeconds) + ' seconds, but is ' + "
            "string(variables.job.?activeDeadlineSeconds.orValue(0)) + '; a job may not run longer than that'"
        ),
    ),
    Rule(
        name="max-pod-size",
        title="No pod is larger than the largest that is allowed.",
        variables=("maxPodCpu", "maxPodMemoryGib", "maxPodGpus", *_POD, "running", "cpu", "memory", "gpus"),
        expression=(
            "variables.cpu <= variables.maxPodCpu && variables.memory <= variables.maxPodMemoryGib "
            "&& variables.gpus <= variables.maxPodGpus && !has(variables.pod.resources)"
        ),
        message=(
            "'a pod may request at most ' + string(variables.maxPodCpu) + ' cores, ' + "
            "string(variables.maxPodMemoryGib) + ' GiB and ' + string(variables.maxPodGpus) + "
            "' GPUs, stated per container, but asks for ' + "
            "string(variables.cpu) + ' cores, ' + string(variables.memory) + ' GiB and ' + "
            "string(variables.gpus) + ' GPUs'"
        ),
    ),
    Rule(
        name="pod-isolation",
        title="No host namespaces, host paths, host ports or privilege; no priority over others.",
        variables=(*_POD, "volumes"),
        expression=(
            f"{' && '.join(f'!variables.pod.?{name}.orValue(false)' for name in _HOST_NAMESPACES)} && "
            "!variables.volumes.exists(v, has(v.hostPath)) && (oldObject != null || !has(variables.pod.nodeName)) && "
            "!variables.all.exists(c, c.?securityContext.?privileged.orValue(false)) && "
            "!variables.all.exists(c, c.?ports.orValue([]).exists(p, p.?hostPort.orValue(0) != 0)) && "
            f"(variables.pod.?priorityClassName.orValue('') == '' || "
            f"variables.pod.priorityClassName.startsWith('{accelerator_class('')}'))"
        ),
        message=(
            "'host namespaces (hostNetwork, hostPID, hostIPC), hostPath volumes, hostPort, nodeName, "
            "privileged containers and priority classes other than bedplate-* are not allowed; "
            "remove them from the pod'"
        ),
    ),
    Rule(
        name="gpu-placement",
        title="A GPU pod names its accelerator and its quota class; only GPU pods go to GPU nodes.",
        variables=(*_POD, "gpus"),
        expression=(
            f"variables.gpus > 0 ? (variables.pod.?nodeSelector[?'{ACCELERATOR}'].orValue('') != '' && "
            f"variables.pod.?priorityClassName.orValue('') == '{accelerator_class('')}' + "
            f"variables.pod.nodeSelector['{ACCELERATOR}']) : "
            f"(!variables.pod.?priorityClassName.orValue('').startsWith('{accelerator_class('')}') && "
            f"!variables.pod.?tolerations.orValue([]).exists(t, t.?key.orValue('') == '{GPU_RESOURCE}' || "
            "(t.?key.orValue('') == '' && t.?operator.orValue('') == 'Exists')))"
        ),
        message=(
            f"'a pod with GPUs needs nodeSelector {ACCELERATOR}: NAME and priorityClassName: "
            f"{accelerator_class('')}NAME; a pod without GPUs must not tolerate {GPU_RESOURCE} nor use such a class'"
        ),
    ),
)
