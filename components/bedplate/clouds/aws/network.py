"""The VPC: nodes without public addresses in every zone, a way out, and AWS's own services without leaving it.

Owns subnets, NAT gateways (one a zone, so that a zone's failure stays in it), endpoints, and the emptied default
security group. It deliberately owns no load balancer and no peering. Sources:
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html, https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html.
"""

from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, vpc

from bedplate.clouds.aws.spec import AddressPlan, AwsClusterSpec

INTERFACE_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "eks-auth", "logs", "sts")
"""Services that nodes and add-ons call all the time."""
_LOAD_BALANCERS = "kubernetes.io/role/elb"
_INTERNAL_LOAD_BALANCERS = "kubernetes.io/role/internal-elb"


@dataclass(frozen=True, kw_only=True)
class AwsNetworkArgs:
    """spec: of the cluster."""

    spec: AwsClusterSpec


class AwsNetwork(pulumi.ComponentResource):
    """The VPC with its subnets and endpoints."""

    vpc_id: pulumi.Output[str]
    """The VPC."""
    private_subnet_ids: list[pulumi.Output[str]]
    """Subnets of the nodes, one a zone."""

    def __init__(self, name: str, args: AwsNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AwsNetwork", name, {}, opts)
        self._prefix, self._spec = name, args.spec
        self._child = pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=True)
        plan = AddressPlan.of(args.spec.network)
        network = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.spec.network.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self._named("vpc"),
            opts=self._kept,
        )
        self.vpc_id = network.id
        ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=self.vpc_id, ingress=[], egress=[], opts=self._child)
        gateways = self._public(plan)
        self.private_subnet_ids, tables = self._private(plan, gateways)
        self._endpoints(tables)
        self.register_outputs({"vpc_id": self.vpc_id})

    def _named(self, part: str) -> dict[str, str]:
        return {"Name": f"{self._spec.name}-{part}"}

    def _public(self, plan: AddressPlan) -> list[ec2.NatGateway]:
        """Subnets of load balancers, with the way out of each zone."""
        name = self._prefix
        internet = ec2.InternetGateway(f"{name}-internet", vpc_id=self.vpc_id, opts=self._child)
        table = ec2.RouteTable(f"{name}-public", vpc_id=self.vpc_id, tags=self._named("public"), opts=self._child)
        ec2.Route(
            f"{name}-public-internet",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=internet.id,
            opts=self._child,
        )
        gateways: list[ec2.NatGateway] = []
        for zone, cidr in zip(self._spec.availability_zones, plan.public, strict=True):
            subnet = self._subnet(f"public-{zone}", zone, cidr, _LOAD_BALANCERS)
            ec2.RouteTableAssociation(
                f"{name}-public-{zone}-routes", subnet_id=subnet.id, route_table_id=table.id, opts=self._child
            )
            address = ec2.Eip(f"{name}-{zone}-address", domain="vpc", tags=self._named(zone), opts=self._kept)
            gateways.append(
                ec2.NatGateway(
                    f"{name}-{zone}-nat",
                    allocation_id=address.id,
                    subnet_id=subnet.id,
                    tags=self._named(zone),
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[internet]),
                )
            )
        return gateways

    def _private(
        self, plan: AddressPlan, gateways: list[ec2.NatGateway]
    ) -> tuple[list[pulumi.Output[str]], list[pulumi.Output[str]]]:
        """Subnets and route tables of the nodes."""
        subnets: list[pulumi.Output[str]] = []
        tables: list[pulumi.Output[str]] = []
        for zone, cidr, gateway in zip(self._spec.availability_zones, plan.private, gateways, strict=True):
            name = f"{self._prefix}-private-{zone}"
            subnet = self._subnet(f"private-{zone}", zone, cidr, _INTERNAL_LOAD_BALANCERS)
            table = ec2.RouteTable(name + "-table", vpc_id=self.vpc_id, tags=self._named(zone), opts=self._child)
            ec2.Route(
                f"{name}-out",
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=gateway.id,
                opts=self._child,
            )
            ec2.RouteTableAssociation(f"{name}-routes", subnet_id=subnet.id, route_table_id=table.id, opts=self._child)
            subnets.append(subnet.id)
            tables.append(table.id)
        return subnets, tables

    def _subnet(self, part: str, zone: str, cidr: str, role: str) -> ec2.Subnet:
        return ec2.Subnet(
            f"{self._prefix}-{part}",
            vpc_id=self.vpc_id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags={**self._named(part), role: "1"},
            opts=self._kept,
        )

    def _endpoints(self, tables: list[pulumi.Output[str]]) -> None:
        name, services = self._prefix, f"com.amazonaws.{self._spec.region}"
        group = ec2.SecurityGroup(
            f"{name}-endpoints",
            vpc_id=self.vpc_id,
            description="Endpoints of AWS services, for the network",
            tags=self._named("endpoints"),
            opts=self._child,
        )
        vpc.SecurityGroupIngressRule(
            f"{name}-endpoints-https",
            security_group_id=group.id,
            cidr_ipv4=self._spec.network.cidr,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self._child,
        )
        ec2.VpcEndpoint(
            f"{name}-endpoint-s3",
            vpc_id=self.vpc_id,
            service_name=f"{services}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=tables,
            tags=self._named("s3"),
            opts=self._child,
        )
        for service in INTERFACE_ENDPOINTS:
            ec2.VpcEndpoint(
                f"{name}-endpoint-{service}",
                vpc_id=self.vpc_id,
                service_name=f"{services}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=self.private_subnet_ids,
                security_group_ids=[group.id],
                tags=self._named(service),
                opts=self._child,
            )
