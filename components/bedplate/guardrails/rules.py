"""The rules as data, written in CEL.

A rule sees pods and, for an early and readable refusal, the kinds that make pods: what no pod could pass is refused at
the object that a person makes. It judges an object when it is created and when the part that the rule is about changes;
so objects that broke a rule before it was there can still be scaled, labelled by their controllers, and deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bedplate.guardrails.fields import unknown_fields
from bedplate.guardrails.sight import BATCH_KINDS, DEFAULT_DISK, DEFAULT_MEMORY, OWNED_KINDS, POD_KINDS
from bedplate.kubernetes import Manifest
from bedplate.labels import (
    ACCELERATOR,
    BATCH_COMPONENTS,
    COMPONENT,
    GPU_RESOURCE,
    IDLE_TIMEOUT_MINUTES,
    OWNER,
    OWNERS,
    POOL,
    PROJECT,
    PROJECTS,
    SYSTEM_POOL,
    TENANT,
    accelerator_class,
)

LONGEST_STOP_SECONDS = 900
"""The longest that a pod may take to stop, past the end of its run time; no template takes more than 605."""
LONGEST_KEEP_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One guardrail.

    reason: CEL that yields what the user reads, or '' where the rule is kept; it names the value and the change to
    make. In a rule of pods it is asked for each pod `p` of an object. when: further CEL, true where the rule applies.
    """

    name: str
    title: str
    reason: str
    kinds: Sequence[Manifest] = field(default_factory=lambda: POD_KINDS)
    is_of_pods: bool = True
    changed: str = "variables.isPodChanged"
    """CEL that is true when an update touches what the rule is about."""
    when: str = "true"

    def expression(self) -> str:
        """CEL: the reason, or '' where the rule is kept or does not apply."""
        reason = (
            f"variables.pods.map(p, {self.reason}).filter(s, s != '').join('; ')" if self.is_of_pods else self.reason
        )
        return f"!({self.when}) || !({self.changed}) ? '' : ({reason})"


def _unless(kept: str, message: str) -> str:
    return f"({kept}) ? '' : ({message})"


def _listed(*reasons: str) -> str:
    return f"[{', '.join(reasons)}].filter(s, s != '').join('; ')"


def _of_each(containers: str, wrong: str, message: str) -> str:
    """CEL: the message with the names of those containers `c` that are wrong."""
    names = f"{containers}.filter(c, {wrong}).map(c, c.name).join(', ')"
    return f"{names} == '' ? '' : 'container ' + {names} + '{message}'"


_UNAPPROVED = (
    "(p.all.map(c, c.image) + p.volumes.filter(v, has(v.image)).map(v, v.image.reference)).filter(i, "
    "!variables.approvedImages.exists(a, a.endsWith('/') ? i.startsWith(a) : "
    "(i == a || i.startsWith(a + ':') || i.startsWith(a + '@'))))"
)
_ANNOTATED = "namespaceObject.metadata.?annotations[?'{0}'].orValue('')"
_IDLE = f"object.metadata.?annotations[?'{IDLE_TIMEOUT_MINUTES}']"
_PERSON = "request.userInfo.username.replace('@', '_at_')"
"""CEL: who asks, as the owner label writes it."""
_KNOWN_RESOURCES = ("cpu", "memory", "ephemeral-storage", GPU_RESOURCE)


def _labels_missing() -> str:
    """CEL: the places that do not say whose they are, with what must be written there."""
    wrong = (
        f"variables.places.filter(a, a.labels[?'{TENANT}'].orValue('') != namespaceObject.metadata.labels['{TENANT}'] || "
        f"['{PROJECT}', '{OWNER}'].exists(l, a.labels[?l].orValue('') == '')).map(a, a.at).join(', ')"
    )
    return (
        f"{wrong} == '' ? '' : 'at ' + {wrong} + ', the labels {TENANT}, {PROJECT} and {OWNER} must be set, and {TENANT} "
        f"must be ' + namespaceObject.metadata.labels['{TENANT}'] + "
        "'; a job made with kubectl create job --from=cronjob/NAME has them'"
    )


def _label_not_listed(label: str, annotation: str, also: str, fix: str) -> str:
    """CEL: the values of a label that the namespace does not list. also: CEL of one more value that is allowed."""
    listed = _ANNOTATED.format(annotation)
    wrong = (
        f"variables.places.map(a, a.labels[?'{label}'].orValue('')).filter(v, v != '' && v != {also} && "
        f"!(v in {listed}.split(','))).join(', ')"
    )
    return f"{listed} == '' || {wrong} == '' ? '' : '{label} ' + {wrong} + ' is none of the tenant: {fix} ' + {listed}"


def _sizes() -> str:
    limits = (
        "string(variables.maxPodCpu) + ' cores, ' + string(variables.maxPodMemoryGib) + ' GiB, ' + "
        "string(variables.maxPodDiskGib) + ' GiB of disk and ' + string(variables.maxPodGpus) + ' GPUs"
    )
    asked = "string(p.cpu) + ' cores, ' + string(p.memory) + ' GiB, ' + string(p.disk) + ' GiB of disk and ' + string(p.gpus)"
    return _listed(
        _unless(
            "p.cpu <= variables.maxPodCpu && p.memory <= variables.maxPodMemoryGib && p.disk <= variables.maxPodDiskGib "
            "&& p.gpus <= variables.maxPodGpus",
            f"'a pod may request at most ' + {limits}, but asks for ' + {asked} + ' GPUs'",
        ),
        _of_each(
            "p.all",
            "quantity(string(c.?resources.?limits.?cpu.orValue('0'))).asApproximateFloat() > 2.0 * variables.maxPodCpu",
            " has a CPU limit of more than twice the largest pod; lower limits.cpu, or leave it out",
        ),
        _unless(
            "!p.volumes.exists(v, v.?emptyDir.?medium.orValue('') != '' && (!v.emptyDir.?sizeLimit.hasValue() || "
            "quantity(string(v.emptyDir.sizeLimit)).asApproximateFloat() / 1073741824.0 > p.memory))",
            "'an emptyDir in memory needs a sizeLimit of at most the memory limits of its pod'",
        ),
    )


def _limits_of_requests() -> str:
    def missing(resource: str, default: str) -> str:
        return _of_each(
            "p.all",
            f"c.?resources.?requests[?'{resource}'].hasValue() && !c.?resources.?limits[?'{resource}'].hasValue() && "
            f"quantity(string(c.resources.requests['{resource}'])).isGreaterThan(quantity('{default}'))",
            f" requests {resource} without a limit, which would be {default}; write limits.{resource} too, with the same value",
        )

    return _listed(missing("memory", DEFAULT_MEMORY), missing("ephemeral-storage", DEFAULT_DISK))


def _extended() -> str:
    known = ", ".join(f"'{name}'" for name in _KNOWN_RESOURCES)
    asked = (
        "p.all.map(c, (c.?resources.?limits.orValue({}).filter(k, !(k in [{0}])) + "
        "c.?resources.?requests.orValue({}).filter(k, !(k in [{0}]))).join(', ')).filter(s, s != '').join(', ')"
    ).replace("{0}", known)
    return f"{asked} == '' ? '' : 'no quota counts ' + {asked} + '; pods may ask for {', '.join(_KNOWN_RESOURCES)}'"


def _pod_security() -> str:
    profile = "c.?securityContext.?seccompProfile.?type.or(p.spec.?securityContext.?seccompProfile.?type).orValue('')"
    return _listed(
        _of_each(
            "p.all",
            "c.?securityContext.?allowPrivilegeEscalation.orValue(true)",
            " needs securityContext.allowPrivilegeEscalation: false",
        ),
        _of_each(
            "p.all",
            "!('ALL' in c.?securityContext.?capabilities.?drop.orValue([])) || "
            "!c.?securityContext.?capabilities.?add.orValue([]).all(a, a == 'NET_BIND_SERVICE')",
            " needs securityContext.capabilities.drop: [ALL], and may add NET_BIND_SERVICE only",
        ),
        _of_each(
            "p.all",
            f"!({profile} in ['RuntimeDefault', 'Localhost'])",
            " needs seccompProfile.type: RuntimeDefault, its own or the securityContext of its pod",
        ),
    )


def _no_root() -> str:
    def effective(name: str, default: str) -> str:
        return f"c.?securityContext.?{name}.or(p.spec.?securityContext.?{name}).orValue({default})"

    return _of_each(
        "p.all",
        f"!{effective('runAsNonRoot', 'false')} || {effective('runAsUser', '1')} == 0",
        " may run as root; write runAsNonRoot: true in the securityContext of the pod, and a runAsUser other than 0",
    )


def _placement() -> str:
    pool = f"r.key == '{POOL}' && r.operator == 'In' && '{SYSTEM_POOL}' in r.values"
    required = "p.spec.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms"
    preferred = "p.spec.?affinity.?nodeAffinity.?preferredDuringSchedulingIgnoredDuringExecution"
    passing = (
        "t.?key.orValue('') in ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] && "
        "t.?effect.orValue('') == 'NoExecute' && t.?tolerationSeconds.orValue(86400) <= 3600"
    )
    return _listed(
        _unless(
            f"p.spec.?nodeSelector[?'{POOL}'].orValue('') != '{SYSTEM_POOL}' && "
            f"!{required}.orValue([]).exists(x, x.?matchExpressions.orValue([]).exists(r, {pool})) && "
            f"!{preferred}.orValue([]).exists(x, x.preference.?matchExpressions.orValue([]).exists(r, {pool}))",
            f"'the pool {SYSTEM_POOL} is for the platform; choose another {POOL}'",
        ),
        _unless(
            f"p.spec.?tolerations.orValue([]).all(t, t.?key.orValue('') == '{GPU_RESOURCE}' || ({passing}))",
            f"'a pod may tolerate {GPU_RESOURCE}, and node.kubernetes.io/not-ready and unreachable with effect NoExecute "
            "for at most 3600 tolerationSeconds; remove other tolerations'",
        ),
    )


_ISOLATED = " && ".join((
    *(f"!p.spec.?{name}.orValue(false)" for name in ("hostNetwork", "hostPID", "hostIPC")),
    "!p.volumes.exists(v, has(v.hostPath))",
    "(oldObject != null || !has(p.spec.nodeName))",
    "!p.all.exists(c, c.?securityContext.?privileged.orValue(false))",
    "!p.all.exists(c, c.?ports.orValue([]).exists(o, o.?hostPort.orValue(0) != 0))",
    "p.spec.?schedulerName.orValue('default-scheduler') == 'default-scheduler'",
    f"(p.spec.?priorityClassName.orValue('') == '' || p.spec.priorityClassName.startsWith('{accelerator_class('')}'))",
))  # fmt: skip
_PLACED_GPUS = (
    f"p.gpus > 0 ? (p.spec.?nodeSelector[?'{ACCELERATOR}'].orValue('') in variables.accelerators && "
    f"p.spec.?priorityClassName.orValue('') == '{accelerator_class('')}' + p.spec.nodeSelector['{ACCELERATOR}']) : "
    f"(!p.spec.?priorityClassName.orValue('').startsWith('{accelerator_class('')}') && "
    f"!p.spec.?tolerations.orValue([]).exists(t, t.?key.orValue('') == '{GPU_RESOURCE}' || "
    "(t.?key.orValue('') == '' && t.?operator.orValue('') == 'Exists')))"
)


def _fields() -> str:
    """CEL: names of the fields that may not be there."""
    of_pods = _listed(
        unknown_fields("PodSpec", "p.spec", "", ("containers", "ephemeralContainers", "initContainers")),
        f"p.all.map(c, {unknown_fields('EphemeralContainer', 'c', 'containers[].')}).filter(s, s != '').join(', ')",
        f"object.kind == 'Pod' ? '' : {unknown_fields('ObjectMeta', 'p.metadata', 'template.metadata.')}",
    )
    names = (
        "(object.kind in ['CronJob', 'Job'] ? variables.jobs.map(j, "
        f"{unknown_fields('JobSpec', 'j', 'job.', ('template',))}) + variables.jobs.map(j, "
        f"j.?manualSelector.orValue(false) ? 'job.manualSelector' : '') : []) + variables.pods.map(p, {of_pods}) + "
        "[object.kind != 'Pod' && oldObject == null && has(object.metadata.finalizers) ? 'metadata.finalizers' : '']"
    )
    return (
        f"[({names}).filter(s, s != '').join(', ')].filter(s, s != '').map(s, 'these fields may not be set: ' + s + "
        "'; remove them, docs/reference/guardrails.md says why').join('')"
    )


RULES: tuple[Rule, ...] = (
    Rule(
        name="fields",
        title="Jobs and pods carry only fields that were decided on; a field of a new minor is refused until it is.",
        is_of_pods=False,
        when="!variables.isOwned && variables.templates.size() > 0",
        reason=_fields(),
    ),
    Rule(
        name="approved-images",
        title="Images come from approved registries; init and ephemeral containers and image volumes included.",
        reason=(
            f"{_UNAPPROVED}.size() == 0 ? '' : 'image ' + {_UNAPPROVED}.join(', ') + ' is not from an approved registry; "
            "use an image below ' + variables.approvedImages.join(', ') + ', or have guardrails.approvedImages extended'"
        ),
    ),
    Rule(
        name="ownership-labels",
        title="Everything that costs money says whose it is; projects and owners are those of the tenant.",
        kinds=OWNED_KINDS,
        is_of_pods=False,
        changed="variables.isLabelChanged",
        reason=_listed(
            _labels_missing(),
            _label_not_listed(PROJECT, PROJECTS, "''", "write one of"),
            f"variables.isOwned ? '' : ({_label_not_listed(OWNER, OWNERS, _PERSON, 'write your own name, or one of')})",
        ),
    ),
    Rule(
        name="serving-labels",
        title="Jobs and bare pods do not wear the labels by which Services and budgets find what serves.",
        kinds=BATCH_KINDS,
        changed="variables.isLabelChanged",
        when="variables.isBatch",
        reason=_unless(
            f"p.labels[?'{COMPONENT}'].orValue('{BATCH_COMPONENTS[0]}') in {list(BATCH_COMPONENTS)}",
            f"'the label {COMPONENT} of a job must be {' or '.join(BATCH_COMPONENTS)}, but is ' + p.labels['{COMPONENT}']",
        ),
    ),
    Rule(
        name="gpu-idle-timeout",
        title="A GPU workspace says after how many idle minutes it is stopped.",
        # Serving pods are scaled by load, jobs by their run time limit.
        when=(
            "object.kind in ['Pod', 'Deployment', 'StatefulSet', 'DaemonSet'] && !variables.isOwned && "
            f"!(object.metadata.?labels[?'{COMPONENT}'].orValue('') in ['model-api'])"
        ),
        changed=(f"variables.isPodChanged || {_IDLE} != oldObject.metadata.?annotations[?'{IDLE_TIMEOUT_MINUTES}']"),
        reason=_unless(
            f"p.gpus == 0 || ({_IDLE}.orValue('').matches('^[1-9][0-9]{{0,5}}$') && "
            f"int({_IDLE}.orValue('0')) <= variables.maxIdleMinutes)",
            f"'a GPU workspace needs the annotation {IDLE_TIMEOUT_MINUTES} with 1 to ' + "
            f"string(variables.maxIdleMinutes) + ' minutes, but has ' + {_IDLE}.orValue('none')",
        ),
    ),
    Rule(
        name="job-run-time",
        title="Every run ends: jobs and bare pods have a run time limit.",
        kinds=BATCH_KINDS,
        is_of_pods=False,
        changed="variables.isRunTimeChanged",
        when="variables.isBatch",
        reason=(
            "variables.jobs.map(j, j.?activeDeadlineSeconds.orValue(0)).filter(n, n < 1 || n > variables.maxJobSeconds)"
            ".map(n, 'activeDeadlineSeconds must be 1 to ' + string(variables.maxJobSeconds) + ' seconds, but is ' + "
            "string(n) + '; a job may not run longer than that').join('; ')"
        ),
    ),
    Rule(
        name="job-cleanup",
        title="Finished jobs are removed: they say after how many seconds.",
        kinds=BATCH_KINDS,
        is_of_pods=False,
        changed="variables.isRunTimeChanged",
        when="object.kind in ['CronJob', 'Job', 'JobSet'] && !variables.isOwned",
        reason=(
            "[object.kind == 'JobSet' ? dyn(object).spec.?ttlSecondsAfterFinished.orValue(-1) : "
            "variables.jobs[0].?ttlSecondsAfterFinished.orValue(-1)]"
            f".filter(n, n < 0 || n > {LONGEST_KEEP_DAYS * 86_400}).map(n, "
            f"'ttlSecondsAfterFinished must be 0 to {LONGEST_KEEP_DAYS * 86_400} seconds, but is ' + "
            "(n < 0 ? 'absent' : string(n)) + '; write 604800 to keep a finished job for a week').join('')"
        ),
    ),
    Rule(
        name="max-pod-size",
        title="No pod is larger than the largest that is allowed, its init containers and sidecars included.",
        reason=_sizes(),
    ),
    Rule(
        name="stated-limits",
        title="Whoever requests memory or disk says its limit too, where the default would be below the request.",
        reason=_limits_of_requests(),
    ),
    Rule(
        name="counted-resources",
        title="Pods ask only for what a quota counts: no devices of other vendors, slices or shares of GPUs.",
        reason=_extended(),
    ),
    Rule(
        name="stop-time",
        title="A pod stops in time: what runs past its end is bounded.",
        reason=_unless(
            f"p.spec.?terminationGracePeriodSeconds.orValue(30) <= {LONGEST_STOP_SECONDS}",
            f"'terminationGracePeriodSeconds must be at most {LONGEST_STOP_SECONDS}, but is ' + "
            "string(p.spec.terminationGracePeriodSeconds)",
        ),
    ),
    Rule(
        name="pod-isolation",
        title="No host namespaces, host paths, host ports or privilege; no priority over others.",
        reason=_unless(
            _ISOLATED,
            "'host namespaces (hostNetwork, hostPID, hostIPC), hostPath volumes, hostPort, nodeName, other schedulers, "
            "privileged containers and priority classes other than bedplate-* are not allowed; "
            "remove them from the pod'",
        ),
    ),
    Rule(
        name="no-root",
        title="Nothing runs as root, whatever the tenant's Pod Security level and its version say.",
        reason=_no_root(),
    ),
    Rule(
        name="pod-security",
        title="What Pod Security `restricted` demands of containers, said at the object that a person makes.",
        when="namespaceObject.metadata.labels[?'pod-security.kubernetes.io/enforce'].orValue('') == 'restricted'",
        reason=_pod_security(),
    ),
    Rule(
        name="placement",
        title="No pod goes to the platform's nodes or to nodes that are being emptied.",
        when="!variables.isOwned",
        reason=_placement(),
    ),
    Rule(
        name="gpu-placement",
        title="A GPU pod names its accelerator and its quota class; only GPU pods go to GPU nodes.",
        reason=_unless(
            _PLACED_GPUS,
            f"'a pod with GPUs needs nodeSelector {ACCELERATOR}: NAME and priorityClassName: {accelerator_class('')}NAME "
            f"with one of ' + variables.accelerators.join(', ') + '; a pod without GPUs must not tolerate {GPU_RESOURCE} "
            "nor use such a class'",
        ),
    ),
)
