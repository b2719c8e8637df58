"""A platform's cluster on Azure: which parts there are, in which order, and what they mean for everything above.

Owns the Azure provider, the Kubernetes provider, the facts, and a vault for each prefix of secrets that somebody may
read; every part owns itself.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
import pulumi_azure_native as azure
from pulumi_azure_native import containerservice as aks
from ruamel.yaml import YAML

from bedplate.clouds.azure.audit import AzureAudit, AzureAuditArgs
from bedplate.clouds.azure.budget import AzureBudget, AzureBudgetArgs
from bedplate.clouds.azure.cluster import AzureControlPlane, AzureControlPlaneArgs
from bedplate.clouds.azure.dns import AzureDns, AzureDnsArgs, host_record, solver
from bedplate.clouds.azure.identity import (
    AzureIdentities,
    AzureIdentitiesArgs,
    AzureWorkloadIdentity,
    AzureWorkloadIdentityArgs,
    bucket_permission,
)
from bedplate.clouds.azure.keys import AzureKeys, AzureKeysArgs, AzureVault, AzureVaultArgs, disk_encryption_set_name
from bedplate.clouds.azure.network import AzureNetwork, AzureNetworkArgs, AzurePrivateEndpoint, AzurePrivateEndpointArgs
from bedplate.clouds.azure.node_pools import AzureNodePool, AzureNodePoolArgs, system_pool
from bedplate.clouds.azure.policies import Permission
from bedplate.clouds.azure.registry import AzureRegistry, AzureRegistryArgs
from bedplate.clouds.azure.spec import SYSTEM_POOL, AddressPlan, AzureClusterSpec
from bedplate.clouds.azure.storage import AzureStorage, AzureStorageArgs
from bedplate.clouds.cluster import EVERY_HOST, Cluster, ClusterArgs, kubernetes_provider
from bedplate.clouds.contract import BucketGrant, Grant, ImagesGrant, ImagesPlace, SecretsGrant
from bedplate.clouds.facts import ClusterFacts, DnsFacts, SecretStoreFacts, StorageProvisioner, WorkloadIdentity
from bedplate.labels import DELETED_CLASS, RETAINED_CLASS, SHARED_CLASS

_AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""AKS in every Entra directory: https://learn.microsoft.com/azure/aks/kubelogin-authentication."""


class AzureCluster(Cluster):
    """An AKS cluster in a virtual network of its own."""

    control_plane: AzureControlPlane
    """AKS itself: `control_plane.cluster` is the way to what the platform does not cover."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureCluster", name, {}, opts)
        spec = args.spec
        assert isinstance(spec, AzureClusterSpec)
        self._prefix, self._spec = name, spec
        self._secrets: dict[str, AzureVault] = {}
        self._azure = self._signed_in()
        child = self._child()
        self._network = AzureNetwork(f"{name}-network", AzureNetworkArgs(spec=spec), child)
        self._keys = AzureKeys(f"{name}-keys", AzureKeysArgs(spec=spec, network=self._network), child)
        identities = AzureIdentities(
            f"{name}-identities", AzureIdentitiesArgs(spec=spec, network=self._network, keys=self._keys), child
        )
        self.control_plane = AzureControlPlane(
            f"{name}-control-plane",
            AzureControlPlaneArgs(
                spec=spec,
                network=self._network,
                keys=self._keys,
                identities=identities,
                system_pool=system_pool(spec, args.node_pools, self._network),
            ),
            child,
        )
        nodes = self._nodes(args)
        self._dns = AzureDns(
            f"{name}-dns",
            AzureDnsArgs(spec=spec, network=self._network, domain=args.domain, issuer=self.control_plane.issuer),
            child,
        )
        AzureStorage(
            f"{name}-storage",
            AzureStorageArgs(spec=spec, network=self._network, keys=self._keys, identities=identities),
            child,
        )
        self._identities, self._registries = identities, dict[str, AzureRegistry]()
        AzureRegistry(f"{name}-registry", self._registry_args(spec.registry, "registry"), child)
        AzureAudit(
            f"{name}-audit",
            AzureAuditArgs(spec=spec, network=self._network, keys=self._keys, control_plane=self.control_plane),
            child,
        )
        AzureBudget(f"{name}-budget", AzureBudgetArgs(spec=spec), child)
        self.kubernetes_provider = kubernetes_provider(
            f"{name}-kubernetes",
            spec.cluster_id,
            kubeconfig=kubeconfig(spec, self.control_plane.cluster, self._azure),
            # Issuers act as soon as they are there, so their identity must be there before them.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*nodes, self._dns]),
        )
        self.facts = facts(
            spec,
            dns01_solver=solver(spec, args.domain, self._dns.challenger),
            dns01_identity=pods_of(self._dns.challenger),
            service_account_issuer=self.control_plane.issuer,
        )
        self.register_outputs({})

    def workload_identity(
        self, name: str, namespace: str, service_account: str, grants: Sequence[Grant]
    ) -> WorkloadIdentity:
        """An identity of Entra that trusts the ServiceAccount's tokens; its pods must carry the label.

        Raises ValueError for a bucket of another group, and for secrets without a prefix.
        """
        identity = AzureWorkloadIdentity(
            f"{self._prefix}-{name}",
            AzureWorkloadIdentityArgs(
                spec=self._spec,
                network=self._network,
                namespace=namespace,
                service_account=service_account,
                issuer=self.control_plane.issuer,
                permissions=[self._permission(grant) for grant in grants],
            ),
            self._child(),
        )
        inside = AddressPlan.of(self._spec.network).endpoints
        return pods_of(identity.client_id).model_copy(update={"storage_networks": (inside,)})

    def secret_store(self, grant: SecretsGrant, service_account: str) -> SecretStoreFacts:
        """The vault of the prefix, by a token of the ServiceAccount:
        https://external-secrets.io/latest/provider/azure-key-vault/. Names in it have no prefix."""
        store = {
            "authType": "WorkloadIdentity",
            "vaultUrl": self._secrets_vault(grant).uri,
            "tenantId": self._spec.directory_id,
            "serviceAccountRef": {"name": service_account},
        }
        return SecretStoreFacts(provider={"azurekv": store}, prefix="")

    def point_hosts(self, name: str, address: pulumi.Input[str], host: str = EVERY_HOST) -> None:
        """By the IP address, which stays as long as its Service does."""
        group, zone = self._network.resource_group, self._dns.zone
        host_record(f"{self._prefix}-{name}", group, zone, host, address, self._child())

    def images_place(self, tenant: str) -> ImagesPlace:
        """A registry, which stays when the tenant goes, as its images do."""
        self._registry(tenant)
        return self._spec.images_place(tenant)

    def _registry(self, tenant: str) -> AzureRegistry:
        if tenant not in self._registries:
            args = self._registry_args(self._spec.tenant_registry(tenant), f"registry-{tenant}")
            self._registries[tenant] = AzureRegistry(f"{self._prefix}-registry-{tenant}", args, self._child())
        return self._registries[tenant]

    def _registry_args(self, registry: str, endpoint: str) -> AzureRegistryArgs:
        return AzureRegistryArgs(
            spec=self._spec,
            network=self._network,
            identities=self._identities,
            registry=registry,
            endpoint=endpoint,
        )

    def _permission(self, grant: Grant) -> Permission:
        if isinstance(grant, ImagesGrant):
            role = "AcrPush" if grant.access == "push" else "AcrPull"
            return Permission(role=role, scope=self._registry(grant.tenant).id)
        if isinstance(grant, BucketGrant):
            return bucket_permission(grant, self._spec)
        return Permission(role="Key Vault Secrets User", scope=self._secrets_vault(grant).id)

    def _secrets_vault(self, grant: SecretsGrant) -> AzureVault:
        """A vault for each prefix: roles have no prefixes of secrets, and the conditions that do are a preview.

        https://learn.microsoft.com/azure/key-vault/general/rbac-abac
        """
        prefix = grant.prefix.strip("/")
        if not prefix:
            raise ValueError("secrets are granted by a prefix, such as 'vision/'; an empty one would grant them all")
        if prefix not in self._secrets:
            part = f"{self._prefix}-secrets-{prefix.replace('/', '-')}"
            vault = AzureVault(
                part,
                AzureVaultArgs(
                    spec=self._spec, purpose=f"secrets/{prefix}", resource_group=self._network.resource_group
                ),
                self._child(),
            )
            AzurePrivateEndpoint(
                f"{part}-endpoint",
                AzurePrivateEndpointArgs(
                    spec=self._spec,
                    network=self._network,
                    name=f"secrets-{prefix.replace('/', '-')}",
                    target_id=vault.id,
                    service="vault",
                ),
                self._child(),
            )
            self._secrets[prefix] = vault
        return self._secrets[prefix]

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, providers=[self._azure])

    def _signed_in(self) -> azure.Provider:
        return azure.Provider(
            f"{self._prefix}-azure",
            subscription_id=self._spec.subscription_id,
            tenant_id=self._spec.directory_id,
            location=self._spec.region,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _nodes(self, args: ClusterArgs) -> list[AzureNodePool]:
        return [
            AzureNodePool(
                f"{self._prefix}-pool-{pool_name}",
                AzureNodePoolArgs(
                    spec=self._spec,
                    pool_name=pool_name,
                    pools=args.node_pools,
                    network=self._network,
                    control_plane=self.control_plane,
                ),
                self._child(),
            )
            for pool_name in args.node_pools
            if pool_name != SYSTEM_POOL
        ]


def pods_of(client_id: pulumi.Input[str]) -> WorkloadIdentity:
    """What makes pods act as an identity: https://learn.microsoft.com/azure/aks/workload-identity-overview."""
    return WorkloadIdentity(
        annotations={"azure.workload.identity/client-id": client_id}, labels={"azure.workload.identity/use": "true"}
    )


def facts(
    spec: AzureClusterSpec,
    *,
    dns01_solver: Mapping[str, Any],
    dns01_identity: WorkloadIdentity,
    service_account_issuer: pulumi.Input[str],
) -> ClusterFacts:
    """What Azure means for everything above.

    https://learn.microsoft.com/azure/aks/create-volume-azure-disk, https://learn.microsoft.com/azure/aks/create-volume-azure-files,
    https://learn.microsoft.com/azure/aks/load-balancer-standard
    """
    return ClusterFacts(
        kubernetes_version=spec.kubernetes_version,
        deleted_storage_class=DELETED_CLASS,
        retained_storage_class=RETAINED_CLASS,
        shared_storage_class=SHARED_CLASS,
        block_storage=StorageProvisioner(
            provisioner="disk.csi.azure.com",
            parameters={
                # Over zones, so that a pod finds its disk in another one when a zone fails.
                "skuName": "Premium_ZRS",
                "diskEncryptionSetID": spec.id_of(
                    "Microsoft.Compute/diskEncryptionSets", disk_encryption_set_name(spec)
                ),
            },
        ),
        shared_storage=StorageProvisioner(
            provisioner="file.csi.azure.com",
            parameters={
                "protocol": "nfs",
                "skuName": "Premium_ZRS",
                "resourceGroup": spec.resource_group,
                "storageAccount": spec.storage_account("shares"),
                "networkEndpointType": "privateEndpoint",
            },
        ),
        has_load_balancers=True,
        load_balancer_annotations={
            "service.beta.kubernetes.io/azure-load-balancer-internal": "false",
        },
        dns01_solver=dns01_solver,
        dns01_identity=dns01_identity,
        service_account_issuer=service_account_issuer,
        registry=spec.registry_address,
        artifact_bucket=spec.bucket("artifacts"),
        audit_bucket=spec.storage_account("audit"),
        autoscaler="native",
        spot_label={"kubernetes.azure.com/scalesetpriority": "spot"},
        has_device_plugin=False,
        has_gpu_metrics=False,
        gpu_driver=spec.driver_of_gpus(),
        has_metrics_server=True,
        # LocalDNS, the cache on each node of AKS, or Kubernetes' own.
        dns=DnsFacts(addresses=("169.254.10.10/31", "169.254.20.10/32")),
        networks=spec.network.own_networks(),
    )


def kubeconfig(spec: AzureClusterSpec, cluster: aks.ManagedCluster, provider: azure.Provider) -> pulumi.Output[str]:
    """A kubeconfig that holds no credential: whoever uses it asks Entra for a token.

    Signs in as the Azure CLI; in a pipeline AAD_LOGIN_METHOD=workloadidentity takes precedence
    (https://azure.github.io/kubelogin/concepts/login-modes.html). The certificate of the API server's authority is no
    output of the cluster: Azure hands it out with the kubeconfig of people, from which nothing else is taken.
    """
    handed_out = aks.list_managed_cluster_user_credentials_output(
        resource_group_name=cluster.id.apply(lambda _: spec.resource_group),
        resource_name=cluster.name,
        format="exec",
        opts=pulumi.InvokeOutputOptions(provider=provider),
    )
    endpoint = cluster.private_fqdn if spec.access.endpoint == "private" else cluster.fqdn
    authority = handed_out.kubeconfigs.apply(_authority)
    return pulumi.Output.secret(
        pulumi.Output.all(endpoint, authority).apply(lambda parts: _written(spec, str(parts[0]), str(parts[1])))
    )


def _authority(kubeconfigs: Sequence[Any]) -> str:
    content = cast(Any, YAML(typ="safe")).load(base64.b64decode(kubeconfigs[0].value))
    return str(content["clusters"][0]["cluster"]["certificate-authority-data"])


def _written(spec: AzureClusterSpec, endpoint: str, authority: str) -> str:
    access = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "kubelogin",
        "args": [
            *("get-token", "--login", "azurecli"),
            *("--server-id", _AKS_SERVER),
            *("--tenant-id", spec.directory_id),
        ],
        "interactiveMode": "Never",
    }
    server = {"server": f"https://{endpoint}:443", "certificate-authority-data": authority}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": spec.name, "cluster": server}],
            "users": [{"name": spec.name, "user": {"exec": access}}],
            "contexts": [{"name": spec.name, "context": {"cluster": spec.name, "user": spec.name}}],
            "current-context": spec.name,
        }
    )
