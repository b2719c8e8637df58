"""The gate for SSH: one load balancer, by which each person reaches the workspaces that are theirs.

Owns the namespace, the gate, its address and who gets where. It deliberately owns nothing in a workspace: that runs the
SSH server of its own image, and takes from here whom to let in (docs/adr/0034-ssh.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import Cluster
from bedplate.kubernetes import (
    Alert,
    KubernetesObject,
    LoadBalancer,
    PlatformNamespace,
    PlatformNamespaceArgs,
)
from bedplate.labels import SSH_HOST, SSH_NAMESPACE
from bedplate.services.ssh.alerts import SSH_ALERTS
from bedplate.services.ssh.gate import (
    IDENTITY,
    REPLICAS,
    deployment,
    doors,
    host_key,
    others,
    policies,
    program,
    service,
    settings,
)
from bedplate.services.ssh.keys import Reached, keys_of
from bedplate.services.ssh.spec import SshSpec


@dataclass(frozen=True, kw_only=True)
class SshArgs:
    """workspaces: all that are reached. secret: resolves the name of a config secret."""

    spec: SshSpec
    workspaces: Sequence[Reached]
    cluster: Cluster
    secret: Callable[[str], pulumi.Output[str]]


class Ssh(pulumi.ComponentResource):
    """The gate."""

    alerts: Sequence[Alert]
    """Of the gate, and of who counts."""
    address: pulumi.Output[str]
    """Of its load balancer; empty while it has none."""

    def __init__(self, name: str, args: SshArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Ssh", name, {}, opts)
        self._spec, self.alerts, facts = args.spec, SSH_ALERTS, args.cluster.facts
        place = PlatformNamespace(
            f"{name}-place",
            PlatformNamespaceArgs(
                namespace=SSH_NAMESPACE,
                identity=IDENTITY,
                kubernetes_version=facts.kubernetes_version,
                dns=facts.dns,
                policies=policies(),
                critical_pods=2 * REPLICAS,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        inside = place.inside(self)
        before = [
            KubernetesObject(f"{name}-{body['kind'].lower()}-{body['metadata']['name']}", body, inside)
            for body in (
                *others(),
                settings(),
                doors(args.spec, args.workspaces),
                program(),
                host_key(args.secret(args.spec.host_key_ref)),
            )
        ]
        after = pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=before))
        gate = KubernetesObject(f"{name}-deployment", deployment(), after)
        reached = pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[gate]))
        balancer = LoadBalancer(f"{name}-load-balancer", service(args.spec, facts), reached)
        self.address = balancer.address
        args.cluster.point_hosts("ssh", self.address, SSH_HOST)
        self.register_outputs({"address": self.address})

    def authorized_keys(self, person: str) -> str:
        """The file by which a workspace lets its owner in."""
        return "".join(f"{line}\n" for line in keys_of(self._spec, person))
