"""A platform's cluster on Google Cloud: which parts there are, in which order, and what they mean for everything above.

Owns the Google provider, the Kubernetes provider and the facts; every part owns itself.
"""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp
from pulumi_gcp import container

from bedplate.clouds.cluster import EVERY_HOST, Cluster, ClusterArgs, kubeconfig_without_credential, kubernetes_provider
from bedplate.clouds.contract import Grant, ImagesGrant, ImagesPlace, SecretsGrant
from bedplate.clouds.facts import ClusterFacts, DnsFacts, SecretStoreFacts, StorageProvisioner, WorkloadIdentity
from bedplate.clouds.gcp.audit import GcpAudit, GcpAuditArgs
from bedplate.clouds.gcp.budget import GcpBudget, GcpBudgetArgs
from bedplate.clouds.gcp.cluster import GcpControlPlane, GcpControlPlaneArgs
from bedplate.clouds.gcp.dns import GcpDns, GcpDnsArgs, host_record, solver
from bedplate.clouds.gcp.identity import (
    GcpIdentities,
    GcpIdentitiesArgs,
    GcpWorkloadIdentity,
    GcpWorkloadIdentityArgs,
    Permission,
    permission_of,
    secret_prefix,
)
from bedplate.clouds.gcp.keys import GcpKeys, GcpKeysArgs, key_id
from bedplate.clouds.gcp.network import GcpNetwork, GcpNetworkArgs
from bedplate.clouds.gcp.node_pools import GcpNodePool, GcpNodePoolArgs
from bedplate.clouds.gcp.registry import GcpRegistry, GcpRegistryArgs, GcpTenantImages, GcpTenantImagesArgs
from bedplate.clouds.gcp.spec import AddressPlan, GcpClusterSpec
from bedplate.clouds.gcp.storage import GcpStorage, GcpStorageArgs
from bedplate.labels import DELETED_CLASS, RETAINED_CLASS, SHARED_CLASS

_DRIVER_FOLDER = "/home/kubernetes/bin/nvidia"
"""https://cloud.google.com/kubernetes-engine/docs/how-to/gpus#cuda"""
_METADATA_SERVER = ("169.254.169.252/32", "169.254.169.254/32")
"""Where GKE's metadata server answers pods, which gives them their own identity and not the node's
(https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#network-policy-and-workload-identity)."""


class GcpCluster(Cluster):
    """A GKE cluster in a VPC of its own."""

    control_plane: GcpControlPlane
    """GKE itself: `control_plane.cluster` is the way to what the platform does not cover."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpCluster", name, {}, opts)
        spec = args.spec
        assert isinstance(spec, GcpClusterSpec)
        self._prefix, self._spec, self._domain = name, spec, args.domain
        self._tenants: dict[str, GcpTenantImages] = {}
        self._gcp = self._signed_in()
        child = self._child()
        self._keys = GcpKeys(f"{name}-keys", GcpKeysArgs(spec=spec), child)
        self._network = GcpNetwork(f"{name}-network", GcpNetworkArgs(spec=spec), child)
        self._identities = GcpIdentities(f"{name}-identities", GcpIdentitiesArgs(spec=spec), child)
        self.control_plane = GcpControlPlane(
            f"{name}-control-plane",
            GcpControlPlaneArgs(spec=spec, network=self._network, keys=self._keys, identities=self._identities),
            child,
        )
        nodes = self._nodes(args)
        self._dns = GcpDns(
            f"{name}-dns", GcpDnsArgs(spec=spec, domain=args.domain, after=[self.control_plane.cluster]), child
        )
        GcpStorage(f"{name}-storage", GcpStorageArgs(spec=spec, keys=self._keys), child)
        GcpRegistry(f"{name}-registry", GcpRegistryArgs(spec=spec, keys=self._keys, identities=self._identities), child)
        GcpAudit(f"{name}-audit", GcpAuditArgs(spec=spec, keys=self._keys), child)
        GcpBudget(f"{name}-budget", GcpBudgetArgs(spec=spec), child)
        self.kubernetes_provider = kubernetes_provider(
            f"{name}-kubernetes",
            spec.cluster_id,
            kubeconfig=kubeconfig(spec, self.control_plane.cluster),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*self.control_plane.administrators, *nodes, self._dns]
            ),
        )
        self.facts = facts(spec)
        self.register_outputs({})

    def workload_identity(
        self, name: str, namespace: str, service_account: str, grants: Sequence[Grant]
    ) -> WorkloadIdentity:
        """Roles for the ServiceAccount itself, as a principal of the workload pool."""
        GcpWorkloadIdentity(
            f"{self._prefix}-{name}",
            GcpWorkloadIdentityArgs(
                spec=self._spec,
                namespace=namespace,
                service_account=service_account,
                permissions=[permission for grant in grants for permission in self._permissions(grant)],
                after=[self.control_plane.cluster],
            ),
            self._child(),
        )
        return WorkloadIdentity(credentials_networks=_METADATA_SERVER)

    def secret_store(self, grant: SecretsGrant, service_account: str) -> SecretStoreFacts:
        """Secret Manager, by a token of the ServiceAccount, which is a principal itself:
        https://external-secrets.io/latest/provider/google-secrets-manager/."""
        spec = self._spec
        signed_in = {
            "clusterLocation": spec.region,
            "clusterName": spec.name,
            "clusterProjectID": spec.project_id,
            "serviceAccountRef": {"name": service_account},
        }
        store = {"projectID": spec.project_id, "auth": {"workloadIdentity": signed_in}}
        return SecretStoreFacts(provider={"gcpsm": store}, prefix=secret_prefix(grant.prefix))

    def point_hosts(self, name: str, address: pulumi.Input[str], host: str = EVERY_HOST) -> None:
        """By the IP address, which stays as long as its Service does."""
        host_record(f"{self._prefix}-{name}", self._dns.zone, f"{host}.{self._domain}", address, self._child())

    def images_place(self, tenant: str) -> ImagesPlace:
        """Two repositories of Artifact Registry, which stay when the tenant goes, as its images do."""
        self._images(tenant)
        return self._spec.images_place(tenant)

    def _permissions(self, grant: Grant) -> list[Permission]:
        if isinstance(grant, ImagesGrant):
            return self._images(grant.tenant).permissions(grant.access)
        return [permission_of(grant, self._spec)]

    def _images(self, tenant: str) -> GcpTenantImages:
        if tenant not in self._tenants:
            args = GcpTenantImagesArgs(spec=self._spec, keys=self._keys, identities=self._identities, tenant=tenant)
            self._tenants[tenant] = GcpTenantImages(f"{self._prefix}-images-{tenant}", args, self._child())
        return self._tenants[tenant]

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, providers=[self._gcp])

    def _signed_in(self) -> gcp.Provider:
        return gcp.Provider(
            f"{self._prefix}-gcp",
            project=self._spec.project_id,
            region=self._spec.region,
            # Calls count against this project, whoever makes them: budgets refuse a person's credentials otherwise.
            billing_project=self._spec.project_id,
            user_project_override=True,
            default_labels=self._spec.resource_labels,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _nodes(self, args: ClusterArgs) -> list[GcpNodePool]:
        return [
            GcpNodePool(
                f"{self._prefix}-pool-{pool_name}",
                GcpNodePoolArgs(
                    spec=self._spec,
                    pool_name=pool_name,
                    pool=pool,
                    taints=self._spec.taints_of(pool_name, args.node_pools),
                    keys=self._keys,
                    identities=self._identities,
                    control_plane=self.control_plane,
                ),
                self._child(),
            )
            for pool_name, pool in args.node_pools.items()
        ]


def facts(spec: GcpClusterSpec) -> ClusterFacts:
    """What Google Cloud means for everything above.

    Balanced Persistent Disk is what all machines attach but those of A3 Ultra, A4, A4X and G4, whose pods mount shared
    volumes and buckets: https://cloud.google.com/compute/docs/disks/hyperdisks#machine-type-support. Load balancers:
    https://cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer. Filestore:
    https://github.com/kubernetes-sigs/gcp-filestore-csi-driver.
    """
    key = key_id(spec, "data")
    return ClusterFacts(
        kubernetes_version=spec.kubernetes_version,
        deleted_storage_class=DELETED_CLASS,
        retained_storage_class=RETAINED_CLASS,
        shared_storage_class=SHARED_CLASS,
        block_storage=StorageProvisioner(
            provisioner="pd.csi.storage.gke.io",
            parameters={"type": "pd-balanced", "disk-encryption-kms-key": key},
        ),
        shared_storage=StorageProvisioner(
            provisioner="filestore.csi.storage.gke.io",
            parameters={
                "tier": "zonal",
                "network": spec.name,
                "reserved-ipv4-cidr": AddressPlan.of(spec.network).files,
                "instance-encryption-kms-key": key,
            },
        ),
        has_load_balancers=True,
        load_balancer_annotations={"cloud.google.com/l4-rbs": "enabled"},
        dns01_solver=solver(spec),
        service_account_issuer=spec.service_account_issuer,
        registry=spec.registry_address,
        artifact_bucket=spec.bucket("artifacts"),
        audit_bucket=spec.bucket("audit"),
        autoscaler="native",
        spot_label={"cloud.google.com/gke-spot": "true"},
        has_device_plugin=True,
        # GKE's own exporter tells Google's monitoring alone.
        has_gpu_metrics=False,
        gpu_driver_folder=_DRIVER_FOLDER,
        has_metrics_server=True,
        # A cache on each node, where somebody switches it on, answers at this address or as a pod.
        dns=DnsFacts(addresses=("169.254.20.10/32",)),
        networks=spec.network.own_networks(),
    )


def kubeconfig(spec: GcpClusterSpec, cluster: container.Cluster) -> pulumi.Output[str]:
    """A kubeconfig that holds no credential: whoever uses it asks Google for a token.

    https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl
    """
    command = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "gke-gcloud-auth-plugin",
        "provideClusterInfo": True,
    }
    server = pulumi.Output.concat("https://", cluster.endpoint)
    return kubeconfig_without_credential(spec.name, server, cluster.master_auth.cluster_ca_certificate, command)
