"""A valid use of each field that a Job may not carry, so that it is refused and not merely written down as refused.

A field that is refused anew fails a test until it is here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.guardrails.fields import FIELDS, Refused
from cluster.guardrails.guarded import Change, anti_affinity, field, of_container, of_job, of_metadata

Field = tuple[str, str]
"""Type and name."""
_CLAIM = {"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]}
_VOLUMES: dict[str, Any] = {
    "awsElasticBlockStore": {"volumeID": "vol-1"},
    "azureDisk": {"diskName": "d", "diskURI": "/subscriptions/s/d", "kind": "Managed"},
    "azureFile": {"secretName": "s", "shareName": "s"},
    "cephfs": {"monitors": ["10.0.0.1"]},
    "cinder": {"volumeID": "v"},
    "csi": {"driver": "secrets-store.csi.k8s.io"},
    "ephemeral": {"volumeClaimTemplate": {"spec": _CLAIM}},
    "fc": {"targetWWNs": ["5"], "lun": 0},
    "flexVolume": {"driver": "example.com/d"},
    "flocker": {"datasetName": "d"},
    "gcePersistentDisk": {"pdName": "d"},
    "gitRepo": {"repository": "https://example.com/r"},
    "glusterfs": {"endpoints": "e", "path": "p"},
    "hostPath": {"path": "/"},
    "iscsi": {"targetPortal": "10.0.0.1", "iqn": "iqn.2026-01.com.example:d", "lun": 0},
    "nfs": {"server": "10.0.0.1", "path": "/"},
    "photonPersistentDisk": {"pdID": "d"},
    "portworxVolume": {"volumeID": "v"},
    "quobyte": {"registry": "10.0.0.1:1", "volume": "v"},
    "rbd": {"monitors": ["10.0.0.1"], "image": "i"},
    "scaleIO": {"gateway": "g", "system": "s", "volumeName": "v", "secretRef": {"name": "s"}},
    "storageos": {"volumeName": "v"},
    "vsphereVolume": {"volumePath": "[d] v"},
}


def _probe(**handler: Any) -> Change:
    return of_container(livenessProbe=handler)


def _port(**more: Any) -> Change:
    return of_container(ports=[{"containerPort": 80, **more}])


def _volume(**source: Any) -> Change:
    return field("volumes", [{"name": "v", **source}])


def _projected(**source: Any) -> Change:
    return _volume(projected={"sources": [source]})


def _near(**term: Any) -> Change:
    return anti_affinity(**term)


def _template_metadata(**more: Any) -> Change:
    def change(whole: dict[str, Any], _body: dict[str, Any]) -> None:
        whole["spec"]["template"]["metadata"].update(more)

    return change


def _of_pod(**security: Any) -> Change:
    def change(_whole: dict[str, Any], body: dict[str, Any]) -> None:
        body["securityContext"].update(security)

    return change


def _of_main(**security: Any) -> Change:
    def change(_whole: dict[str, Any], body: dict[str, Any]) -> None:
        body["containers"][0]["securityContext"].update(security)

    return change


def _claims(_whole: dict[str, Any], body: dict[str, Any]) -> None:
    body["resourceClaims"] = [{"name": "gpu", "resourceClaimName": "x"}]
    body["containers"][0]["resources"]["claims"] = [{"name": "gpu"}]


def _mounted(_whole: dict[str, Any], body: dict[str, Any]) -> None:
    body["volumes"] = [{"name": "v", "emptyDir": {}}]
    body["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v", "mountPropagation": "HostToContainer"}]


_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "7a1c7a35-2a3b-4a8e-9c55-3a7a3ee6a001"}
_ON_A_NODE = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}
_BY_NAME = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_ON_A_NODE]}}
_ALWAYS: dict[str, Any] = {"terminationGracePeriodSeconds": 9999, "tcpSocket": {"port": 80}}

SAMPLES: Mapping[Field, Change] = {
    ("ContainerPort", "hostIP"): _port(hostIP="127.0.0.1"),
    ("HTTPGetAction", "host"): _probe(httpGet={"host": "169.254.169.254", "port": 80}),
    ("JobSpec", "managedBy"): of_job(managedBy="example.com/nobody"),
    ("NodeSelectorTerm", "matchFields"): field("affinity", {"nodeAffinity": _BY_NAME}),
    ("ObjectMeta", "deletionGracePeriodSeconds"): _template_metadata(deletionGracePeriodSeconds=9),
    ("ObjectMeta", "deletionTimestamp"): _template_metadata(deletionTimestamp="2026-01-01T00:00:00Z"),
    ("ObjectMeta", "finalizers"): _template_metadata(finalizers=["example.com/held"]),
    ("ObjectMeta", "ownerReferences"): _template_metadata(ownerReferences=[_OWNER]),
    ("PodAffinityTerm", "namespaceSelector"): _near(namespaceSelector={}),
    ("PodAffinityTerm", "namespaces"): _near(namespaces=["audio"]),
    ("PodDNSConfig", "nameservers"): field("dnsConfig", {"nameservers": ["10.0.0.9"]}),
    ("PodSecurityContext", "appArmorProfile"): _of_pod(appArmorProfile={"type": "Unconfined"}),
    ("PodSecurityContext", "seLinuxChangePolicy"): _of_pod(seLinuxChangePolicy="Recursive"),
    ("PodSecurityContext", "seLinuxOptions"): _of_pod(seLinuxOptions={"level": "s0:c123,c456"}),
    ("PodSecurityContext", "sysctls"): _of_pod(sysctls=[{"name": "net.ipv4.ip_local_port_range", "value": "1 2"}]),
    ("PodSecurityContext", "windowsOptions"): _of_pod(windowsOptions={"hostProcess": False}),
    ("PodSpec", "hostnameOverride"): field("hostnameOverride", "studio-audio"),
    ("PodSpec", "os"): field("os", {"name": "linux"}),
    ("PodSpec", "overhead"): field("overhead", {"cpu": "1m"}),
    ("PodSpec", "resourceClaims"): field("resourceClaims", [{"name": "gpu", "resourceClaimName": "x"}]),
    ("PodSpec", "resources"): field("resources", {"limits": {"memory": "64Gi"}}),
    ("PodSpec", "runtimeClassName"): field("runtimeClassName", "gvisor"),
    ("PodSpec", "schedulingGates"): field("schedulingGates", [{"name": "example.com/never"}]),
    ("PodSpec", "schedulingGroup"): field("schedulingGroup", {"podGroupName": "x"}),
    ("PodSpec", "workloadRef"): field("workloadRef", {"name": "w", "podGroup": "g"}),
    ("Probe", "terminationGracePeriodSeconds"): _probe(**_ALWAYS),
    ("ResourceRequirements", "claims"): _claims,
    ("SecurityContext", "appArmorProfile"): _of_main(appArmorProfile={"type": "RuntimeDefault"}),
    ("SecurityContext", "procMount"): _of_main(procMount="Default"),
    ("SecurityContext", "seLinuxOptions"): _of_main(seLinuxOptions={"level": "s0:c123,c456"}),
    ("SecurityContext", "windowsOptions"): _of_main(windowsOptions={"hostProcess": False}),
    ("TCPSocketAction", "host"): _probe(tcpSocket={"host": "169.254.169.254", "port": 80}),
    ("VolumeMount", "mountPropagation"): _mounted,
    ("VolumeProjection", "clusterTrustBundle"): _projected(clusterTrustBundle={"name": "x", "path": "x"}),
    ("VolumeProjection", "podCertificate"): _projected(
        podCertificate={"signerName": "example.com/s", "keyType": "ED25519", "credentialBundlePath": "x"}
    ),
    **{("Volume", name): _volume(**{name: source}) for name, source in _VOLUMES.items()},
}
OF_THE_JOB: Mapping[str, Change] = {
    "finalizers": of_metadata(finalizers=["example.com/held"]),
    "manualSelector": of_job(manualSelector=True, selector={"matchLabels": {"app": "probe"}}),
}
"""What the Job itself may not carry, and no field of the table says."""


def refused() -> Iterator[Field]:
    """Every field of the table that is refused."""
    for of, fields in FIELDS.items():
        yield from ((of, name) for name, decision in fields.items() if isinstance(decision, Refused))
