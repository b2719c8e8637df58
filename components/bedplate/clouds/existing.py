"""A cluster that is already there, as a stack file describes it; its component is `bedplate.clouds.existing_cluster`.

Whoever runs the cluster labels and taints its GPU nodes as `docs/guides/first-stack.md` says.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field, ValidationInfo, field_validator

from bedplate.clouds.catalogue import MachineShape
from bedplate.clouds.contract import SUPPORTED_KUBERNETES_VERSIONS, ClusterSpec, NodePoolSpec
from bedplate.clouds.facts import ClusterFacts, FabricFacts, TenantSecretsFacts, another_class
from bedplate.clouds.kubeconfig import missing_context
from bedplate.labels import SYSTEM_POOL
from bedplate.spec import ConfigKey, DnsLabel, DnsName, Spec, mistake

if TYPE_CHECKING:
    from bedplate.clouds.cluster import ClusterImplementation


class StorageClassesSpec(Spec):
    """StorageClasses of the cluster, by what happens to a disk when its claim is deleted."""

    deleted: DnsName
    """StorageClass with reclaim policy Delete."""
    retained: DnsName
    """StorageClass with reclaim policy Retain."""

    @field_validator("retained")
    @classmethod
    def _distinct(cls, retained: str, info: ValidationInfo) -> str:
        return another_class(retained, "deleted", info.data.get("deleted"))


class ExistingClusterSpec(ClusterSpec):
    """A cluster that somebody else created."""

    owns_cluster: ClassVar[bool] = False

    provider: Literal["existing"]
    """Which cloud: `existing` takes the cluster from a kubeconfig."""
    name: DnsLabel
    """Identity of the cluster. Changing it means another cluster: every object is created anew."""
    context: str | None = None
    """Context of the kubeconfig; without it the kubeconfig's current context."""
    kubeconfig_ref: ConfigKey | None = None
    """Name of the config secret that holds the kubeconfig; without it KUBECONFIG or ~/.kube/config."""
    storage_classes: StorageClassesSpec | None = None
    """The cluster's StorageClasses by purpose, where `facts` does not say more."""
    facts: ClusterFacts | None = Field(default=None, validate_default=True)
    """What the stack that owns the cluster exports, or what is known of a cluster that no stack owns."""

    @field_validator("facts", mode="before")
    @classmethod
    def _with_the_version(cls, facts: Any, info: ValidationInfo) -> Any:
        """What the section has said already need not be said again, even if what it has said is wrong."""
        version = info.data.get("kubernetes_version", SUPPORTED_KUBERNETES_VERSIONS[-1])
        if not isinstance(facts, Mapping):
            return facts
        written = cast(Mapping[str, Any], facts)
        return written if "kubernetesVersion" in written else {"kubernetesVersion": version, **written}

    @field_validator("facts")
    @classmethod
    def _of_this_cluster(cls, facts: ClusterFacts | None, info: ValidationInfo) -> ClusterFacts | None:
        classes, version = info.data.get("storage_classes"), info.data.get("kubernetes_version")
        if facts is None and classes is None and "storage_classes" in info.data:
            raise mistake(
                "nothing says which StorageClasses the cluster has",
                "add `storageClasses: {deleted: …, retained: …}`, or the `facts` that the cluster's own stack exports",
            )
        if facts is not None and classes is not None:
            raise mistake("the StorageClasses are written twice", "remove `storageClasses`: `facts` names them")
        if facts is not None and version is not None and facts.kubernetes_version != version:
            raise mistake(
                f"these are facts of Kubernetes {facts.kubernetes_version}, and kubernetesVersion is {version}",
                "take them anew: `pulumi stack output facts` of the stack that owns the cluster",
            )
        return facts

    def implementation(self) -> "ClusterImplementation":
        """The cluster as it is."""
        from bedplate.clouds.existing_cluster import ExistingCluster

        return ExistingCluster

    def shape_of(self, pool: NodePoolSpec) -> MachineShape:
        """What `machine` says; nothing is chosen here."""
        if pool.machine_type or pool.reservation or pool.interconnect or pool.local_disks:
            raise mistake(
                "an existing cluster's machines are chosen by whoever runs it",
                "remove `machineType`, `reservation`, `interconnect` and `localDisks`; write their size as `machine`",
            )
        if pool.machine is None:
            raise mistake(
                "the size of an existing cluster's machines is not known",
                "add `machine: {cpu: …, memoryGib: …}`, the size of one machine",
            )
        return MachineShape(
            machine_type="", cpu=pool.machine.cpu, memory_gib=pool.machine.memory_gib, gpus=pool.count or 0
        )

    def reserves_system_pool(self, pools: Mapping[str, NodePoolSpec]) -> bool:
        """Only where the facts say that its nodes are tainted."""
        facts: ClusterFacts | None = getattr(self, "facts", None)
        return facts is not None and facts.reserves_system_pool and SYSTEM_POOL in pools

    def config_secrets(self) -> Mapping[str, str]:
        """The kubeconfig, if it is a secret of the stack."""
        kubeconfig = getattr(self, "kubeconfig_ref", None)
        return {"kubeconfigRef": kubeconfig} if kubeconfig else {}

    def out_of_reach_here(self) -> list[str]:
        """A context that the kubeconfig of this machine does not have, where that can be read."""
        missing = missing_context(self.context) if self.context and not self.kubeconfig_ref else None
        return [f"cloud.context: {missing}"] if missing else []

    def storage_classes_there(self) -> Mapping[str, str]:
        """Those that the platform does not make."""
        facts = self.known_facts()
        there: dict[str, str] = {}
        if facts.block_storage is None:
            there |= {facts.deleted_storage_class: "Delete", facts.retained_storage_class: "Retain"}
        if facts.shared_storage_class and facts.shared_storage is None:
            there[facts.shared_storage_class] = "Retain"
        return there

    def owns_dns_zone(self) -> bool:
        """Where the facts have a way to solve challenges, or are wrong and may have one."""
        if not hasattr(self, "facts"):
            return True
        return self.facts is not None and self.facts.dns01_solver is not None

    def has_registry(self) -> bool:
        """Where the facts name one, or are wrong and may name one."""
        if not hasattr(self, "facts"):
            return True
        return self.facts is not None and self.facts.registry is not None

    @property
    def registry_address(self) -> str | None:
        """What the facts say."""
        facts: ClusterFacts | None = getattr(self, "facts", None)
        return facts.registry if facts else None

    def publishes_service_account_keys(self) -> bool:
        """Where the facts say under which address, or are wrong and may say it."""
        if not hasattr(self, "facts"):
            return True
        return self.facts is not None and self.facts.service_account_issuer is not None

    def measures_pods(self) -> bool:
        """Unless the facts say that nobody does."""
        facts: ClusterFacts | None = getattr(self, "facts", None)
        return facts is None or facts.has_metrics_server

    def driver_of_gpus(self) -> int | None:
        """What the facts say."""
        facts: ClusterFacts | None = getattr(self, "facts", None)
        return facts.gpu_driver if facts else None

    def fabrics(self, pools: Mapping[str, NodePoolSpec]) -> Mapping[str, FabricFacts]:
        """What the facts say."""
        facts: ClusterFacts | None = getattr(self, "facts", None)
        return facts.fabrics if facts else {}

    def secret_stores(self) -> Mapping[str, TenantSecretsFacts]:
        """What the facts say."""
        facts: ClusterFacts | None = getattr(self, "facts", None)
        return facts.secret_stores if facts else {}

    def shares_volumes(self) -> bool:
        """Unless the facts name no class for it."""
        facts: ClusterFacts | None = getattr(self, "facts", None)
        return facts is None or facts.shared_storage_class is not None

    def known_facts(self) -> ClusterFacts:
        """What is written, or what follows from the StorageClasses."""
        if self.facts is not None:
            return self.facts
        assert self.storage_classes is not None
        return ClusterFacts(
            kubernetes_version=self.kubernetes_version,
            deleted_storage_class=self.storage_classes.deleted,
            retained_storage_class=self.storage_classes.retained,
        )
