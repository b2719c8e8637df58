"""What the platform offers to its tenants and workloads, as one typed value.

Owns the forms only. Who makes an offer is a concern in `services/`; who takes it up is a template in `workloads/`;
neither knows the other. An offer that a stack does not make is None, and a workload that asks for it is refused by
`stack_file` with its place, before the first resource.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from bedplate.kubernetes import RouteSpec
from bedplate.labels import Identity

# Whoever makes the objects of one workload alone waits for no SDK.
if TYPE_CHECKING:
    import pulumi

    from bedplate.kubernetes import KubernetesObject


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """That a workload is stopped while nobody uses it, and started by a request.

    polling_paths: patterns of paths (RE2, from their beginning; `PUT /path` where it is not GET) that its open pages
    ask for by themselves, whoever looks at them: such requests neither keep it nor wake it.
    """

    polling_paths: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class CanaryRequest:
    """A release beside a workload, for a share of its callers. identity: of its pods. service: what leads to them, on
    the workload's port. after: what must be there before anybody is led to it."""

    identity: Identity
    service: str
    weight_percent: int
    after: "Sequence[pulumi.Resource]" = ()


@dataclass(frozen=True, kw_only=True)
class RouteRequest:
    """A way in that a workload asks for. identity: of the workload. namespace, namespace_name: of its tenant. service,
    service_port: what the way leads to; port: of its pods. groups: who may come in; people: those of them alone, by
    address, and everybody in the groups if none. sleep: None if it always runs. canary: a release beside it."""

    spec: RouteSpec
    identity: Identity
    namespace: "KubernetesObject"
    namespace_name: str
    service: str
    service_port: int
    port: int
    groups: Sequence[str]
    people: Sequence[str] = ()
    sleep: Sleep | None = None
    canary: CanaryRequest | None = None


class FrontDoorOffer(Protocol):
    """Ways in from outside the cluster."""

    @property
    def serves_any_host(self) -> bool:
        """Whether a host of the domain is served whoever asks for it, without a certificate of its own."""
        ...

    def admit(self, name: str, groups: Sequence[str], identity: Identity, parent: "pulumi.Resource") -> None:
        """Registers for `parent`, a tenant, what routes of its members lead through. identity: of the tenant."""
        ...

    def open(self, name: str, request: RouteRequest, parent: "pulumi.Resource") -> None:
        """Registers the way in for `parent`."""


@dataclass(frozen=True, kw_only=True)
class ActivityRequest:
    """That a target is stopped while nobody uses it. kind, target: of what is scaled, named like its workload.

    namespace, namespace_name: of its tenant. after_minutes: without use; the stack's if none. replicas_min,
    replicas_max, cpu_percent: how many pods while it is in use, and the use of CPU above which some are added, if any.
    route: name of the route at which its use is counted, if there is one; host: where it answers, if that is of its own
    choice. gpus, accelerator: of its pods together.
    """

    identity: Identity
    namespace: "KubernetesObject"
    namespace_name: str
    kind: Literal["Deployment", "StatefulSet"]
    target: str
    after_minutes: int | None = None
    replicas_min: int = 1
    replicas_max: int = 1
    cpu_percent: int | None = None
    route: str = ""
    host: str = ""
    gpus: int = 0
    accelerator: str = ""


class ActivityOffer(Protocol):
    """Who stops what nobody uses, and starts it again."""

    def minutes(self, asked: int | None) -> int:
        """Without use after which something is stopped that asks for so many, or for none."""
        ...

    def scale(self, name: str, request: ActivityRequest, parent: "pulumi.Resource") -> None:
        """Registers it for `parent`."""
        ...


class ShellOffer(Protocol):
    """Ways in by SSH."""

    def authorized_keys(self, person: str) -> str:
        """What a workload's SSH server lets a person in by, as OpenSSH reads it."""
        ...


@dataclass(frozen=True, kw_only=True)
class BacklogRequest:
    """That a Deployment has more pods while much waits in them. target: its name, and its workload's. per_pod: by
    series that each of its pods tells, the value in each above which pods are added."""

    identity: Identity
    namespace: "KubernetesObject"
    namespace_name: str
    target: str
    replicas_min: int
    replicas_max: int
    per_pod: Mapping[str, float]


class BacklogOffer(Protocol):
    """Who adds pods by what waits."""

    def scale_by_backlog(self, name: str, request: BacklogRequest, parent: "pulumi.Resource") -> None:
        """Registers it for `parent`."""


@dataclass(frozen=True, kw_only=True)
class TenantQueue:
    """The queue of a tenant. namespace, namespace_name: of it. cpu, memory_gib, pods, gpus: what queued work may have
    of its quota; borrowed_gpus: what it may have more while others leave it idle. GPUs are by accelerator."""

    identity: Identity
    namespace: "KubernetesObject"
    namespace_name: str
    cpu: float
    memory_gib: float
    pods: int
    gpus: Mapping[str, int]
    borrowed_gpus: Mapping[str, int]


class QueueOffer(Protocol):
    """Where work waits its turn."""

    @property
    def before_jobs(self) -> "Sequence[pulumi.Resource]":
        """What must be there before something is queued."""
        ...

    def open(self, name: str, request: TenantQueue, parent: "pulumi.Resource") -> "pulumi.Resource":
        """Registers the queue of a tenant for `parent`; what is queued comes after what is returned."""
        ...


@dataclass(frozen=True, kw_only=True)
class TenantImages:
    """The images of a tenant. namespace, namespace_name: of it. groups: whose members may build."""

    identity: Identity
    namespace: "KubernetesObject"
    namespace_name: str
    groups: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class BuilderRequest:
    """That a workload's pods have images of their tenant built. identity: of the workload, and its
    ServiceAccount's name. namespace, namespace_name: of the tenant."""

    identity: Identity
    namespace: "KubernetesObject"
    namespace_name: str


class ImagesOffer(Protocol):
    """A registry, and builds in the cluster."""

    @property
    def pull_secrets(self) -> Sequence[str]:
        """Names of Secrets in the tenant's namespace by which its pods' images are pulled."""
        ...

    def repository(self, tenant: str) -> str:
        """What a tenant's images begin with, without '/' at the end; '' where there is no registry."""
        ...

    def caches(self, tenant: str) -> str:
        """What the references of its builds' caches begin with; '' where they are beside the images."""
        ...

    def builds_for(self, tenant: str) -> bool:
        """Whether a tenant's members may build in the cluster."""
        ...

    def scans_for(self, tenant: str) -> bool:
        """Whether they can have their images scanned there."""
        ...

    def open(self, name: str, request: TenantImages, parent: "pulumi.Resource") -> None:
        """Registers for `parent`, a tenant, what its images need."""
        ...

    def let_build(self, name: str, request: BuilderRequest, parent: "pulumi.Resource") -> None:
        """Registers for `parent`, a workload, what its pods need to start builds; after `open` of its tenant."""
        ...


@dataclass(frozen=True, kw_only=True)
class SecretStoreRequest:
    """Where a tenant's external secrets are read. identity, namespace, namespace_name: of the tenant. names: of the
    secrets that its workloads ask for."""

    tenant: str
    identity: Identity
    namespace: "KubernetesObject"
    namespace_name: str
    names: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ExternalValue:
    """A value in a tenant's store. name: of the secret, behind the tenant's prefix. key: of the value in it; '' for the
    secret as a whole."""

    name: str
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class ExternalSecretRequest:
    """A Secret of a workload, brought from its tenant's store. identity: of the workload. secret: its name. variables:
    what stands in it, by key. after: what is there before it can be brought."""

    tenant: str
    identity: Identity
    namespace: "KubernetesObject"
    namespace_name: str
    secret: str
    variables: Mapping[str, ExternalValue]
    after: "Sequence[pulumi.Resource]" = ()


class SecretsOffer(Protocol):
    """Secrets from outside of the stack."""

    def open(self, name: str, request: SecretStoreRequest, parent: "pulumi.Resource") -> "pulumi.Resource | None":
        """Registers the store of a tenant for `parent`; what is brought from it comes after what is returned."""
        ...

    def bring(self, name: str, request: ExternalSecretRequest, parent: "pulumi.Resource") -> None:
        """Registers the Secret for `parent`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Offers:
    """Each offer, or None where this stack does not make it."""

    front_door: FrontDoorOffer | None = None
    activity: ActivityOffer | None = None
    backlog: BacklogOffer | None = None
    queue: QueueOffer | None = None
    shell: ShellOffer | None = None
    images: ImagesOffer | None = None
    secrets: SecretsOffer | None = None
