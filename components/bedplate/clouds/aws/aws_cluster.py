"""A platform's cluster on AWS: which parts there are, in which order, and what they mean for everything above.

Owns the AWS provider, the Kubernetes provider and the facts; every part owns itself.
"""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from pulumi_aws import eks

from bedplate.clouds.aws.audit import AwsAudit, AwsAuditArgs
from bedplate.clouds.aws.budget import AwsBudget, AwsBudgetArgs
from bedplate.clouds.aws.cluster import AwsAddons, AwsAddonsArgs, AwsControlPlane, AwsControlPlaneArgs
from bedplate.clouds.aws.dns import AwsDns, AwsDnsArgs, solver
from bedplate.clouds.aws.identity import (
    AwsIdentities,
    AwsIdentitiesArgs,
    AwsWorkloadIdentity,
    AwsWorkloadIdentityArgs,
    permissions_of,
)
from bedplate.clouds.aws.keys import AwsKeys, AwsKeysArgs, data_key_alias_arn
from bedplate.clouds.aws.network import AwsNetwork, AwsNetworkArgs
from bedplate.clouds.aws.node_pools import AwsNodePool, AwsNodePoolArgs
from bedplate.clouds.aws.registry import AwsRegistry, AwsRegistryArgs, registry_address
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.aws.storage import AwsStorage, AwsStorageArgs
from bedplate.clouds.contract import (
    Cluster,
    ClusterArgs,
    ClusterFacts,
    Grant,
    StorageProvisioner,
    WorkloadIdentity,
    kubeconfig_without_credential,
    kubernetes_provider,
)
from bedplate.labels import DOMAIN

_AUTOSCALER = ("kube-system", "cluster-autoscaler")


class AwsCluster(Cluster):
    """An EKS cluster in a VPC of its own."""

    control_plane: AwsControlPlane
    """EKS itself: `control_plane.cluster` is the way to what the platform does not cover."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsCluster", name, {}, opts)
        spec = args.spec
        assert isinstance(spec, AwsClusterSpec)
        self._prefix, self._spec = name, spec
        self._tags = {**spec.tags, f"{DOMAIN}/platform": spec.name}
        self._aws = self._signed_in()
        child = self._child()
        self._keys = AwsKeys(f"{name}-keys", AwsKeysArgs(spec=spec), child)
        self._network = AwsNetwork(f"{name}-network", AwsNetworkArgs(spec=spec), child)
        self._identities = AwsIdentities(f"{name}-identities", AwsIdentitiesArgs(spec=spec), child)
        self.control_plane = AwsControlPlane(
            f"{name}-control-plane",
            AwsControlPlaneArgs(spec=spec, network=self._network, keys=self._keys, identities=self._identities),
            child,
        )
        nodes = self._nodes(args)
        addons = AwsAddons(
            f"{name}-addons",
            AwsAddonsArgs(cluster_name=self.control_plane.cluster.name, identities=self._identities, after=nodes),
            child,
        )
        self._autoscaler()
        AwsDns(f"{name}-dns", AwsDnsArgs(spec=spec, domain=args.domain, after=self.control_plane.addons), child)
        AwsStorage(f"{name}-storage", AwsStorageArgs(spec=spec, keys=self._keys), child)
        AwsRegistry(f"{name}-registry", AwsRegistryArgs(spec=spec, keys=self._keys), child)
        AwsAudit(
            f"{name}-audit",
            AwsAuditArgs(spec=spec, network=self._network, keys=self._keys, control_plane=self.control_plane),
            child,
        )
        AwsBudget(f"{name}-budget", AwsBudgetArgs(spec=spec), child)
        self.kubernetes_provider = kubernetes_provider(
            f"{name}-kubernetes",
            spec.cluster_arn,
            kubeconfig=kubeconfig(spec, self.control_plane.cluster),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*self.control_plane.administrators, *nodes, addons]),
        )
        self.facts = facts(spec)
        self.register_outputs({})

    def workload_identity(
        self, name: str, namespace: str, service_account: str, grants: Sequence[Grant]
    ) -> WorkloadIdentity:
        """A role, associated with the ServiceAccount by EKS Pod Identity."""
        AwsWorkloadIdentity(
            f"{self._prefix}-{name}",
            AwsWorkloadIdentityArgs(
                spec=self._spec,
                namespace=namespace,
                service_account=service_account,
                statements=permissions_of(grants, self._spec, self._keys.data_arn),
                after=self.control_plane.addons,
            ),
            self._child(),
        )
        return WorkloadIdentity(annotations={}, labels={})

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, providers=[self._aws])

    def _signed_in(self) -> aws.Provider:
        return aws.Provider(
            f"{self._prefix}-aws",
            region=self._spec.region,
            allowed_account_ids=[self._spec.account_id],
            default_tags=aws.ProviderDefaultTagsArgs(tags=self._tags),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _nodes(self, args: ClusterArgs) -> list[AwsNodePool]:
        return [
            AwsNodePool(
                f"{self._prefix}-pool-{pool_name}",
                AwsNodePoolArgs(
                    spec=self._spec,
                    pool_name=pool_name,
                    pool=pool,
                    network=self._network,
                    keys=self._keys,
                    identities=self._identities,
                    control_plane=self.control_plane,
                    tags=self._tags,
                ),
                self._child(),
            )
            for pool_name, pool in args.node_pools.items()
        ]

    def _autoscaler(self) -> None:
        namespace, service_account = _AUTOSCALER
        eks.PodIdentityAssociation(
            f"{self._prefix}-autoscaler",
            cluster_name=self.control_plane.cluster.name,
            namespace=namespace,
            service_account=service_account,
            role_arn=self._identities.autoscaler.arn,
            opts=pulumi.ResourceOptions(parent=self, provider=self._aws, depends_on=self.control_plane.addons),
        )


def facts(spec: AwsClusterSpec) -> ClusterFacts:
    """What AWS means for everything above; https://docs.aws.amazon.com/eks/latest/userguide/aws-load-balancer-controller.html."""
    return ClusterFacts(
        kubernetes_version=spec.kubernetes_version,
        deleted_storage_class="bedplate-deleted",
        retained_storage_class="bedplate-retained",
        block_storage=StorageProvisioner(
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true", "kmsKeyId": data_key_alias_arn(spec)},
        ),
        load_balancer_annotations={
            "service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing",
            "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
            "service.beta.kubernetes.io/aws-load-balancer-cross-zone-load-balancing-enabled": "true",
        },
        dns01_solver=solver(spec),
        registry=registry_address(spec),
        artifact_bucket=spec.bucket("artifacts"),
        audit_bucket=spec.bucket("audit"),
        autoscaler="clusterAutoscaler",
        spot_label={"eks.amazonaws.com/capacityType": "SPOT"},
        has_device_plugin=False,
    )


def kubeconfig(spec: AwsClusterSpec, cluster: eks.Cluster) -> pulumi.Output[str]:
    """A kubeconfig that holds no credential: whoever uses it asks AWS for a token."""
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", spec.name, "--region", spec.region, "--output", "json"],
    }
    return kubeconfig_without_credential(spec.name, cluster.endpoint, cluster.certificate_authority.data, command)
