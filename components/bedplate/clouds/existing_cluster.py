"""A cluster taken over as it is.

Owns the Kubernetes provider and takes the facts from the stack file. It deliberately creates no cluster, node or
network.
"""

from collections.abc import Sequence

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from bedplate.clouds.cluster import EVERY_HOST, Cluster, ClusterArgs, kubernetes_provider
from bedplate.clouds.contract import Grant, ImagesPlace, SecretsGrant
from bedplate.clouds.existing import ExistingClusterSpec
from bedplate.clouds.facts import SecretStoreFacts, WorkloadIdentity
from bedplate.clouds.kubeconfig import CONTEXT_FIX


class ExistingCluster(Cluster):
    """A cluster taken over from a kubeconfig."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:ExistingCluster", name, {}, opts)
        spec = args.spec
        assert isinstance(spec, ExistingClusterSpec)
        _refuse_what_is_out_of_reach(spec)
        self.kubernetes_provider = kubernetes_provider(
            f"{name}-kubernetes",
            spec.name,
            kubeconfig=args.secret(spec.kubeconfig_ref) if spec.kubeconfig_ref else None,
            context=spec.context,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.facts = spec.known_facts()
        self.register_outputs({})

    def workload_identity(
        self, name: str, namespace: str, service_account: str, grants: Sequence[Grant]
    ) -> WorkloadIdentity:
        """Refused: nothing is known of the cloud below the cluster."""
        raise ValueError(
            f"'{service_account}' in '{namespace}' asks for an identity of the cloud, and the cloud below an existing "
            "cluster is not known; create the identity yourself, or let the platform create the cluster"
        )

    def secret_store(self, grant: SecretsGrant, service_account: str) -> SecretStoreFacts:
        """Refused, as an identity is."""
        raise ValueError(
            f"the secrets below '{grant.prefix}' are to be the cloud's, and the cloud below an existing cluster is not "
            "known; take `store: vault` or `store: kubernetes`"
        )

    def images_place(self, tenant: str) -> ImagesPlace:
        """Refused, as an identity is."""
        raise ValueError(
            f"builds of '{tenant}' are to push as an identity of the cloud, and the cloud below an existing cluster is "
            "not known; give them an account of a registry (images.builds.credentials)"
        )

    def point_hosts(self, name: str, address: pulumi.Input[str], host: str = EVERY_HOST) -> None:
        """Nothing: whoever has the domain's zone makes the record once, and the stack exports where it must lead."""


def _refuse_what_is_out_of_reach(spec: ExistingClusterSpec) -> None:
    """Pulumi's preview succeeds where the context does not exist, and shows all as new; the update then fails.

    Where nothing is asked of a cluster, as in tests and in `bedplate preview`, nobody needs a kubeconfig.
    """
    missing = [] if isinstance(get_monitor(), MockMonitor) else spec.out_of_reach_here()
    if missing:
        raise pulumi.RunError("\n".join([*missing, f"  fix:     {CONTEXT_FIX}"]))
