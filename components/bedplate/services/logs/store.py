"""Elasticsearch and Kibana as the platform runs them: the operator's chart, and the two objects that it acts upon.

Owns data only; `logs` installs it. The operator has no right outside of its namespace (upstream's restricted profile:
https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s/configure-eck), so it neither sees nodes nor checks
storage classes. The nodes of the store are in as many zones as there are by the scheduler's doing: with three nodes and
two copies of each line, a zone that is lost takes one of them at most.

Fields: https://www.elastic.co/docs/reference/cloud-on-k8s/api-reference/3_5_0.
"""

from collections.abc import Mapping
from typing import Any

from bedplate.kubernetes import (
    CRITICAL_PRIORITY_CLASS,
    PLATFORM_TOLERATIONS,
    Chart,
    CustomKind,
    Manifest,
    manifest,
)
from bedplate.kubernetes.pods import cpu_quantity
from bedplate.labels import LOGS_NAMESPACE, OWNER, PLATFORM_OWNER, Identity
from bedplate.services.logs.spec import LogsSpec
from bedplate.services.logs.streams import PATTERNS
from bedplate.services.logs.users import PLATFORM_USERS, READERS_SECRET, ROLES_SECRET, user_secret

# renovate: datasource=helm depName=eck-operator registryUrl=https://helm.elastic.co
CHART_VERSION = "3.5.0"
# renovate: datasource=docker depName=docker.elastic.co/elasticsearch/elasticsearch
STACK_VERSION = "9.4.3"
OPERATOR = "eck-operator"
_KINDS = (
    ("agent", "Agent", "agents", ("v1alpha1",)),
    ("apm", "ApmServer", "apmservers", ("v1", "v1beta1")),
    ("autoops", "AutoOpsAgentPolicy", "autoopsagentpolicies", ("v1alpha1",)),
    ("autoscaling", "ElasticsearchAutoscaler", "elasticsearchautoscalers", ("v1alpha1",)),
    ("beat", "Beat", "beats", ("v1beta1",)),
    ("elasticsearch", "Elasticsearch", "elasticsearches", ("v1", "v1beta1")),
    ("enterprisesearch", "EnterpriseSearch", "enterprisesearches", ("v1", "v1beta1")),
    ("kibana", "Kibana", "kibanas", ("v1", "v1beta1")),
    ("logstash", "Logstash", "logstashes", ("v1alpha1",)),
    ("maps", "ElasticMapsServer", "elasticmapsservers", ("v1alpha1",)),
    ("packageregistry", "PackageRegistry", "packageregistries", ("v1alpha1",)),
    ("stackconfigpolicy", "StackConfigPolicy", "stackconfigpolicies", ("v1alpha1",)),
)
CHART = Chart(
    name=OPERATOR,
    repository="https://helm.elastic.co",
    version=CHART_VERSION,
    # It watches all of its kinds, of which the platform makes objects of two.
    kinds=tuple(
        CustomKind(group=f"{group}.k8s.elastic.co", versions=versions, kind=kind, plural=plural)
        for group, kind, plural, versions in _KINDS
    ),
    # Its templates mark them: charts/eck-operator-crds of the chart.
    keeping={"installCRDs": True},
)
STORE = KIBANA = "logs"
"""Names of the two objects, from which the operator makes all others."""
_NODES = "nodes"
STORE_IDENTITY = Identity(name="elasticsearch", component="logs", version=STACK_VERSION)
KIBANA_IDENTITY = Identity(name="kibana", component="logs", version=STACK_VERSION)
STORE_PORT, TRANSPORT_PORT, KIBANA_PORT = 9200, 9300, 5601
STORE_SERVICE, STORE_SET = f"{STORE}-es-http", f"{STORE}-es-{_NODES}"
STORE_URL = f"https://{STORE_SERVICE}.{LOGS_NAMESPACE}.svc:{STORE_PORT}"
KIBANA_SERVICE = f"{KIBANA}-kb-http"
KIBANA_URL = f"http://{KIBANA_SERVICE}.{LOGS_NAMESPACE}.svc:{KIBANA_PORT}"
AUTHORITY_SECRET, AUTHORITY_KEY = f"{STORE}-es-http-certs-public", "ca.crt"
"""What vouches for the store; the operator makes it."""
OPERATOR_PODS = {"app.kubernetes.io/name": "elastic-operator"}
_USER = 1000
"""Of the images of both."""
_SIZES: Mapping[str, Mapping[str, tuple[float, int]]] = {
    "small": {"elasticsearch": (0.5, 2), "kibana": (0.2, 1)},
    "production": {"elasticsearch": (2, 8), "kibana": (0.5, 2)},
}
"""CPU and GiB of memory of each pod. The store takes half of its memory for itself and leaves the rest to files
(https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s/manage-compute-resources)."""


def operator_values() -> dict[str, Any]:
    """Of the chart."""
    return {
        "managedNamespaces": [LOGS_NAMESPACE],
        "createClusterScopedResources": False,
        "webhook": {"enabled": False},
        "telemetry": {"disabled": True},
        "config": {"validateStorageClass": False},
        "serviceMonitor": {"enabled": False},
        "priorityClassName": CRITICAL_PRIORITY_CLASS,
        "tolerations": PLATFORM_TOLERATIONS,
        "statefulsetLabels": {OWNER: PLATFORM_OWNER},
        "podLabels": {OWNER: PLATFORM_OWNER},
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
    }


def elasticsearch(spec: LogsSpec, storage_class: str) -> Manifest:
    """The store. Its disks stay when it goes."""
    claim = {
        "metadata": {"name": "elasticsearch-data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": f"{spec.disk_gib}Gi"}},
            "storageClassName": storage_class,
        },
    }
    nodes = {
        "name": _NODES,
        "count": spec.nodes,
        "config": {
            # No sysctl of the machine is touched for it.
            "node.store.allow_mmap": False,
            # A stream is made on purpose: written to before its template is there, it would be an index for ever.
            "action.auto_create_index": ",".join([*(f"-{pattern}" for pattern in PATTERNS), "+*"]),
            "action.destructive_requires_name": True,
            # A stream a namespace, a backing index a day and stream.
            "cluster.max_shards_per_node": 3000,
        },
        "podTemplate": _pods(STORE_IDENTITY, spec, "elasticsearch", _apart()),
        "volumeClaimTemplates": [claim],
    }
    return manifest(
        "elasticsearch.k8s.elastic.co/v1",
        "Elasticsearch",
        STORE,
        STORE_IDENTITY,
        namespace=LOGS_NAMESPACE,
        spec={
            "version": STACK_VERSION,
            "auth": {
                "disableElasticUser": True,
                "fileRealm": [{"secretName": name} for name in (*map(user_secret, PLATFORM_USERS), READERS_SECRET)],
                "roles": [{"secretName": ROLES_SECRET}, {"secretName": READERS_SECRET}],
            },
            "volumeClaimDeletePolicy": "DeleteOnScaledownOnly",
            "nodeSets": [nodes],
        },
    )


def kibana(spec: LogsSpec) -> Manifest:
    """Where people read. It speaks plainly inside the cluster, as everything behind the front door does."""
    return manifest(
        "kibana.k8s.elastic.co/v1",
        "Kibana",
        KIBANA,
        KIBANA_IDENTITY,
        namespace=LOGS_NAMESPACE,
        spec={
            "version": STACK_VERSION,
            "count": 2 if spec.size == "production" else 1,
            "elasticsearchRef": {"name": STORE},
            "http": {"tls": {"selfSignedCertificate": {"disabled": True}}},
            "config": {
                "telemetry.optIn": False,
                "telemetry.allowChangingOptInStatus": False,
                "newsfeed.enabled": False,
                "map.includeElasticMapsService": False,
            },
            "podTemplate": _pods(KIBANA_IDENTITY, spec, "kibana", {}),
        },
    )


def _pods(identity: Identity, spec: LogsSpec, container: str, apart: Mapping[str, Any]) -> Manifest:
    cpu, memory_gib = _SIZES[spec.size][container]
    exact = {"memory": f"{memory_gib}Gi"}
    return {
        "metadata": {"labels": identity.labels()},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "priorityClassName": CRITICAL_PRIORITY_CLASS,
            "tolerations": PLATFORM_TOLERATIONS,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "fsGroup": _USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": container,
                    # As Kubernetes writes them: the operator writes the object too, and would change them.
                    "resources": {
                        "requests": {"cpu": cpu_quantity(cpu), **exact},
                        "limits": {"cpu": cpu_quantity(2 * cpu), **exact},
                    },
                }
            ],
            **apart,
        },
    }


def _apart() -> Mapping[str, Any]:
    """Never two on a machine; in as many zones as there are."""
    mine = {"matchLabels": STORE_IDENTITY.selector()}
    return {
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": mine, "topologyKey": "kubernetes.io/hostname"}
                ]
            }
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": mine,
            }
        ],
    }
