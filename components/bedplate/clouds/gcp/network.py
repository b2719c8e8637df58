"""The VPC: nodes without public addresses, a way out, and Google's own services without leaving it.

Owns the network, one subnet with the ranges of pods and services, NAT with addresses that stay, flow logs, and a rule
that logs what is turned away. It deliberately owns no load balancer, no peering, and no rule from the control plane
to webhooks: GKE makes its own rules, and clusters of today talk to webhooks from within, by agents that run on the
nodes. Sources: https://cloud.google.com/kubernetes-engine/docs/concepts/alias-ips,
https://cloud.google.com/kubernetes-engine/docs/concepts/private-service-connect.
"""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import compute

from bedplate.clouds.gcp.spec import AddressPlan, GcpClusterSpec

POD_RANGE = "pods"
SERVICE_RANGE = "services"
_NAT_ADDRESSES = 2
"""Each carries 64,512 connections to one destination: https://cloud.google.com/nat/docs/ports-and-addresses."""
_LAST_PRIORITY = 65_000
"""After every rule of GKE, before the network's own refusal, which cannot be logged."""


@dataclass(frozen=True, kw_only=True)
class GcpNetworkArgs:
    """spec: of the cluster."""

    spec: GcpClusterSpec


class GcpNetwork(pulumi.ComponentResource):
    """The VPC with its subnet and its way out."""

    network_id: pulumi.Output[str]
    """The VPC."""
    subnet_id: pulumi.Output[str]
    """Subnet of the nodes, which spans the region's zones."""

    def __init__(self, name: str, args: GcpNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpNetwork", name, {}, opts)
        self._prefix, self._spec = name, args.spec
        self._child = pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=True)
        network = compute.Network(
            f"{name}-vpc",
            name=args.spec.name,
            auto_create_subnetworks=False,
            routing_mode="REGIONAL",
            opts=self._kept,
        )
        self.network_id = network.id
        self.subnet_id = self._subnet().id
        self._way_out()
        self._file_servers()
        self._refusals()
        self.register_outputs({"network_id": self.network_id, "subnet_id": self.subnet_id})

    def _subnet(self) -> compute.Subnetwork:
        plan, network = AddressPlan.of(self._spec.network), self._spec.network
        return compute.Subnetwork(
            f"{self._prefix}-nodes",
            name=f"{self._spec.name}-nodes",
            network=self.network_id,
            region=self._spec.region,
            ip_cidr_range=plan.nodes,
            secondary_ip_ranges=[
                compute.SubnetworkSecondaryIpRangeArgs(range_name=name, ip_cidr_range=cidr)
                for name, cidr in ((POD_RANGE, network.pod_cidr), (SERVICE_RANGE, network.service_cidr))
            ],
            # Registry, storage and identity are reached without a public address.
            private_ip_google_access=True,
            log_config=compute.SubnetworkLogConfigArgs(
                aggregation_interval="INTERVAL_10_MIN", flow_sampling=0.5, metadata="INCLUDE_ALL_METADATA"
            ),
            opts=self._kept,
        )

    def _way_out(self) -> None:
        name, region = self._prefix, self._spec.region
        addresses = [
            compute.Address(
                f"{name}-address-{number}", name=f"{self._spec.name}-{number}", region=region, opts=self._kept
            )
            for number in range(_NAT_ADDRESSES)
        ]
        router = compute.Router(
            f"{name}-router", name=self._spec.name, network=self.network_id, region=region, opts=self._child
        )
        compute.RouterNat(
            f"{name}-nat",
            name=self._spec.name,
            router=router.name,
            region=region,
            nat_ip_allocate_option="MANUAL_ONLY",
            nat_ips=[address.self_link for address in addresses],
            source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
            subnetworks=[
                compute.RouterNatSubnetworkArgs(name=self.subnet_id, source_ip_ranges_to_nats=["ALL_IP_RANGES"])
            ],
            # A node full of pods opens more connections than its fair share; others have them to spare.
            enable_dynamic_port_allocation=True,
            enable_endpoint_independent_mapping=False,
            min_ports_per_vm=64,
            max_ports_per_vm=8192,
            log_config=compute.RouterNatLogConfigArgs(enable=True, filter="ERRORS_ONLY"),
            opts=self._child,
        )

    def _file_servers(self) -> None:
        """Filestore calls back about locks, on ports that clients choose: https://cloud.google.com/filestore/docs/configuring-firewall."""
        ports = ["111", "1024-65535"]
        compute.Firewall(
            f"{self._prefix}-files",
            name=f"{self._spec.name}-files",
            network=self.network_id,
            direction="INGRESS",
            source_ranges=[AddressPlan.of(self._spec.network).files],
            target_tags=[self._spec.name],
            allows=[compute.FirewallAllowArgs(protocol=protocol, ports=ports) for protocol in ("tcp", "udp")],
            opts=self._child,
        )

    def _refusals(self) -> None:
        """Ingress is refused anyway; this says so in the log."""
        compute.Firewall(
            f"{self._prefix}-refused",
            name=f"{self._spec.name}-refused",
            network=self.network_id,
            direction="INGRESS",
            priority=_LAST_PRIORITY,
            source_ranges=["0.0.0.0/0"],
            denies=[compute.FirewallDenyArgs(protocol="all")],
            log_config=compute.FirewallLogConfigArgs(metadata="EXCLUDE_ALL_METADATA"),
            opts=self._child,
        )
