"""What the rest of the platform knows of a cluster: a Kubernetes provider and facts.

Owns the contract that every cloud implements. It deliberately holds no condition on which cloud it is: what differs in
degree is a fact (`ClusterFacts`), what differs in kind is a method with one implementation a cloud.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from bedplate.clouds.contract import ClusterSpec, Grant, ImagesPlace, NodePoolSpec, SecretsGrant
from bedplate.clouds.facts import ClusterFacts, SecretStoreFacts, WorkloadIdentity


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """secret: resolves the name of a config secret to its value. domain: of the platform's hosts."""

    spec: ClusterSpec
    node_pools: Mapping[str, NodePoolSpec]
    domain: str
    secret: Callable[[str], pulumi.Output[str]]


EVERY_HOST = "*"
"""The label of a wildcard record."""


class Cluster(pulumi.ComponentResource):
    """The contract. Each implementation sets both outputs in its constructor."""

    kubernetes_provider: kubernetes.Provider
    """The one configured way to the cluster's API; everything above takes it from its parent."""
    facts: ClusterFacts
    """What the rest of the platform may know about the cluster."""

    @abstractmethod
    def workload_identity(
        self, name: str, namespace: str, service_account: str, grants: Sequence[Grant]
    ) -> WorkloadIdentity:
        """An identity of the cloud for the pods of one ServiceAccount, with these grants and no others.

        name: of the resources, put behind the cluster's. Raises ValueError where the cluster's cloud is not known.
        """
        raise NotImplementedError

    @abstractmethod
    def secret_store(self, grant: SecretsGrant, service_account: str) -> SecretStoreFacts:
        """The cloud's store of the secrets that the grant allows, read as a ServiceAccount that has it.

        Raises ValueError where the cluster's cloud is not known.
        """
        raise NotImplementedError

    @abstractmethod
    def images_place(self, tenant: str) -> ImagesPlace:
        """Where builds of a tenant push that have an `ImagesGrant`; made when it is first asked for.

        Raises ValueError where the cluster's cloud is not known.
        """
        raise NotImplementedError

    @abstractmethod
    def point_hosts(self, name: str, address: pulumi.Input[str], host: str = EVERY_HOST) -> None:
        """Makes hosts of the platform's domain lead to the address of a load balancer.

        One record in the domain's zone, which goes before both; nothing where the zone is somebody else's. name: of the
        record, put behind the cluster's. host: its first label; every one that has no record of its own if none.
        """
        raise NotImplementedError


ClusterImplementation = Callable[[str, ClusterArgs, pulumi.ResourceOptions | None], Cluster]
"""Makes the cluster of a spec: name, arguments, options."""


def create_cluster(name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> Cluster:
    """The cluster that the spec describes, behind the contract all clouds share."""
    return args.spec.implementation()(name, args, opts)


def kubeconfig_without_credential(
    name: str, server: pulumi.Input[str], authority: pulumi.Input[str], command: Mapping[str, Any]
) -> pulumi.Output[str]:
    """A kubeconfig whose user asks the cloud for a token. authority: the cluster's, in base64.

    command: of the `exec` plugin; https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
    """
    access = {"interactiveMode": "Never", **command}
    written = pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": name, "user": {"exec": access}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
    return pulumi.Output.secret(written)


def kubernetes_provider(
    name: str,
    cluster_identifier: str,
    *,
    opts: pulumi.ResourceOptions,
    kubeconfig: pulumi.Input[str] | None = None,
    context: str | None = None,
) -> kubernetes.Provider:
    """The Kubernetes provider as every cloud configures it.

    `cluster_identifier` alone decides whether the provider, and with it every object, is replaced: a rotated
    certificate or a new API address must never do that. ConfigMaps and Secrets change in place (pods roll by a hash
    annotation), and existing objects are never adopted: creation of an object that exists is an error
    (https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/).
    """
    return kubernetes.Provider(
        name,
        cluster_identifier=cluster_identifier,
        kubeconfig=kubeconfig,
        context=context,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        kube_client_settings=kubernetes.KubeClientSettingsArgs(qps=200, burst=400),
        opts=opts,
    )
