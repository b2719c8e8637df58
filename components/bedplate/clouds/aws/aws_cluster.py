"""A platform's cluster on AWS: which parts there are, in which order, and what they mean for everything above.

Owns the AWS provider, the Kubernetes provider and the facts; every part owns itself.
"""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws
from pulumi_aws import eks

from bedplate.clouds.aws.audit import AwsAudit, AwsAuditArgs
from bedplate.clouds.aws.budget import AwsBudget, AwsBudgetArgs
from bedplate.clouds.aws.cluster import AwsAddons, AwsAddonsArgs, AwsControlPlane, AwsControlPlaneArgs
from bedplate.clouds.aws.dns import AwsDns, AwsDnsArgs, host_record, solver
from bedplate.clouds.aws.identity import (
    AwsIdentities,
    AwsIdentitiesArgs,
    AwsWorkloadIdentity,
    AwsWorkloadIdentityArgs,
    permissions_of,
)
from bedplate.clouds.aws.karpenter import AwsKarpenter, AwsKarpenterArgs, AwsNodesArgs, karpenter_facts
from bedplate.clouds.aws.keys import AwsKeys, AwsKeysArgs, data_key_alias_arn
from bedplate.clouds.aws.network import AwsNetwork, AwsNetworkArgs
from bedplate.clouds.aws.node_pools import SPOT_LABEL, AwsNodePool, AwsNodePoolArgs
from bedplate.clouds.aws.registry import AwsRegistry, AwsRegistryArgs
from bedplate.clouds.aws.shared_files import AwsSharedFiles, AwsSharedFilesArgs
from bedplate.clouds.aws.spec import PEOPLE_PREFIX, AwsClusterSpec
from bedplate.clouds.aws.storage import AwsStorage, AwsStorageArgs
from bedplate.clouds.cluster import EVERY_HOST, Cluster, ClusterArgs, kubeconfig_without_credential, kubernetes_provider
from bedplate.clouds.contract import Grant, ImagesPlace, SecretsGrant
from bedplate.clouds.facts import (
    AutoscalerFacts,
    ClusterFacts,
    DnsFacts,
    FabricFacts,
    KarpenterFacts,
    SecretStoreFacts,
    StorageProvisioner,
    WorkloadIdentity,
)
from bedplate.labels import (
    AUTOSCALER_SERVICE_ACCOUNT,
    AUTOSCALING_NAMESPACE,
    DELETED_CLASS,
    DOMAIN,
    KARPENTER,
    KARPENTER_NAMESPACE,
    RETAINED_CLASS,
    SHARED_CLASS,
)

_POD_IDENTITY_NETWORK = "169.254.170.23/32"
"""Where the agent of EKS Pod Identity answers: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html."""


class AwsCluster(Cluster):
    """An EKS cluster in a VPC of its own."""

    control_plane: AwsControlPlane
    """EKS itself: `control_plane.cluster` is the way to what the platform does not cover."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsCluster", name, {}, opts)
        spec = args.spec
        assert isinstance(spec, AwsClusterSpec)
        self._prefix, self._spec, self._domain = name, spec, args.domain
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
            AwsAddonsArgs(
                spec=spec, cluster_name=self.control_plane.cluster.name, identities=self._identities, after=nodes
            ),
            child,
        )
        autoscaler, scaling = self._autoscaler(args)
        self._dns = AwsDns(
            f"{name}-dns", AwsDnsArgs(spec=spec, domain=args.domain, after=self.control_plane.addons), child
        )
        AwsStorage(f"{name}-storage", AwsStorageArgs(spec=spec, keys=self._keys), child)
        files = AwsSharedFiles(
            f"{name}-shared",
            AwsSharedFilesArgs(
                spec=spec, network=self._network, keys=self._keys, control_plane=self.control_plane, after=nodes
            ),
            child,
        )
        AwsRegistry(f"{name}-registry", AwsRegistryArgs(spec=spec, keys=self._keys), child)
        AwsAudit(
            f"{name}-audit",
            AwsAuditArgs(spec=spec, network=self._network, keys=self._keys, control_plane=self.control_plane),
            child,
        )
        AwsBudget(f"{name}-budget", AwsBudgetArgs(spec=spec), child)
        # Pods get their identity when they are made, so identities must be there before them.
        before = [*self.control_plane.administrators, *nodes, addons, *autoscaler, self._dns]
        self.kubernetes_provider = kubernetes_provider(
            f"{name}-kubernetes",
            spec.cluster_arn,
            kubeconfig=kubeconfig(spec, self.control_plane.cluster),
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )
        self.facts = facts(
            spec,
            zone_id=self._dns.zone_id,
            service_account_issuer=self.control_plane.issuer.url,
            shared_storage=files.provisioner,
            autoscaler=scaling,
            fabrics=spec.fabrics(args.node_pools),
        )
        self.register_outputs({})

    def workload_identity(
        self, name: str, namespace: str, service_account: str, grants: Sequence[Grant]
    ) -> WorkloadIdentity:
        """A role, associated with the ServiceAccount by EKS Pod Identity, and taken with its tokens too (IRSA)."""
        identity = AwsWorkloadIdentity(
            f"{self._prefix}-{name}",
            AwsWorkloadIdentityArgs(
                spec=self._spec,
                namespace=namespace,
                service_account=service_account,
                statements=permissions_of(grants, self._spec, self._keys.data_arn),
                issuer=self.control_plane.issuer,
                after=self.control_plane.addons,
            ),
            self._child(),
        )
        return WorkloadIdentity(
            annotations={"eks.amazonaws.com/role-arn": identity.role_arn},
            credentials_networks=(_POD_IDENTITY_NETWORK,),
        )

    def secret_store(self, grant: SecretsGrant, service_account: str) -> SecretStoreFacts:
        """Secrets Manager, by a token of the ServiceAccount: https://external-secrets.io/latest/provider/aws-access/."""
        signed_in = {"jwt": {"serviceAccountRef": {"name": service_account}}}
        store = {"service": "SecretsManager", "region": self._spec.region, "auth": signed_in}
        return SecretStoreFacts(provider={"aws": store}, prefix=grant.prefix)

    def images_place(self, tenant: str) -> ImagesPlace:
        """Nothing to make: ECR does, after the registry's template."""
        return self._spec.images_place(tenant)

    def point_hosts(self, name: str, address: pulumi.Input[str], host: str = EVERY_HOST) -> None:
        """By name: a Network Load Balancer's addresses are its own affair."""
        host_record(f"{self._prefix}-{name}", self._dns.zone_id, f"{host}.{self._domain}", address, self._child())

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
                    pool=group,
                    taints=self._spec.taints_of(pool_name, args.node_pools),
                    network=self._network,
                    keys=self._keys,
                    identities=self._identities,
                    control_plane=self.control_plane,
                    tags=self._tags,
                ),
                self._child(),
            )
            for pool_name, pool in args.node_pools.items()
            if (group := self._spec.group_of(pool))
        ]

    def _autoscaler(self, args: ClusterArgs) -> tuple[list[pulumi.Resource], AutoscalerFacts | KarpenterFacts]:
        """What must be there before the autoscaler, and what it must know."""
        namespace, account = AUTOSCALING_NAMESPACE, AUTOSCALER_SERVICE_ACCOUNT
        if self._spec.has_karpenter:
            # A namespace of its own: while one takes the other's place both are there.
            namespace, account = KARPENTER_NAMESPACE, KARPENTER
        association = eks.PodIdentityAssociation(
            f"{self._prefix}-autoscaler",
            cluster_name=self.control_plane.cluster.name,
            namespace=namespace,
            service_account=account,
            role_arn=self._identities.autoscaler.arn,
            opts=pulumi.ResourceOptions(parent=self, provider=self._aws, depends_on=self.control_plane.addons),
        )
        if not self._spec.has_karpenter:
            return [association], autoscaler_facts(self._spec)
        karpenter = AwsKarpenter(
            f"{self._prefix}-karpenter",
            AwsKarpenterArgs(spec=self._spec, identities=self._identities),
            self._child(),
        )
        nodes = AwsNodesArgs(
            spec=self._spec,
            network=self._network,
            keys=self._keys,
            control_plane=self.control_plane,
            karpenter=karpenter,
            tags=self._tags,
        )
        return [association, karpenter], karpenter_facts(nodes, args.node_pools, _POD_IDENTITY_NETWORK)


def facts(
    spec: AwsClusterSpec,
    *,
    zone_id: pulumi.Input[str],
    service_account_issuer: pulumi.Input[str],
    shared_storage: StorageProvisioner,
    autoscaler: AutoscalerFacts | KarpenterFacts,
    fabrics: Mapping[str, FabricFacts],
) -> ClusterFacts:
    """What AWS means for everything above; https://docs.aws.amazon.com/eks/latest/userguide/aws-load-balancer-controller.html."""
    return ClusterFacts(
        kubernetes_version=spec.kubernetes_version,
        deleted_storage_class=DELETED_CLASS,
        retained_storage_class=RETAINED_CLASS,
        shared_storage_class=SHARED_CLASS,
        shared_storage=shared_storage,
        block_storage=StorageProvisioner(
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true", "kmsKeyId": data_key_alias_arn(spec)},
        ),
        group_prefix=PEOPLE_PREFIX if spec.access.identity_provider else "",
        has_load_balancers=True,
        load_balancer_annotations={
            "service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing",
            "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
            "service.beta.kubernetes.io/aws-load-balancer-cross-zone-load-balancing-enabled": "true",
        },
        dns01_solver=solver(spec, zone_id),
        service_account_issuer=service_account_issuer,
        registry=spec.registry_address,
        artifact_bucket=spec.bucket("artifacts"),
        audit_bucket=spec.bucket("audit"),
        autoscaler=autoscaler,
        spot_label=SPOT_LABEL,
        has_device_plugin=False,
        has_gpu_metrics=False,
        gpu_driver=spec.driver_of_gpus(),
        fabrics=fabrics,
        has_metrics_server=True,
        # CoreDNS, the add-on; and Kubernetes' cache on each node, where somebody runs it.
        dns=DnsFacts(addresses=("169.254.20.10/32",)),
        networks=spec.network.own_networks(),
    )


def autoscaler_facts(spec: AwsClusterSpec) -> AutoscalerFacts:
    """How the cluster autoscaler finds the node groups: EKS puts both tags on their Auto Scaling groups.

    https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html,
    https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md#auto-discovery-setup
    """
    tags = ("k8s.io/cluster-autoscaler/enabled", f"k8s.io/cluster-autoscaler/{spec.name}")
    return AutoscalerFacts(
        arguments=("--cloud-provider=aws", f"--node-group-auto-discovery=asg:tag={','.join(tags)}"),
        environment={"AWS_REGION": spec.region},
        credentials_network=_POD_IDENTITY_NETWORK,
    )


def kubeconfig(spec: AwsClusterSpec, cluster: eks.Cluster) -> pulumi.Output[str]:
    """A kubeconfig that holds no credential: whoever uses it asks AWS for a token."""
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", spec.name, "--region", spec.region, "--output", "json"],
    }
    return kubeconfig_without_credential(spec.name, cluster.endpoint, cluster.certificate_authority.data, command)
