"""What is admitted at first sight: CEL that is true only of objects that keep every rule, and cheap.

Owns the shape that most objects have: one container, no init containers, usual fields. Whatever looks otherwise is not
refused but read rule by rule, as is what breaks one. Kubernetes evaluates the message of a policy also where nothing is
refused, and nothing of the verdict is left by then
(https://github.com/kubernetes/apiserver/blob/v0.35.4/pkg/admission/plugin/policy/validating/validator.go): without
this, each Job would be read rule by rule twice. Usual fields are chosen from the table of `fields`, so that what is not
allowed there is not plain either.
"""

from collections.abc import Collection, Mapping

from bedplate.guardrails.fields import FIELDS, LISTS, Allowed, Bounded
from bedplate.guardrails.reasons import (
    HAS_FEW_VARIABLES,
    IS_IN_TURNS,
    IS_MOUNTED_FOR_GPUS,
    IS_NOTHING_STATED,
    IS_OF_GPU_RUNTIME,
    IS_OWN_ANNOTATION,
    IS_PASSED_OFF,
    MOST_VOLUMES,
    PASSING,
    PERSON,
    annotated,
    approved,
    fits_in_memory,
)
from bedplate.guardrails.rules import IS_WORKSPACE, LONGEST_KEEP_SECONDS, LONGEST_STOP_SECONDS, RULES
from bedplate.guardrails.sight import ONE
from bedplate.labels import (
    ACCELERATOR,
    BATCH_COMPONENTS,
    COMPONENT,
    GPU_RESOURCE,
    OWNER,
    OWNERS,
    POOL,
    PROJECT,
    PROJECTS,
    SYSTEM_POOL,
    TENANT,
    accelerator_class,
)

USUAL: Mapping[str, tuple[str, ...]] = {
    "JobSpec": (
        "activeDeadlineSeconds", "manualSelector", "parallelism", "podFailurePolicy", "selector", "template",
        "ttlSecondsAfterFinished",
    ),
    "PodFailurePolicy": ("rules",),
    "PodFailurePolicyRule": ("onExitCodes", "onPodConditions"),
    "ObjectMeta": ("annotations", "labels"),
    "PodSpec": (
        "containers", "nodeSelector", "priorityClassName", "schedulerName", "securityContext",
        "terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints", "volumes",
    ),
    "Container": (
        "env", "image", "lifecycle", "livenessProbe", "ports", "readinessProbe", "resources", "securityContext",
        "startupProbe", "volumeMounts",
    ),
    "EnvVar": ("name", "valueFrom"),
    "EnvVarSource": ("fieldRef", "secretKeyRef"),
    "Lifecycle": ("preStop",),
    "LifecycleHandler": ("exec", "sleep"),
    "Probe": ("exec", "httpGet", "tcpSocket"),
    "PodSecurityContext": ("runAsNonRoot", "runAsUser", "seccompProfile"),
    "ResourceRequirements": ("limits", "requests"),
    "SecurityContext": ("allowPrivilegeEscalation", "capabilities"),
    "SeccompProfile": ("type",),
    "Capabilities": ("drop",),
    "Toleration": ("effect", "key", "operator", "tolerationSeconds"),
    "TopologySpreadConstraint": ("labelSelector",),
    "LabelSelector": ("matchLabels",),
    "VolumeMount": ("mountPath",),
    "Volume": ("configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"),
    "EmptyDirVolumeSource": ("medium", "sizeLimit"),
    "ProjectedVolumeSource": ("sources",),
    "VolumeProjection": ("configMap", "downwardAPI", "serviceAccountToken"),
    "ConfigMapProjection": ("items",),
    "DownwardAPIProjection": ("items",),
    "DownwardAPIVolumeFile": ("fieldRef",),
}  # fmt: skip
"""Type → the fields of it that a plain object may have besides those that are allowed with any value. Each that is
bounded by a rule is asked for here; `test_plain` holds that."""


def usual_fields(of: str, at: str, apart: Collection[str] = (), depth: int = 0) -> str:
    """CEL: whether an object has only fields that the table lets in and that `USUAL` names or any value is allowed for.

    of: its type; at: CEL of it; apart: fields whose inside is asked for elsewhere.
    """
    entered = USUAL.get(of, ())
    known = [
        name
        for name, decision in FIELDS[of].items()
        if name in entered or (isinstance(decision, Allowed) and not isinstance(decision, Bounded) and not decision.of)
    ]
    own = f"{at}.all(k, k in [{', '.join(repr(name) for name in known)}])"
    return " && ".join(
        [own, *(_inside(of, name, at, depth) for name in entered if name not in apart and _type(of, name))]
    )


def _type(of: str, name: str) -> str:
    decision = FIELDS[of][name]
    return decision.of if isinstance(decision, Allowed) else ""


def _inside(of: str, name: str, at: str, depth: int) -> str:
    if name in LISTS:
        each = f"x{depth}"
        return f"(!has({at}.{name}) || {at}.{name}.all({each}, {usual_fields(_type(of, name), each, depth=depth + 1)}))"
    return f"(!has({at}.{name}) || {usual_fields(_type(of, name), f'{at}.{name}', depth=depth)})"


def _all(*conditions: str) -> str:
    return " && ".join(f"({condition})" for condition in conditions)


def _asks_for(resource: str) -> str:
    return f"(c.?resources.?limits[?'{resource}'].hasValue() || c.?resources.?requests[?'{resource}'].hasValue())"


def _is_limited(resource: str) -> str:
    return f"!c.?resources.?requests[?'{resource}'].hasValue() || c.?resources.?limits[?'{resource}'].hasValue()"


def _is_known(part: str) -> str:
    return f"c.?resources.?{part}.orValue({{}}).all(k, k in variables.resources)"


_CLASS = "t.spec.?priorityClassName.orValue('')"
_TOLERATIONS = "t.spec.?tolerations.orValue([])"
_WITHOUT_GPU = _all(f"{_CLASS} == ''", f"{_TOLERATIONS}.all(t, {PASSING})")
_WITH_GPU = _all(
    f"t.spec.?nodeSelector[?'{ACCELERATOR}'].orValue('') in variables.accelerators",
    f"{_CLASS} == '{accelerator_class('')}' + t.spec.nodeSelector['{ACCELERATOR}']",
    f"{_TOLERATIONS}.all(t, t.?key.orValue('') == '{GPU_RESOURCE}' || ({PASSING}))",
    f"{ONE['gpus']} > 0 && {ONE['gpus']} <= variables.maxPodGpus",
    f"{ONE['gpus']} == 1 || !{IS_IN_TURNS.format(at='t.spec')}",
    f"!({IS_WORKSPACE})",
    f"!c.?env.orValue([]).exists(e, {IS_OF_GPU_RUNTIME})",
)
_CONTAINER = _all(
    HAS_FEW_VARIABLES,
    usual_fields("Container", "c"),
    approved("c.image"),
    f"!{IS_MOUNTED_FOR_GPUS}",
    "!c.?securityContext.?allowPrivilegeEscalation.orValue(true)",
    "'ALL' in c.?securityContext.?capabilities.?drop.orValue([])",
    _is_known("limits"),
    _is_known("requests"),
    _is_limited("memory"),
    _is_limited("ephemeral-storage"),
    f"!{IS_NOTHING_STATED}",
    f"{ONE['cpu']} <= variables.maxPodCpu",
    "quantity(string(c.?resources.?limits.?cpu.orValue('0'))).asApproximateFloat() <= 2.0 * variables.maxPodCpu",
    f"{ONE['memory']} <= variables.maxPodMemoryGib",
    f"t.spec.?volumes.orValue([]).all(v, {fits_in_memory(ONE['memory'])})",
    f"{ONE['disk']} <= variables.maxPodDiskGib",
    f"{_asks_for(GPU_RESOURCE)} ? {_WITH_GPU} : {_WITHOUT_GPU}",
)
_SECURITY = "t.spec.?securityContext.?"
_POD = _all(
    f"t.spec.?volumes.orValue([]).size() <= {MOST_VOLUMES}",
    f"object.kind == 'Pod' || {usual_fields('ObjectMeta', 't.metadata')}",
    f"object.kind == 'Pod' || t.metadata.?annotations.orValue({{}}).all(k, {IS_OWN_ANNOTATION})",
    usual_fields("PodSpec", "t.spec", ("containers",)),
    f"t.spec.?nodeSelector[?'{POOL}'].orValue('') != '{SYSTEM_POOL}'",
    "t.spec.?schedulerName.orValue('default-scheduler') == 'default-scheduler'",
    f"t.spec.?terminationGracePeriodSeconds.orValue(30) <= {LONGEST_STOP_SECONDS}",
    f"{_SECURITY}runAsNonRoot.orValue(false) && {_SECURITY}runAsUser.orValue(1) != 0",
    f"{_SECURITY}seccompProfile.?type.orValue('') == 'RuntimeDefault'",
    f"t.spec.containers.size() == 1 && t.spec.containers.all(c, {_CONTAINER})",
)
_JOB = _all(
    usual_fields("JobSpec", "j", ("template",)),
    "!j.?manualSelector.orValue(false)",
    "j.?activeDeadlineSeconds.orValue(0) > 0 && j.?activeDeadlineSeconds.orValue(0) <= variables.maxJobSeconds",
    f"j.?ttlSecondsAfterFinished.orValue(-1) >= 0 && j.?ttlSecondsAfterFinished.orValue(-1) <= {LONGEST_KEEP_SECONDS}",
    f"j.template.metadata.?labels[?'{COMPONENT}'].orValue('{BATCH_COMPONENTS[0]}') in {list(BATCH_COMPONENTS)}",
)


def _label(metadata: str, label: str) -> str:
    return f"{metadata}.?labels[?'{label}']"


def _is_labelled_alike(metadata: str) -> str:
    """CEL: whether what an object makes says the same of whose it is as the object."""
    return _all(
        *(f"{_label(metadata, label)} == {_label('object.metadata', label)}" for label in (TENANT, PROJECT, OWNER))
    )


_PROJECT, _OWNER = (f"{_label('object.metadata', label)}.orValue('')" for label in (PROJECT, OWNER))
_LABELS = _all(
    f"{_label('object.metadata', TENANT)}.orValue('') == namespaceObject.metadata.labels['{TENANT}']",
    f"{_PROJECT} != '' && {_PROJECT} in {annotated(PROJECTS)}.split(',')",
    f"{_OWNER} != '' && ({_OWNER} in {annotated(OWNERS)}.split(',') || {_OWNER} == {PERSON} || variables.isOwned)",
)
_IS_FREE = f"((oldObject != null || !has(object.metadata.finalizers)) && !({IS_PASSED_OFF}))"
_IS_A_JOB = f"{_JOB} && {_is_labelled_alike('j.template.metadata')}"
_IS_SET = "object.kind in ['DaemonSet', 'Deployment', 'ReplicaSet']"
_IN_CRON_JOB = "dyn(object).spec.jobTemplate"
_KINDS = " || ".join((
    "object.kind in ['PersistentVolumeClaim', 'Service']",
    f"({_IS_SET} && {_is_labelled_alike('dyn(object).spec.template.metadata')})",
    "(object.kind == 'Pod' && variables.isOwned)",
    f"(object.kind == 'Job' && {_IS_FREE} && [dyn(object).spec].all(j, {_IS_A_JOB}))",
    _all(
        f"object.kind == 'CronJob' && {_IS_FREE}",
        _is_labelled_alike(f"{_IN_CRON_JOB}.metadata"),
        f"[{_IN_CRON_JOB}.spec].all(j, {_IS_A_JOB})",
    ),
))  # fmt: skip
# Of an update: nothing that any rule is about.
_UNCHANGED = " && ".join(["oldObject != null", *dict.fromkeys(f"!({rule.changed})" for rule in RULES)])
PLAIN = (
    # Foreground deletion ends with an update that removes a finalizer; refused, the object would stay for ever.
    f"has(object.metadata.deletionTimestamp) || ({_UNCHANGED}) || ({_LABELS} && ({_KINDS}) && "
    f"variables.templates.all(t, {_POD}))"
)
"""CEL: true of objects that keep every rule as far as can be seen at once; false says nothing."""
