"""The platform's DNS zone, and who may prove to a certificate authority that it is ours.

Owns the public zone, cert-manager's identity with a role of our own (Azure's narrowest, DNS Zone Contributor, may
delete the zone), and the form of the one record that is ours. It deliberately owns no other:
delegating the domain to the zone's name servers is done once, by whoever holds the parent domain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_azure_native import dns

from bedplate.clouds.azure.identity import AzureWorkloadIdentity, AzureWorkloadIdentityArgs
from bedplate.clouds.azure.network import AzureNetwork
from bedplate.clouds.azure.policies import Permission, definition
from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.labels import CERTIFICATES_NAMESPACE

CERT_MANAGER = "cert-manager"
CHALLENGE_ACTIONS = (
    "Microsoft.Network/dnsZones/read",
    "Microsoft.Network/dnsZones/TXT/read",
    "Microsoft.Network/dnsZones/TXT/write",
    "Microsoft.Network/dnsZones/TXT/delete",
)
"""TXT records of challenges, nothing else: https://cert-manager.io/docs/configuration/acme/dns01/azuredns/."""

_SECONDS_TO_LIVE = 300


@dataclass(frozen=True, kw_only=True)
class AzureDnsArgs:
    """domain: of the platform's hosts. issuer: of the cluster's tokens."""

    spec: AzureClusterSpec
    network: AzureNetwork
    domain: str
    issuer: pulumi.Input[str]


class AzureDns(pulumi.ComponentResource):
    """The zone of the platform's domain."""

    zone: pulumi.Output[str]
    """Name of the zone."""
    name_servers: pulumi.Output[Sequence[str]]
    """Where the parent domain must delegate to."""
    challenger: pulumi.Output[str]
    """What cert-manager signs in as."""

    def __init__(self, name: str, args: AzureDnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:AzureDns", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        zone = dns.Zone(
            f"{name}-zone",
            zone_name=args.domain,
            zone_type=dns.ZoneType.PUBLIC,
            resource_group_name=args.network.resource_group,
            location="global",
            tags=args.spec.resource_tags,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        role = definition(
            f"{name}-challenges-role",
            f"{args.spec.registry} challenges",
            args.spec.resource_group_id,
            CHALLENGE_ACTIONS,
            pulumi.ResourceOptions(parent=self, depends_on=[zone]),
        )
        identity = AzureWorkloadIdentity(
            f"{name}-challenges",
            AzureWorkloadIdentityArgs(
                spec=args.spec,
                network=args.network,
                namespace=CERTIFICATES_NAMESPACE,
                service_account=CERT_MANAGER,
                issuer=args.issuer,
                permissions=[Permission(role=role.id, scope=zone.id)],
                protect=True,
            ),
            child,
        )
        self.zone, self.name_servers, self.challenger = zone.name, zone.name_servers, identity.client_id
        self.register_outputs({"zone": self.zone, "name_servers": self.name_servers, "challenger": self.challenger})


def host_record(
    name: str,
    resource_group: pulumi.Input[str],
    zone: pulumi.Input[str],
    host: str,
    address: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> None:
    """A host of the domain, or all by a wildcard, at a load balancer's address."""
    dns.RecordSet(
        name,
        resource_group_name=resource_group,
        zone_name=zone,
        relative_record_set_name=host,
        record_type="A",
        ttl=_SECONDS_TO_LIVE,
        a_records=[dns.ARecordArgs(ipv4_address=address)],
        opts=opts,
    )


def solver(spec: AzureClusterSpec, domain: str, client_id: pulumi.Input[str]) -> Mapping[str, Any]:
    """cert-manager's DNS-01 solver; the pod's token is the credential."""
    return {
        "azureDNS": {
            "subscriptionID": spec.subscription_id,
            "resourceGroupName": spec.resource_group,
            "hostedZoneName": domain,
            "environment": "AzurePublicCloud",
            "managedIdentity": {"clientID": client_id},
        }
    }
