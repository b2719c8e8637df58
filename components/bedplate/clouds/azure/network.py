"""The resource group and the virtual network: nodes without public addresses, a way out, and Azure's services within.

Owns the group, subnets that span all zones, the NAT gateway, private DNS zones and, for others to use, private
endpoints. It deliberately owns no load balancer and no peering, and one NAT gateway: a gateway stands in one zone, a
subnet has one gateway, and AKS spreads a pool over the zones of one subnet
(https://learn.microsoft.com/azure/nat-gateway/nat-availability-zones). The gateway is without a zone, so that Azure may
place it where there is room; it is the way out alone: what is stored is reached by private endpoints in every zone.
"""

from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi_azure_native import network, privatedns, resources

from bedplate.clouds.azure.spec import AddressPlan, AzureClusterSpec

SERVICES: dict[str, tuple[str, str]] = {
    "blob": ("blob", "privatelink.blob.core.windows.net"),
    "file": ("file", "privatelink.file.core.windows.net"),
    "registry": ("registry", "privatelink.azurecr.io"),
    "vault": ("vault", "privatelink.vaultcore.azure.net"),
}
"""What stands behind private endpoints: group id and DNS zone, https://learn.microsoft.com/azure/private-link/private-endpoint-dns."""
_API_SERVERS = "Microsoft.ContainerService/managedClusters"


@dataclass(frozen=True, kw_only=True)
class AzureNetworkArgs:
    """spec: of the cluster."""

    spec: AzureClusterSpec


class AzureNetwork(pulumi.ComponentResource):
    """The virtual network with its subnets and private zones."""

    resource_group: pulumi.Output[str]
    """Name of the group that holds everything but the nodes."""
    vnet_id: pulumi.Output[str]
    """The virtual network."""
    nodes_subnet_id: pulumi.Output[str]
    """Subnet of the nodes."""
    endpoints_subnet_id: pulumi.Output[str]
    """Subnet of private endpoints."""
    api_server_subnet_id: pulumi.Output[str]
    """Subnet that the API server is in."""
    zone_ids: dict[str, pulumi.Output[str]]
    """Private DNS zones by service."""

    def __init__(self, name: str, args: AzureNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureNetwork", name, {}, opts)
        self._prefix, self._spec = name, args.spec
        self._child = pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=True)
        group = resources.ResourceGroup(
            f"{name}-group",
            resource_group_name=args.spec.resource_group,
            location=args.spec.region,
            tags=args.spec.resource_tags,
            opts=self._kept,
        )
        self.resource_group = group.name
        vnet = network.VirtualNetwork(
            f"{name}-vnet",
            virtual_network_name=args.spec.name,
            resource_group_name=self.resource_group,
            location=args.spec.region,
            address_space=network.AddressSpaceArgs(address_prefixes=[args.spec.network.cidr]),
            tags=args.spec.resource_tags,
            opts=self._kept,
        )
        self.vnet_id = vnet.id
        self._subnets(vnet)
        self.zone_ids = {service: self._zone(service, domain) for service, (_, domain) in SERVICES.items()}
        self.register_outputs(
            {
                "resource_group": self.resource_group,
                "vnet_id": self.vnet_id,
                "nodes_subnet_id": self.nodes_subnet_id,
                "endpoints_subnet_id": self.endpoints_subnet_id,
                "api_server_subnet_id": self.api_server_subnet_id,
            }
        )

    def _subnets(self, vnet: network.VirtualNetwork) -> None:
        """One after the other: a virtual network takes one change at a time."""
        plan, rules = AddressPlan.of(self._spec.network), self._rules("closed")
        gateway = self._way_out()
        nodes = self._subnet("nodes", plan.nodes, vnet, self._rules("nodes", _people()), gateway=gateway)
        endpoints = self._subnet("endpoints", plan.endpoints, vnet, rules, after=nodes)
        api_server = self._subnet(
            "api-server", plan.api_server, vnet, rules, gateway=gateway, delegate=_API_SERVERS, after=endpoints
        )
        self.nodes_subnet_id, self.endpoints_subnet_id = nodes.id, endpoints.id
        self.api_server_subnet_id = api_server.id

    def _rules(self, part: str, *more: network.SecurityRuleArgs) -> network.NetworkSecurityGroup:
        """Azure's own rules let the network and its load balancers in, nobody else, and everything out.

        Pods' addresses are not the network's, and what they say to each other passes here:
        https://learn.microsoft.com/azure/aks/concepts-network-azure-cni-overlay.
        """
        own = [self._spec.network.cidr, self._spec.network.pod_cidr]
        pods = network.SecurityRuleArgs(
            name="pods",
            priority=100,
            direction=network.SecurityRuleDirection.INBOUND,
            access=network.SecurityRuleAccess.ALLOW,
            protocol=network.SecurityRuleProtocol.ASTERISK,
            source_address_prefixes=own,
            source_port_range="*",
            destination_address_prefixes=own,
            destination_port_range="*",
        )
        return network.NetworkSecurityGroup(
            f"{self._prefix}-{part}-rules",
            network_security_group_name=f"{self._spec.name}-{part}",
            resource_group_name=self.resource_group,
            location=self._spec.region,
            security_rules=[pods, *more],
            tags=self._spec.resource_tags,
            opts=self._child,
        )

    def _way_out(self) -> network.NatGateway:
        name = self._prefix
        address = network.PublicIPAddress(
            f"{name}-address",
            public_ip_address_name=f"{self._spec.name}-out",
            resource_group_name=self.resource_group,
            location=self._spec.region,
            public_ip_allocation_method=network.IPAllocationMethod.STATIC,
            sku=network.PublicIPAddressSkuArgs(name=network.PublicIPAddressSkuName.STANDARD),
            zones=list(self._spec.availability_zones),
            tags=self._spec.resource_tags,
            opts=self._kept,
        )
        return network.NatGateway(
            f"{name}-nat",
            nat_gateway_name=self._spec.name,
            resource_group_name=self.resource_group,
            location=self._spec.region,
            public_ip_addresses=[network.SubResourceArgs(id=address.id)],
            sku=network.NatGatewaySkuArgs(name=network.NatGatewaySkuName.STANDARD),
            tags=self._spec.resource_tags,
            opts=self._child,
        )

    def _subnet(
        self,
        part: str,
        cidr: str,
        vnet: network.VirtualNetwork,
        rules: network.NetworkSecurityGroup,
        *,
        gateway: network.NatGateway | None = None,
        delegate: str | None = None,
        after: pulumi.Resource | None = None,
    ) -> network.Subnet:
        """delegate: the service that the subnet is for."""
        return network.Subnet(
            f"{self._prefix}-{part}",
            subnet_name=part,
            virtual_network_name=vnet.name,
            resource_group_name=self.resource_group,
            address_prefix=cidr,
            default_outbound_access=False,
            nat_gateway=network.SubResourceArgs(id=gateway.id) if gateway else None,
            network_security_group=network.NetworkSecurityGroupArgs(id=rules.id),
            private_endpoint_network_policies=network.VirtualNetworkPrivateEndpointNetworkPolicies.ENABLED,
            delegations=[network.DelegationArgs(name=part, service_name=delegate)] if delegate else None,
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=[after] if after else None),
        )

    def _zone(self, service: str, domain: str) -> pulumi.Output[str]:
        """The private zone that resolves endpoints of one service in the network."""
        name = f"{self._prefix}-{service}"
        zone = privatedns.PrivateZone(
            f"{name}-names",
            private_zone_name=domain,
            resource_group_name=self.resource_group,
            location="global",
            tags=self._spec.resource_tags,
            opts=self._child,
        )
        privatedns.VirtualNetworkLink(
            f"{name}-link",
            virtual_network_link_name=self._spec.name,
            private_zone_name=zone.name,
            resource_group_name=self.resource_group,
            location="global",
            registration_enabled=False,
            virtual_network=privatedns.SubResourceArgs(id=self.vnet_id),
            tags=self._spec.resource_tags,
            opts=self._child,
        )
        return zone.id


def _people() -> network.SecurityRuleArgs:
    """Who comes through a public load balancer keeps their address.

    AKS's own group, at the nodes, allows the balancer's addresses alone: https://learn.microsoft.com/azure/aks/concepts-network.
    """
    return network.SecurityRuleArgs(
        name="people",
        priority=110,
        direction=network.SecurityRuleDirection.INBOUND,
        access=network.SecurityRuleAccess.ALLOW,
        protocol=network.SecurityRuleProtocol.TCP,
        source_address_prefix="Internet",
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_ranges=["80", "443"],
    )


@dataclass(frozen=True, kw_only=True)
class AzurePrivateEndpointArgs:
    """name: of the endpoint in Azure. target_id: what it leads to. service: of `SERVICES`."""

    spec: AzureClusterSpec
    network: AzureNetwork
    name: str
    target_id: pulumi.Input[str]
    service: Literal["blob", "file", "registry", "vault"]


class AzurePrivateEndpoint(pulumi.ComponentResource):
    """An address in the network of one vault, storage account or registry, with its name in the private zone."""

    def __init__(self, name: str, args: AzurePrivateEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzurePrivateEndpoint", name, {}, opts)
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        group, _ = SERVICES[args.service]
        endpoint = network.PrivateEndpoint(
            f"{name}-endpoint",
            private_endpoint_name=f"{spec.name}-{args.name}",
            resource_group_name=args.network.resource_group,
            location=spec.region,
            subnet=network.SubnetArgs(id=args.network.endpoints_subnet_id),
            private_link_service_connections=[
                network.PrivateLinkServiceConnectionArgs(
                    name=args.service, private_link_service_id=args.target_id, group_ids=[group]
                )
            ],
            tags=spec.resource_tags,
            opts=child,
        )
        network.PrivateDnsZoneGroup(
            f"{name}-name",
            private_dns_zone_group_name="default",
            private_endpoint_name=endpoint.name,
            resource_group_name=args.network.resource_group,
            private_dns_zone_configs=[
                network.PrivateDnsZoneConfigArgs(
                    name=args.service, private_dns_zone_id=args.network.zone_ids[args.service]
                )
            ],
            opts=child,
        )
        self.register_outputs({})
