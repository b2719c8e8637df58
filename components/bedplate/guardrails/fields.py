"""Every field that a Job and its pods can have, by Kubernetes type, and what was decided of it.

Owns the decisions. A field that stands nowhere in this table is refused by the API server, so what a new minor of
Kubernetes adds is closed until somebody decides; a test compares the table with the published schemas of each minor
that is supported. What decides: a field that reaches no further than the pod is allowed; one that reaches nodes, other
tenants or other namespaces is refused or bounded by a rule; so is what no quota counts.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """The field may have any value; what is in it is decided by its own type."""

    of: str = ""
    """The type of what is in it, if that has fields of its own."""


@dataclass(frozen=True)
class Bounded(Allowed):
    """The field may be set within what a rule says. rule: its name."""

    of: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Refused:
    """The field may not be set at all. because: what it would reach."""

    because: str


Decision = Allowed | Refused
_ALLOWED = Allowed()


def _allowed(*names: str) -> dict[str, Decision]:
    return dict.fromkeys(names, _ALLOWED)


def _refused(because: str, *names: str) -> dict[str, Decision]:
    return dict.fromkeys(names, Refused(because))


def _bounded(rule: str, *names: str) -> dict[str, Decision]:
    return dict.fromkeys(names, Bounded(rule=rule))


_OTHER_HOST = "the kubelet would call any address from the node's own network"
_HELD = "an object with a finalizer of somebody's own is never gone, and its namespace neither"
_SET_BY_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_NODE_LABELS = "Linux security modules and kernel settings are the node's"
_DISKS = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "gitRepo", "glusterfs", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte",
    "rbd", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip
_KEYED = _allowed("key", "name", "optional")
_SELECTED: dict[str, Decision] = {"matchLabels": _ALLOWED, "matchExpressions": Allowed("LabelSelectorRequirement")}
_WEIGHED = ("preferredDuringSchedulingIgnoredDuringExecution", "requiredDuringSchedulingIgnoredDuringExecution")
_NEAR_PODS: dict[str, Decision] = {
    _WEIGHED[0]: Allowed("WeightedPodAffinityTerm"),
    _WEIGHED[1]: Allowed("PodAffinityTerm"),
}
_HANDLER: dict[str, Decision] = {
    "exec": Allowed("ExecAction"),
    "httpGet": Allowed("HTTPGetAction"),
    "tcpSocket": Allowed("TCPSocketAction"),
}
_CONTAINER: dict[str, Decision] = {
    **_allowed("args", "command", "imagePullPolicy", "name", "restartPolicy", "stdin", "stdinOnce"),
    **_allowed("terminationMessagePath", "terminationMessagePolicy", "tty", "workingDir"),
    "env": Allowed("EnvVar"),
    "envFrom": Allowed("EnvFromSource"),
    "image": Bounded(rule="approved-images"),
    "lifecycle": Allowed("Lifecycle"),
    "livenessProbe": Allowed("Probe"),
    "readinessProbe": Allowed("Probe"),
    "startupProbe": Allowed("Probe"),
    "ports": Allowed("ContainerPort"),
    "resizePolicy": Allowed("ContainerResizePolicy"),
    "resources": Bounded("ResourceRequirements", rule="max-pod-size"),
    "restartPolicyRules": Allowed("ContainerRestartRule"),
    "securityContext": Bounded("SecurityContext", rule="pod-security"),
    "volumeDevices": Allowed("VolumeDevice"),
    "volumeMounts": Allowed("VolumeMount"),
}

FIELDS: Mapping[str, Mapping[str, Decision]] = {
    "JobSpec": {
        **_allowed("backoffLimit", "backoffLimitPerIndex", "completionMode", "completions", "maxFailedIndexes"),
        **_allowed("podReplacementPolicy", "suspend"),
        # The API server fills it in; without `manualSelector: true` nobody else can.
        "selector": Allowed("LabelSelector"),
        "activeDeadlineSeconds": Bounded(rule="job-run-time"),
        "ttlSecondsAfterFinished": Bounded(rule="job-cleanup"),
        "parallelism": Bounded(rule="quota"),
        "podFailurePolicy": Allowed("PodFailurePolicy"),
        "successPolicy": Allowed("SuccessPolicy"),
        "template": Allowed("PodTemplateSpec"),
        # The API server writes false; with true, the Job would count, and delete, pods that are not its own.
        **_bounded("fields", "manualSelector"),
        **_refused("nothing in the cluster would run the Job, nor end it at its deadline", "managedBy"),
    },
    "PodFailurePolicy": {"rules": Allowed("PodFailurePolicyRule")},
    "PodFailurePolicyRule": {
        "action": _ALLOWED,
        "onExitCodes": Allowed("PodFailurePolicyOnExitCodesRequirement"),
        "onPodConditions": Allowed("PodFailurePolicyOnPodConditionsPattern"),
    },
    "PodFailurePolicyOnExitCodesRequirement": _allowed("containerName", "operator", "values"),
    "PodFailurePolicyOnPodConditionsPattern": _allowed("status", "type"),
    "SuccessPolicy": {"rules": Allowed("SuccessPolicyRule")},
    "SuccessPolicyRule": _allowed("succeededCount", "succeededIndexes"),
    "PodTemplateSpec": {"metadata": Allowed("ObjectMeta"), "spec": Allowed("PodSpec")},
    "ObjectMeta": {
        **_allowed("generateName", "name", "namespace", *_SET_BY_SERVER),
        "annotations": Bounded(rule="pod-annotations"),
        "labels": Bounded(rule="ownership-labels"),
        **_refused(_HELD, "finalizers"),
        **_refused("an owner is what made the object, never what its maker writes", "ownerReferences"),
        **_refused("they are the API server's", "deletionGracePeriodSeconds", "deletionTimestamp"),
    },
    "PodSpec": {
        **_allowed("activeDeadlineSeconds", "automountServiceAccountToken", "dnsPolicy", "enableServiceLinks"),
        **_allowed("hostUsers", "hostname", "preemptionPolicy", "priority", "restartPolicy", "serviceAccount"),
        **_allowed("serviceAccountName", "setHostnameAsFQDN", "shareProcessNamespace", "subdomain"),
        "affinity": Bounded("Affinity", rule="placement"),
        "containers": Allowed("Container"),
        "dnsConfig": Allowed("PodDNSConfig"),
        "ephemeralContainers": Allowed("EphemeralContainer"),
        "hostAliases": Allowed("HostAlias"),
        "imagePullSecrets": Allowed("LocalObjectReference"),
        "initContainers": Allowed("Container"),
        "readinessGates": Allowed("PodReadinessGate"),
        "securityContext": Bounded("PodSecurityContext", rule="pod-security"),
        "tolerations": Bounded("Toleration", rule="placement"),
        "topologySpreadConstraints": Allowed("TopologySpreadConstraint"),
        "volumes": Allowed("Volume"),
        **_bounded("pod-isolation", "hostIPC", "hostNetwork", "hostPID", "nodeName", "priorityClassName"),
        **_bounded("placement", "nodeSelector"),
        **_bounded("pod-isolation", "schedulerName"),
        **_bounded("stop-time", "terminationGracePeriodSeconds"),
        **_refused("on Windows, Pod Security and the no-root rule hold less", "os"),
        **_refused("it is its runtime class's, and Kubernetes sets it", "overhead"),
        **_refused("no quota counts devices of claims yet", "resourceClaims"),
        **_refused("sizes are stated per container: the tenant's LimitRange does not see these", "resources"),
        **_refused("it chooses another isolation, and none is offered", "runtimeClassName"),
        **_refused("nothing would lift them, and the pod would wait for ever", "schedulingGates"),
        **_refused("groups of pods are the queue's", "schedulingGroup", "workloadRef"),
        **_refused("not decided: alpha in 1.34", "hostnameOverride"),
    },
    "Container": _CONTAINER,
    "EphemeralContainer": {**_CONTAINER, "targetContainerName": _ALLOWED},
    "EnvVar": {
        "name": Bounded(rule="gpu-visibility"),
        "value": _ALLOWED,
        "valueFrom": Allowed("EnvVarSource"),
    },
    "EnvVarSource": {
        "configMapKeyRef": Allowed("ConfigMapKeySelector"),
        "fieldRef": Allowed("ObjectFieldSelector"),
        "fileKeyRef": Allowed("FileKeySelector"),
        "resourceFieldRef": Allowed("ResourceFieldSelector"),
        "secretKeyRef": Allowed("SecretKeySelector"),
    },
    "ConfigMapKeySelector": _KEYED,
    "SecretKeySelector": _KEYED,
    "ObjectFieldSelector": _allowed("apiVersion", "fieldPath"),
    "FileKeySelector": _allowed("key", "optional", "path", "volumeName"),
    "ResourceFieldSelector": _allowed("containerName", "divisor", "resource"),
    "EnvFromSource": {
        "prefix": Bounded(rule="gpu-visibility"),
        "configMapRef": Allowed("ConfigMapEnvSource"),
        "secretRef": Allowed("SecretEnvSource"),
    },
    "ConfigMapEnvSource": _allowed("name", "optional"),
    "SecretEnvSource": _allowed("name", "optional"),
    "Lifecycle": {
        "stopSignal": _ALLOWED,
        "postStart": Allowed("LifecycleHandler"),
        "preStop": Allowed("LifecycleHandler"),
    },
    "LifecycleHandler": {**_HANDLER, "sleep": Allowed("SleepAction")},
    "Probe": {
        **_HANDLER,
        "grpc": Allowed("GRPCAction"),
        **_allowed("failureThreshold", "initialDelaySeconds", "periodSeconds", "successThreshold", "timeoutSeconds"),
        **_refused("the pod's own bounds how long it takes to stop", "terminationGracePeriodSeconds"),
    },
    "ExecAction": _allowed("command"),
    "HTTPGetAction": {
        **_allowed("path", "port", "scheme"),
        "httpHeaders": Allowed("HTTPHeader"),
        **_refused(_OTHER_HOST, "host"),
    },
    "HTTPHeader": _allowed("name", "value"),
    "TCPSocketAction": {**_allowed("port"), **_refused(_OTHER_HOST, "host")},
    "GRPCAction": _allowed("port", "service"),
    "SleepAction": _allowed("seconds"),
    "ContainerPort": {
        **_allowed("containerPort", "name", "protocol"),
        **_bounded("pod-isolation", "hostPort"),
        **_refused("ports of the node are not for tenants", "hostIP"),
    },
    "ContainerResizePolicy": _allowed("resourceName", "restartPolicy"),
    "ContainerRestartRule": {"action": _ALLOWED, "exitCodes": Allowed("ContainerRestartRuleOnExitCodes")},
    "ContainerRestartRuleOnExitCodes": _allowed("operator", "values"),
    "ResourceRequirements": {
        **_bounded("max-pod-size", "limits", "requests"),
        **_refused("no quota counts devices of claims yet", "claims"),
    },
    "SecurityContext": {
        **_allowed("readOnlyRootFilesystem", "runAsGroup"),
        **_bounded("no-root", "allowPrivilegeEscalation", "runAsNonRoot", "runAsUser"),
        "capabilities": Bounded("Capabilities", rule="pod-security"),
        "seccompProfile": Bounded("SeccompProfile", rule="pod-security"),
        **_bounded("pod-isolation", "privileged"),
        **_refused(_NODE_LABELS, "appArmorProfile", "procMount", "seLinuxOptions", "windowsOptions"),
    },
    "PodSecurityContext": {
        **_allowed("fsGroup", "fsGroupChangePolicy", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy"),
        **_bounded("no-root", "runAsNonRoot", "runAsUser"),
        "seccompProfile": Bounded("SeccompProfile", rule="pod-security"),
        **_refused(
            _NODE_LABELS, "appArmorProfile", "seLinuxChangePolicy", "seLinuxOptions", "sysctls", "windowsOptions"
        ),
    },
    "Capabilities": _bounded("pod-security", "add", "drop"),
    "SeccompProfile": {**_allowed("localhostProfile"), **_bounded("pod-security", "type")},
    "VolumeDevice": _allowed("devicePath", "name"),
    "VolumeMount": {
        **_allowed("name", "readOnly", "recursiveReadOnly", "subPath", "subPathExpr"),
        **_bounded("gpu-visibility", "mountPath"),
        **_refused("mounts would spread between the pod and its node", "mountPropagation"),
    },
    "Affinity": {
        "nodeAffinity": Allowed("NodeAffinity"),
        "podAffinity": Allowed("PodAffinity"),
        "podAntiAffinity": Allowed("PodAntiAffinity"),
    },
    "NodeAffinity": {_WEIGHED[0]: Allowed("PreferredSchedulingTerm"), _WEIGHED[1]: Allowed("NodeSelector")},
    "PreferredSchedulingTerm": {"weight": _ALLOWED, "preference": Allowed("NodeSelectorTerm")},
    "NodeSelector": {"nodeSelectorTerms": Allowed("NodeSelectorTerm")},
    "NodeSelectorTerm": {
        "matchExpressions": Bounded("NodeSelectorRequirement", rule="placement"),
        **_refused("a node is chosen by its labels, not by its name", "matchFields"),
    },
    "NodeSelectorRequirement": _allowed("key", "operator", "values"),
    "PodAffinity": _NEAR_PODS,
    "PodAntiAffinity": _NEAR_PODS,
    "WeightedPodAffinityTerm": {"weight": _ALLOWED, "podAffinityTerm": Allowed("PodAffinityTerm")},
    "PodAffinityTerm": {
        **_allowed("matchLabelKeys", "mismatchLabelKeys", "topologyKey"),
        "labelSelector": Allowed("LabelSelector"),
        **_refused("it would keep other tenants' pods from nodes", "namespaceSelector", "namespaces"),
    },
    "LabelSelector": _SELECTED,
    "LabelSelectorRequirement": _allowed("key", "operator", "values"),
    "Toleration": _bounded("placement", "effect", "key", "operator", "tolerationSeconds", "value"),
    "TopologySpreadConstraint": {
        **_allowed("matchLabelKeys", "maxSkew", "minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy", "topologyKey"),
        **_allowed("whenUnsatisfiable"),
        "labelSelector": Allowed("LabelSelector"),
    },
    "PodDNSConfig": {
        "searches": _ALLOWED,
        "options": Allowed("PodDNSConfigOption"),
        **_refused("names are resolved by the cluster", "nameservers"),
    },
    "PodDNSConfigOption": _allowed("name", "value"),
    "HostAlias": _allowed("hostnames", "ip"),
    "LocalObjectReference": _allowed("name"),
    "PodReadinessGate": _allowed("conditionType"),
    "Volume": {
        "name": _ALLOWED,
        "configMap": Allowed("ConfigMapVolumeSource"),
        "downwardAPI": Allowed("DownwardAPIVolumeSource"),
        "emptyDir": Bounded("EmptyDirVolumeSource", rule="max-pod-size"),
        "image": Bounded("ImageVolumeSource", rule="approved-images"),
        "persistentVolumeClaim": Allowed("PersistentVolumeClaimVolumeSource"),
        "projected": Allowed("ProjectedVolumeSource"),
        "secret": Allowed("SecretVolumeSource"),
        **_refused("the node's files are not for tenants", "hostPath"),
        **_refused("disks and shares come by the tenant's volumes, which the stack file names", "ephemeral", *_DISKS),
    },
    "ConfigMapVolumeSource": {**_allowed("defaultMode", "name", "optional"), "items": Allowed("KeyToPath")},
    "SecretVolumeSource": {**_allowed("defaultMode", "optional", "secretName"), "items": Allowed("KeyToPath")},
    "KeyToPath": _allowed("key", "mode", "path"),
    "DownwardAPIVolumeSource": {"defaultMode": _ALLOWED, "items": Allowed("DownwardAPIVolumeFile")},
    "DownwardAPIVolumeFile": {
        **_allowed("mode", "path"),
        "fieldRef": Allowed("ObjectFieldSelector"),
        "resourceFieldRef": Allowed("ResourceFieldSelector"),
    },
    "EmptyDirVolumeSource": _bounded("max-pod-size", "medium", "sizeLimit"),
    "ImageVolumeSource": _allowed("pullPolicy", "reference"),
    "PersistentVolumeClaimVolumeSource": _allowed("claimName", "readOnly"),
    "ProjectedVolumeSource": {"defaultMode": _ALLOWED, "sources": Allowed("VolumeProjection")},
    "VolumeProjection": {
        "configMap": Allowed("ConfigMapProjection"),
        "downwardAPI": Allowed("DownwardAPIProjection"),
        "secret": Allowed("SecretProjection"),
        "serviceAccountToken": Allowed("ServiceAccountTokenProjection"),
        **_refused("certificates of the cluster's signers are the platform's", "clusterTrustBundle", "podCertificate"),
    },
    "ConfigMapProjection": {**_allowed("name", "optional"), "items": Allowed("KeyToPath")},
    "SecretProjection": {**_allowed("name", "optional"), "items": Allowed("KeyToPath")},
    "DownwardAPIProjection": {"items": Allowed("DownwardAPIVolumeFile")},
    "ServiceAccountTokenProjection": _allowed("audience", "expirationSeconds", "path"),
}
"""Type → field → decision, from JobSpec down. A type that only refused fields lead to is not in it."""
LISTS = frozenset({
    "rules", "onPodConditions", "containers", "ephemeralContainers", "hostAliases", "imagePullSecrets",
    "initContainers", "readinessGates", "tolerations", "topologySpreadConstraints", "volumes", "env", "envFrom",
    "ports", "resizePolicy", "restartPolicyRules", "volumeDevices", "volumeMounts", "httpHeaders",
    "nodeSelectorTerms", "matchExpressions", "options", "items", "sources",
})  # fmt: skip
"""Fields of the table that hold many of their type; `requiredDuring…` of NodeAffinity is the one name of both sorts."""


def unknown_fields(of: str, at: str, path: str = "", apart: Collection[str] = ()) -> str:
    """CEL: what of an object the table does not let in, each followed by a comma; empty if nothing.

    of: its type; at: CEL of it; path: where it stands, for the reader; apart: fields whose inside is asked for
    elsewhere.
    The API server's own view of an object is a map, so that CEL can ask for keys that nobody here knows.
    """
    fields = FIELDS[of]
    known = ", ".join(f"'{name}'" for name, decision in fields.items() if isinstance(decision, Allowed))
    # Told apart only where something is: a comprehension costs more than all the rest.
    own = f"({at}.all(k, k in [{known}]) ? '' : {at}.filter(k, !(k in [{known}])).map(k, '{path}' + k + ', ').join(''))"
    inside = [
        _inside(of, name, decision.of, at, path)
        for name, decision in fields.items()
        if isinstance(decision, Allowed) and decision.of and name not in apart
    ]
    return " + ".join([own, *inside])


def _inside(of: str, name: str, inner: str, at: str, path: str) -> str:
    is_list = name in LISTS or (name == _WEIGHED[1] and of != "NodeAffinity") or name == _WEIGHED[0]
    if is_list:
        each = f"x{path.count('.')}"
        unknown = f"{at}.{name}.map({each}, {unknown_fields(inner, each, f'{path}{name}[].')}).join('')"
    else:
        unknown = unknown_fields(inner, f"{at}.{name}", f"{path}{name}.")
    return f"(has({at}.{name}) ? {unknown} : '')"
