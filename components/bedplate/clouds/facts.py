"""What a cluster implies for everything above it, as plain data.

Owns the facts and their form in a stack file: the stack that owns a cluster exports them, and a stack above it takes
them through the `existing` cloud. It deliberately holds no credential. Values that a cloud gives only when it makes a
thing (an id of a file system, of an identity) are `pulumi.Output`s in the stack that owns it, and text in the other.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from bedplate.clouds.dns01 import refuse_unknown_solver
from bedplate.clouds.networks import OwnNetwork
from bedplate.spec import (
    AbsolutePath,
    DnsLabel,
    DnsName,
    HttpsUrl,
    KubernetesVersion,
    PositiveCount,
    Spec,
    StrictBool,
    matching,
    mistake,
)

Labels = Mapping[
    Annotated[
        str,
        Field(max_length=316),
        matching(
            r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?",
            "must be the name of a label of Kubernetes",
            "write it as the object has it",
        ),
    ],
    Annotated[
        str,
        Field(max_length=63),
        matching(
            r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?",
            "must be the value of a label of Kubernetes",
            "write it as the object has it",
        ),
    ],
]


class Facts(Spec):
    """Base of what is known of a cluster; made by clouds, and read from stack files."""

    model_config = ConfigDict(validate_by_name=True)


_KUBERNETES_OWN = "system:"


def _outside_of_kubernetes(prefix: str) -> str:
    """With a beginning of `system:` as prefix, the rest of the word would be a group's to choose."""
    if prefix and (prefix.startswith(_KUBERNETES_OWN) or _KUBERNETES_OWN.startswith(prefix)):
        raise mistake(
            "makes groups of Kubernetes' own out of a provider's", "write the prefix that the API server puts"
        )
    return prefix


GroupPrefix = Annotated[
    str,
    Field(max_length=63),
    matching(r"[!-~]*", "must be a prefix of groups, without spaces", "write it like 'oidc:'"),
    AfterValidator(_outside_of_kubernetes),
]
_WRITTEN_URL: TypeAdapter[str] = TypeAdapter(HttpsUrl)

_PLAIN: tuple[type, ...] = (str, int, float, list, tuple, dict, type(None))


def _url(value: Any) -> Any:
    """Of a stack file, which holds plain data alone, or an output of who makes the cluster."""
    made_later = not isinstance(value, _PLAIN)
    return value if made_later else _WRITTEN_URL.validate_python(value)


IssuerUrl = Annotated[Any, PlainValidator(_url), WithJsonSchema(_WRITTEN_URL.json_schema())]
"""An issuer of tokens, as text or as an output."""


def another_class(retained: str, key: str, deleted: str | None) -> str:
    """The StorageClass of disks that stay; raises a `mistake` where it is the one of disks that go, said by `key`."""
    if retained == deleted:
        raise mistake(
            f"must be another StorageClass than `{key}`: one class cannot both keep and delete disks",
            "name a StorageClass with reclaimPolicy Retain",
        )
    return retained


class StorageProvisioner(Facts):
    """How the cloud's volumes are made, as a StorageClass says it."""

    provisioner: str
    """Name of the driver."""
    parameters: Mapping[str, Any]
    """Parameters of the driver."""


class AutoscalerFacts(Facts):
    """What the cluster autoscaler must know of the cloud; the platform runs it where a cluster has these.

    It runs as the ServiceAccount AUTOSCALER_SERVICE_ACCOUNT in AUTOSCALING_NAMESPACE, which the cloud lets change the
    sizes of node groups.
    """

    arguments: Sequence[str]
    """Of its command line."""
    environment: Mapping[str, str] = {}
    """Of its container."""
    credentials_network: str | None = None
    """Where its pods get their credentials by HTTP, as a CIDR; none where that needs no way of its own."""


class KarpenterPool(Facts):
    """Machines that Karpenter adds and removes."""

    name: str
    """Of its two objects."""
    node_class: Mapping[str, Any]
    """Spec of the one that says what machines are like."""
    node_pool: Mapping[str, Any]
    """Spec of the one that says which and how many."""


class KarpenterFacts(Facts):
    """What Karpenter must know of the cloud; the platform runs it where a cluster has these.

    It runs as the ServiceAccount KARPENTER in KARPENTER_NAMESPACE, which the cloud lets start and end machines.
    """

    settings: Mapping[str, Any]
    """Of its chart."""
    environment: Mapping[str, str]
    """Of its container."""
    node_class_kind: tuple[str, str]
    """API version and kind of the node classes."""
    pools: Sequence[KarpenterPool]
    """What it adds machines to."""
    credentials_network: str | None = None
    """As the cluster autoscaler's."""


class WorkloadIdentity(Facts):
    """What makes pods act as an identity of the cloud."""

    annotations: Mapping[str, Any] = {}
    """Of the ServiceAccount."""
    labels: Mapping[str, str] = {}
    """Of the pods."""
    credentials_networks: tuple[str, ...] = ()
    """Where the pods get their credentials by HTTP, as CIDRs; none where that needs no way of its own."""
    storage_networks: tuple[str, ...] = ()
    """Where buckets answer within the cluster's own networks, as CIDRs; none where they answer as the internet does."""


class SecretStoreFacts(Facts):
    """Where secrets of one prefix are read."""

    provider: Mapping[str, Any]
    """The store as a SecretStore of External Secrets has it."""
    prefix: str
    """What the names of these secrets begin with there."""


class TenantSecretsFacts(SecretStoreFacts):
    """Where a tenant's external secrets are read, and who may; said by the stack that owns cluster or services."""

    annotations: Mapping[str, Any] = {}
    """Of the ServiceAccount `bedplate-secret-store` in the tenant's namespace, by which a cloud knows it."""
    source_namespace: DnsLabel | None = None
    """Where the Secrets stand, if the cluster itself is the store: a role names each of them there."""
    operator_namespace: DnsLabel
    """Where External Secrets runs, as the ServiceAccount `external-secrets`."""
    refresh_minutes: PositiveCount
    """Minutes after which a changed secret reaches the cluster at the latest."""


class FabricPlugin(Facts):
    """What makes nodes offer the cards of a fabric to pods, as a program on each of them."""

    name: DnsLabel
    """Of its objects."""
    image: str
    """With an exact tag."""
    devices_folder: AbsolutePath
    """Where a node has the cards."""


class FabricFacts(Facts):
    """Network cards of the machines with one accelerator, by which the GPUs of many machines reach each other."""

    resource: Annotated[
        str, matching(r"[a-z0-9.-]+/[a-z0-9.-]+", "must be the name of a resource", "write it like 'example.com/rdma'")
    ]
    """What pods ask for."""
    cards: PositiveCount
    """Of one machine."""
    gpus: PositiveCount
    """Of one machine; a pod that takes all of them takes all cards."""
    environment: Mapping[str, str] = {}
    """Of pods that have the cards."""
    plugin: FabricPlugin | None = None
    """How to make nodes offer them; none where somebody else does."""


class DnsFacts(Facts):
    """Where pods ask for names: all that network policies open for it."""

    namespace: DnsLabel = "kube-system"
    """Namespace of the DNS pods."""
    pods: tuple[Labels, ...] = ({"k8s-app": "kube-dns"}, {"k8s-app": "node-local-dns"})
    """Labels of the DNS pods, and of a cache on each node. Where a plugin leads pods to the cache by itself, policies
    see its pods: https://cloud.google.com/kubernetes-engine/docs/how-to/nodelocal-dns-cache."""
    addresses: tuple[OwnNetwork, ...] = ("169.254.20.10/32", "169.254.25.10/32", "169.254.10.10/31")
    """Networks (CIDR) of DNS that is no pod: the caches of Kubernetes
    (https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/), Kubespray
    (https://kubespray.io/#/docs/advanced/dns-stack) and AKS (https://learn.microsoft.com/azure/aks/localdns-custom)."""
    port: Annotated[PositiveCount, Field(le=65_535)] = 53
    """Port that DNS pods listen on, and the addresses too; OpenShift's pods listen on 5353."""


def _version_as_the_sections(schema: dict[str, Any]) -> None:
    schema["required"] = [key for key in schema["required"] if key != "kubernetesVersion"]


class ClusterFacts(Facts):
    """What a cluster implies for everything above it: `pulumi stack output facts` of the stack that owns it."""

    model_config = ConfigDict(json_schema_extra=_version_as_the_sections)

    kubernetes_version: KubernetesVersion
    """Minor version, quoted; the same as the section's own, which it is where nothing is written."""
    deleted_storage_class: DnsName
    """StorageClass whose disks go when their claim is deleted."""
    retained_storage_class: DnsName
    """StorageClass whose disks stay when their claim is deleted."""
    shared_storage_class: DnsName | None = None
    """StorageClass of volumes that many nodes mount; they stay too."""
    block_storage: StorageProvisioner | None = None
    """How to make the first two classes; none where they are there."""
    shared_storage: StorageProvisioner | None = None
    """How to make the third; none where it is there."""
    load_balancer_annotations: Mapping[str, str] = {}
    """Of a Service that faces people."""
    has_load_balancers: StrictBool = False
    """Whether a Service of type LoadBalancer is sure to get an address; an update waits for it then."""
    dns01_solver: Mapping[str, Any] | None = None
    """cert-manager's, for the platform's domain."""
    dns01_identity: WorkloadIdentity = WorkloadIdentity()
    """What makes cert-manager's pods act as the identity that may write to the zone."""
    group_prefix: GroupPrefix = ""
    """What the API server puts before each group that a person's provider says."""
    service_account_issuer: IssuerUrl | None = None
    """Who signs the tokens of the cluster's ServiceAccounts, where its keys are public."""
    registry: str | None = None
    """Prefix of images that the platform builds."""
    artifact_bucket: str | None = None
    """Bucket for what workloads make."""
    audit_bucket: str | None = None
    """Bucket with the audit logs."""
    autoscaler: AutoscalerFacts | KarpenterFacts | Literal["native"] | None = None
    """What adds nodes: `native` where somebody else sees to it, none where nobody does."""
    spot_label: Labels = Field(default_factory=dict[str, str])
    """Label of nodes that may be taken away at short notice."""
    reserves_system_pool: StrictBool = False
    """Whether the nodes of the pool `system` are tainted CriticalAddonsOnly=true:NoSchedule, so that no tenant's pods
    run there."""
    has_device_plugin: StrictBool = True
    """Whether somebody else makes nodes offer their GPUs."""
    has_gpu_metrics: StrictBool = True
    """Whether somebody else runs NVIDIA's DCGM exporter on nodes with GPUs."""
    gpu_driver: Annotated[PositiveCount, Field(ge=384, le=999)] | None = None
    """Branch of NVIDIA's driver on nodes with GPUs, such as 580, with which workloads' `cuda` is compared."""
    gpu_driver_folder: AbsolutePath | None = None
    """Where nodes have NVIDIA's driver, if no container runtime of NVIDIA's brings it into containers."""
    fabrics: Mapping[str, FabricFacts] = {}
    """Network cards that pods may ask for, by accelerator."""
    has_metrics_server: StrictBool = True
    """Whether somebody measures pods for autoscalers and `kubectl top` (metrics.k8s.io), as metrics-server does."""
    dns: DnsFacts = DnsFacts()
    """Where pods ask for names."""
    secret_stores: Mapping[DnsLabel, TenantSecretsFacts] = {}
    """Where external secrets are read, by tenant; of the tenants that the stack with the cluster or the services has
    in its file."""
    pod_interface: Annotated[
        str, matching(r"[a-z][a-z0-9._-]{0,14}", "must be the name of a network interface", "write it like 'eth0'")
    ] = "eth0"
    """What the network plugin calls a pod's interface, by which processes of a training find each other."""
    networks: tuple[OwnNetwork, ...] = ()
    """The cluster's own networks (CIDR) of nodes, pods and services, and those joined to them. No tenant reaches them
    as the internet. Needed where they are not private: 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16,
    198.18.0.0/15, 240.0.0.0/4 and fc00::/7 never are the internet."""

    @field_validator("retained_storage_class")
    @classmethod
    def _distinct(cls, retained: str, info: ValidationInfo) -> str:
        return another_class(retained, "deletedStorageClass", info.data.get("deleted_storage_class"))

    @field_validator("dns01_solver")
    @classmethod
    def _of_cert_manager(cls, solver: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if solver is not None:
            refuse_unknown_solver(solver)
        return solver

    def with_services(self) -> "ClusterFacts":
        """The facts of the same cluster once the services layer is on it."""
        made = {"block_storage": None, "shared_storage": None, "has_device_plugin": True, "has_gpu_metrics": True}
        fabrics = {name: one.model_copy(update={"plugin": None}) for name, one in self.fabrics.items()}
        autoscaler = "native" if isinstance(self.autoscaler, AutoscalerFacts | KarpenterFacts) else self.autoscaler
        return self.model_copy(update={**made, "autoscaler": autoscaler, "fabrics": fabrics})

    def written(self) -> dict[str, Any]:
        """The facts as a stack file has them."""
        return _written(self)


def _written(value: Any) -> Any:
    if isinstance(value, Facts):
        fields = type(value).model_fields
        return {
            str(fields[name].alias): _written(getattr(value, name))
            for name in fields
            if getattr(value, name) != fields[name].default
        }
    if isinstance(value, Mapping):
        return {key: _written(item) for key, item in cast(Mapping[str, Any], value).items()}
    return [_written(item) for item in cast(Sequence[Any], value)] if isinstance(value, tuple | list) else value
