"""Why an object is refused, as CEL that yields what the user reads; '' where there is nothing to say.

Owns the words and what they are said of. Written for one pod `p` of an object, as `sight` shows it, or for the object.
"""

from bedplate.clouds.sharing import SHARED
from bedplate.guardrails.fields import unknown_fields
from bedplate.guardrails.sight import BY_A_CONTROLLER, DEFAULT_DISK, DEFAULT_MEMORY, stated
from bedplate.kubernetes.pods import NOT_EVICTED
from bedplate.labels import (
    ACCELERATOR,
    GPU_RESOURCE,
    GPU_RUNTIME,
    GPU_SETTINGS,
    GPUS_BY_MOUNT,
    GPUS_VISIBLE,
    IDLE_TIMEOUT_MINUTES,
    OWNER,
    POOL,
    PROJECT,
    SYSTEM_POOL,
    TENANT,
    accelerator_class,
)


def unless(kept: str, message: str) -> str:
    return f"({kept}) ? '' : ({message})"


def listed(*reasons: str) -> str:
    return f"[{', '.join(reasons)}].filter(s, s != '').join('; ')"


def _of_each(containers: str, wrong: str, message: str) -> str:
    """CEL: the message with the names of those containers `c` that are wrong."""
    names = f"{containers}.filter(c, {wrong}).map(c, c.name).join(', ')"
    return f"{names} == '' ? '' : 'container ' + {names} + '{message}'"


def approved(image: str) -> str:
    """CEL: whether an image is under an approved prefix."""
    return (
        f"variables.approvedImages.exists(a, a.endsWith('/') ? {image}.startsWith(a) : "
        f"({image} == a || {image}.startsWith(a + ':') || {image}.startsWith(a + '@')))"
    )


def annotated(annotation: str) -> str:
    """CEL: what an annotation of the namespace lists; '' where it has none."""
    return f"namespaceObject.metadata.?annotations[?'{annotation}'].orValue('')"


UNAPPROVED = (
    f"(p.all.map(c, c.image) + p.volumes.filter(v, has(v.image)).map(v, v.image.reference)).filter(i, !{approved('i')})"
)
IDLE = f"object.metadata.?annotations[?'{IDLE_TIMEOUT_MINUTES}']"
PERSON = "request.userInfo.username.replace('@', '_at_')"
"""CEL: who asks, as the owner label writes it."""
PASSING = (
    "t.?key.orValue('') in ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] && "
    "t.?effect.orValue('') == 'NoExecute' && t.?tolerationSeconds.orValue(86400) <= 3600"
)
"""CEL: whether toleration `t` is of a node's failure that may pass, for at most an hour."""
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
KNOWN_RESOURCES = (*_COMPUTE, GPU_RESOURCE)
"""What a quota counts in every cluster; the policy adds the cards of its fabrics as `variables.resources`."""
IS_NOTHING_STATED = (
    "[c.?resources.?limits.orValue({}), c.?resources.?requests.orValue({})].exists(r, r.exists(k, "
    f"k in {list(_COMPUTE)} && !quantity(string(r[k])).isGreaterThan(quantity('0'))))"
)
"""CEL: whether container `c` states 0 of something. A limit of 0 is none on a node, a quota counts it as 0, and no
default takes its place (https://kubernetes.io/docs/concepts/policy/limit-range/)."""


def labels_missing() -> str:
    """CEL: the places that do not say whose they are, with what must be written there."""
    wrong = (
        f"variables.places.filter(a, a.labels[?'{TENANT}'].orValue('') != "
        f"namespaceObject.metadata.labels['{TENANT}'] || "
        f"['{PROJECT}', '{OWNER}'].exists(l, a.labels[?l].orValue('') == '')).map(a, a.at).join(', ')"
    )
    return (
        f"{wrong} == '' ? '' : 'at ' + {wrong} + ', the labels {TENANT}, {PROJECT} and {OWNER} must be "
        f"set, and {TENANT} "
        f"must be ' + namespaceObject.metadata.labels['{TENANT}'] + "
        "'; a job made with kubectl create job --from=cronjob/NAME has them'"
    )


def label_not_listed(label: str, annotation: str, also: str, fix: str) -> str:
    """CEL: the values of a label that the namespace does not list. also: CEL of one more value that is allowed."""
    listed = annotated(annotation)
    wrong = (
        f"variables.places.map(a, a.labels[?'{label}'].orValue('')).filter(v, v != '' && v != {also} && "
        f"!(v in {listed}.split(','))).join(', ')"
    )
    return f"{listed} == '' || {wrong} == '' ? '' : '{label} ' + {wrong} + ' is none of the tenant: {fix} ' + {listed}"


def fits_in_memory(gib: str) -> str:
    """CEL: whether volume `v`, if it is in memory, says that it takes at most so much. gib: CEL of the limit.

    A sizeLimit of 0 is none.
    """
    return (
        "v.?emptyDir.?medium.orValue('') == '' || (v.emptyDir.?sizeLimit.hasValue() && "
        "quantity(string(v.emptyDir.sizeLimit)).isGreaterThan(quantity('0')) && "
        f"quantity(string(v.emptyDir.sizeLimit)).asApproximateFloat() / 1073741824.0 <= {gib})"
    )


def sizes_exceeded() -> str:
    limits = (
        "string(variables.maxPodCpu) + ' cores, ' + string(variables.maxPodMemoryGib) + ' GiB, ' + "
        "string(variables.maxPodDiskGib) + ' GiB of disk and ' + string(variables.maxPodGpus) + ' GPUs"
    )
    asked = (
        "string(p.cpu) + ' cores, ' + string(p.memory) + ' GiB, ' + string(p.disk) + ' GiB of disk and ' + "
        "string(p.gpus)"
    )
    return listed(
        unless(
            "p.cpu <= variables.maxPodCpu && p.memory <= variables.maxPodMemoryGib && p.disk <= "
            "variables.maxPodDiskGib "
            "&& p.gpus <= variables.maxPodGpus",
            f"'a pod may request at most ' + {limits}, but asks for ' + {asked} + ' GPUs'",
        ),
        _of_each(
            "p.all",
            "quantity(string(c.?resources.?limits.?cpu.orValue('0'))).asApproximateFloat() > 2.0 * variables.maxPodCpu",
            " has a CPU limit of more than twice the largest pod; lower limits.cpu, or leave it out",
        ),
        unless(
            f"p.volumes.all(v, {fits_in_memory('p.memory')})",
            "'an emptyDir in memory needs a sizeLimit above 0 and of at most the memory limits of its pod'",
        ),
    )


MOST_VARIABLES, MOST_VOLUMES = 1000, 100
HAS_FEW_VARIABLES = f"c.?env.orValue([]).size() <= {MOST_VARIABLES}"


def lists_too_long() -> str:
    """CEL: what would take the API server seconds to read."""
    return listed(
        _of_each(
            "p.all",
            f"!({HAS_FEW_VARIABLES})",
            f" has more than {MOST_VARIABLES} variables; put them into a file, or have the program read its arguments",
        ),
        unless(
            f"p.volumes.size() <= {MOST_VOLUMES}",
            f"'a pod may have at most {MOST_VOLUMES} volumes, but has ' + string(p.volumes.size()) + '; remove some'",
        ),
    )


def limits_not_stated() -> str:
    def missing(resource: str, default: str) -> str:
        return _of_each(
            "p.all",
            f"c.?resources.?requests[?'{resource}'].hasValue() && !c.?resources.?limits[?'{resource}'].hasValue() && "
            f"quantity(string(c.resources.requests['{resource}'])).isGreaterThan(quantity('{default}'))",
            f" requests {resource} without a limit, which would be {default}; write limits.{resource} "
            f"too, with the same value",
        )

    return listed(
        missing("memory", DEFAULT_MEMORY),
        missing("ephemeral-storage", DEFAULT_DISK),
        _of_each(
            "p.all",
            IS_NOTHING_STATED,
            f" states 0 of {', '.join(_COMPUTE[:-1])} or {_COMPUTE[-1]}, which no quota counts and no node bounds; "
            "write more than 0 in requests and limits, or leave it out for the default",
        ),
    )


def resources_not_counted() -> str:
    asked = (
        "p.all.map(c, (c.?resources.?limits.orValue({}).filter(k, !(k in variables.resources)) + "
        "c.?resources.?requests.orValue({}).filter(k, !(k in variables.resources))).join(', '))"
        ".filter(s, s != '').join(', ')"
    )
    return f"{asked} == '' ? '' : 'no quota counts ' + {asked} + '; pods may ask for ' + variables.resourceNames"


_ANNOTATIONS = (
    *("bedplate.dev/", "app.kubernetes.io/", "batch.kubernetes.io/", "kubectl.kubernetes.io/", "prometheus.io/"),
    # The last is written by who admits queued work, when its turn comes.
    *("pulumi.com/", "kubernetes.io/limit-ranger", *NOT_EVICTED, "kueue.x-k8s.io/"),
)
"""Keys, and beginnings of keys, that nobody reads who could open anything."""


IS_OWN_ANNOTATION = (
    f"(!k.contains('/') && !k.contains('.')) || ({list(_ANNOTATIONS)} + variables.podAnnotations).exists(a, "
    "a.endsWith('/') ? k.startsWith(a) : k == a)"
)
"""CEL: whether annotation `k` of a pod is its own or one that nobody opens anything by."""


def annotations_of_others() -> str:
    """CEL: annotations by which a pod would be given to another network, or to a program that changes pods.

    Such as k8s.v1.cni.cncf.io/networks, cni.projectcalico.org/ipAddrs or networking.gke.io/interfaces: NetworkPolicies
    do not hold on another interface, nor for an address of one's choice. Keys without a domain are the pod's own; one
    with a dot may be a runtime's, such as those below io.katacontainers.
    """
    wrong = f"p.metadata.?annotations.orValue({{}}).filter(k, !({IS_OWN_ANNOTATION})).join(', ')"
    return (
        f"{wrong} == '' ? '' : 'other programs read the annotations ' + {wrong} + ' of pods, and may open what is "
        "closed; remove them, or have guardrails.podAnnotations extended'"
    )


IS_OF_GPU_RUNTIME = f"e.name.startsWith('{GPU_RUNTIME}') && !(e.name in {list(GPU_SETTINGS)})"
"""CEL: whether variable `e` is for NVIDIA's runtime to read."""
IS_MOUNTED_FOR_GPUS = f"c.?volumeMounts.orValue([]).exists(m, m.?mountPath.orValue('').contains('{GPUS_BY_MOUNT}'))"
"""CEL: whether container `c` names GPUs by mounts; however the path is written, the folder's name is in it."""


def gpus_of_others() -> str:
    """CEL: what would show a container GPUs of its node that were not given to it.

    NVIDIA's runtime shows what this variable names, and a pod's own value counts before that of the device plugin;
    images of CUDA bring the value `all` (https://github.com/NVIDIA/k8s-device-plugin/issues/61, /90). A prefix would
    make the name of two halves.
    """
    has_none = f"{stated(GPU_RESOURCE, first='limits', then='requests', default='0')}.asInteger() == 0"
    said = f"c.?env.orValue([]).filter(e, e.name == '{GPUS_VISIBLE}')"
    of_gpu_pods = listed(
        _of_each(
            "p.all",
            f"!({has_none}) && (c.?env.orValue([]).exists(e, {IS_OF_GPU_RUNTIME}) || "
            "c.?envFrom.orValue([]).exists(e, e.?prefix.orValue('') != ''))",
            f" has GPUs and must neither set {GPUS_VISIBLE} nor use envFrom with a prefix; it sees those it was given. "
            f"Of variables {GPU_RUNTIME}… it may set {', '.join(GPU_SETTINGS)}",
        ),
        _of_each(
            "p.all",
            f"{has_none} && !({said}.size() > 0 && {said}.all(e, e.?value.orValue('') == 'void'))",
            f" has no GPUs and runs beside one that has; give it the variable {GPUS_VISIBLE}: void",
        ),
        _of_each(
            "p.all",
            f"{has_none} && c.?env.orValue([]).exists(e, e.name != '{GPUS_VISIBLE}' && {IS_OF_GPU_RUNTIME})",
            f" has no GPUs and runs beside one that has; of variables {GPU_RUNTIME}… it may set {GPUS_VISIBLE}: void, "
            f"{', '.join(GPU_SETTINGS)}",
        ),
    )
    by_mounts = _of_each(
        "p.all",
        IS_MOUNTED_FOR_GPUS,
        f" mounts a volume at a path with {GPUS_BY_MOUNT}, where mounts name GPUs; choose another mountPath",
    )
    return listed(by_mounts, f"p.gpus == 0 ? '' : {of_gpu_pods}")


def not_restricted() -> str:
    profile = "c.?securityContext.?seccompProfile.?type.or(p.spec.?securityContext.?seccompProfile.?type).orValue('')"
    return listed(
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


def may_run_as_root() -> str:
    def effective(name: str, default: str) -> str:
        return f"c.?securityContext.?{name}.or(p.spec.?securityContext.?{name}).orValue({default})"

    return listed(
        _of_each(
            "p.all",
            f"!{effective('runAsNonRoot', 'false')} || {effective('runAsUser', '1')} == 0",
            " may run as root; write runAsNonRoot: true in the securityContext of the pod, "
            "and a runAsUser other than 0",
        ),
        # A program of the image that belongs to root and has the setuid bit makes root of anybody.
        _of_each(
            "p.all",
            "c.?securityContext.?allowPrivilegeEscalation.orValue(true)",
            " may become root by a setuid program; write allowPrivilegeEscalation: false in its securityContext",
        ),
    )


def placed_elsewhere() -> str:
    pool = f"r.key == '{POOL}' && r.operator == 'In' && '{SYSTEM_POOL}' in r.values"
    required = "p.spec.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms"
    preferred = "p.spec.?affinity.?nodeAffinity.?preferredDuringSchedulingIgnoredDuringExecution"
    return listed(
        unless(
            f"p.spec.?nodeSelector[?'{POOL}'].orValue('') != '{SYSTEM_POOL}' && "
            f"!{required}.orValue([]).exists(x, x.?matchExpressions.orValue([]).exists(r, {pool})) && "
            f"!{preferred}.orValue([]).exists(x, x.preference.?matchExpressions.orValue([]).exists(r, {pool}))",
            f"'the pool {SYSTEM_POOL} is for the platform; choose another {POOL}'",
        ),
        unless(
            f"p.spec.?tolerations.orValue([]).all(t, t.?key.orValue('') == '{GPU_RESOURCE}' || ({PASSING}))",
            f"'a pod may tolerate {GPU_RESOURCE}, and node.kubernetes.io/not-ready and unreachable "
            f"with effect NoExecute "
            "for at most 3600 tolerationSeconds; remove other tolerations'",
        ),
    )


ISOLATED = " && ".join((
    *(f"!p.spec.?{name}.orValue(false)" for name in ("hostNetwork", "hostPID", "hostIPC")),
    "!p.volumes.exists(v, has(v.hostPath))",
    "(oldObject != null || !has(p.spec.nodeName))",
    "!p.all.exists(c, c.?securityContext.?privileged.orValue(false))",
    "!p.all.exists(c, c.?ports.orValue([]).exists(o, o.?hostPort.orValue(0) != 0))",
    "p.spec.?schedulerName.orValue('default-scheduler') == 'default-scheduler'",
    f"(p.spec.?priorityClassName.orValue('') == '' || p.spec.priorityClassName.startsWith('{accelerator_class('')}'))",
))  # fmt: skip
PLACED_GPUS = (
    f"p.gpus > 0 ? (p.spec.?nodeSelector[?'{ACCELERATOR}'].orValue('') in variables.accelerators && "
    f"p.spec.?priorityClassName.orValue('') == '{accelerator_class('')}' + p.spec.nodeSelector['{ACCELERATOR}']) : "
    f"(!p.spec.?priorityClassName.orValue('').startsWith('{accelerator_class('')}') && "
    f"!p.spec.?tolerations.orValue([]).exists(t, t.?key.orValue('') == '{GPU_RESOURCE}' || "
    "(t.?key.orValue('') == '' && t.?operator.orValue('') == 'Exists')))"
)


IS_IN_TURNS = "{at}.?nodeSelector[?'" + ACCELERATOR + "'].orValue('').contains('" + SHARED + "')"
"""CEL: whether a pod asks for GPUs that many use in turns. at: of its spec."""


def turns_exceeded() -> str:
    """CEL: what asks for a GPU twice that it would get once; the device plugin fails such a pod on its node, for ever.

    https://github.com/NVIDIA/k8s-device-plugin#shared-access-to-gpus (failRequestsGreaterThanOne)
    """
    asked = f"{stated(GPU_RESOURCE, first='limits', then='requests', default='0')}.asInteger() > 1"
    twice = _of_each("p.all", asked, f" asks for more than one {GPU_RESOURCE} of a GPU that is used in turns; write 1")
    return f"!{IS_IN_TURNS.format(at='p.spec')} ? '' : {twice}"


IS_PASSED_OFF = (
    "oldObject == null && object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false)) && "
    f"!({BY_A_CONTROLLER})"
)
"""CEL: whether somebody makes an object that is said to be a controller's. A CronJob counts such a Job as its own run,
and removes others of its history for it; the owner that `kubectl create job --from` writes is none of that sort."""


def _unknown(pods: str, expression: str) -> str:
    return f"{pods}.map(p, {expression}).join('')"


UNKNOWN = {
    "unknownInJob": (
        "object.kind in ['CronJob', 'Job'] ? variables.jobs.map(j, "
        f"{unknown_fields('JobSpec', 'j', 'job.', ('template',))} + "
        "(j.?manualSelector.orValue(false) ? 'job.manualSelector, ' : '')).join('') + "
        "(oldObject == null && has(object.metadata.finalizers) ? 'metadata.finalizers, ' : '') + "
        f"({IS_PASSED_OFF} ? 'metadata.ownerReferences[].controller, ' : '') : ''"
    ),
    "unknownInMetadata": (
        "object.kind == 'Pod' ? '' : "
        + _unknown("variables.pods", unknown_fields("ObjectMeta", "p.metadata", "template.metadata."))
    ),
    "unknownInPod": _unknown(
        "variables.pods",
        unknown_fields("PodSpec", "p.spec", "", ("containers", "ephemeralContainers", "initContainers")),
    ),
    "unknownInContainers": _unknown(
        "variables.pods", f"p.all.map(c, {unknown_fields('EphemeralContainer', 'c', 'containers[].')}).join('')"
    ),
}
"""CEL variables: names of the fields that nobody decided on, or that are refused. Each is evaluated by itself, because
the API server's account of cost is slower the longer one expression is."""


def fields_not_decided() -> str:
    """CEL: all of them."""
    names = " + ".join(f"variables.{name}" for name in UNKNOWN)
    return f"{names} == '' ? '' : 'remove fields that are not allowed, by docs/reference/guardrails.md: ' + {names}"
